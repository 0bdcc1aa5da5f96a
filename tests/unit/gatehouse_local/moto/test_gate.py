"""Who is inside is waited for; who comes later isn't let in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from werkzeug.test import run_wsgi_app

from gatehouse_local.moto.gate import Gate


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/broken":
        raise ValueError("broken")
    start_response("200 OK", [])
    return iter([b"one", b"two"])


def call(gate: Gate, path: str = "/") -> tuple[Iterable[bytes], str]:
    answer, status, _ = run_wsgi_app(gate, {"PATH_INFO": path, "REQUEST_METHOD": "GET"})
    return answer, status


def leave(answer: Any) -> None:
    answer.close()


def test_an_answer_that_is_being_written_holds_the_gate() -> None:
    gate = Gate(application)
    answer, status = call(gate)
    assert status == "200 OK"
    assert not gate.close(0)
    leave(answer)
    assert gate.close(0)


def test_whoever_comes_after_the_close_is_refused_and_not_counted() -> None:
    gate = Gate(application)
    assert gate.close(0)
    answer, status = call(gate)
    assert status == "503 Service Unavailable"
    assert list(answer) == []
    assert gate.close(0)


def test_a_call_that_fails_has_left() -> None:
    gate = Gate(application)
    with pytest.raises(ValueError, match="broken"):
        call(gate, "/broken")
    assert gate.close(0)


def test_the_answer_passes_unchanged() -> None:
    answer, _ = call(Gate(application))
    found: Iterator[bytes] = iter(answer)
    assert b"".join(found) == b"onetwo"
