"""When a document became searchable is noted once, by a thread whose failure doesn't stay its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opensearchpy.exceptions import ConnectionTimeout

from gatehouse_stack.demo.watch import POLL_SECONDS, Watch
from gatehouse_stack.layout import Layout

ROOT = Path(__file__).resolve().parents[4]


class Search:
    """Answer searches with what a test says, which may be an error."""

    def __init__(self, *answers: list[str] | Exception) -> None:
        self.answers = list(answers)

    def search(self, **_: Any) -> dict[str, Any]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {"hits": {"hits": [{"_source": {"event_id": event}} for event in answer]}}


def watching(run: Path, search: Search) -> Watch:
    watch = Watch(Layout(ROOT, run, 24900), [])
    watch.search = search  # type: ignore[assignment]
    return watch


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_document_keeps_the_time_at_which_it_was_first_found(tmp_path: Path) -> None:
    began = time.time()
    with watching(tmp_path, Search([], ["a"], ConnectionTimeout("slow"), ["a", "b"])) as watch:
        until(lambda: "b" in watch.documents)
    first, later = (watch.documents[event][1] for event in ("a", "b"))
    assert began < first <= later - POLL_SECONDS


def test_what_ends_the_noting_is_raised_to_who_asks_for_the_evidence(tmp_path: Path) -> None:
    with watching(tmp_path, Search(ValueError("not a search result"))) as watch:
        until(watch.polling.done)
        with pytest.raises(ValueError, match="not a search result"):
            watch.arrivals(0.0, 1.0)
