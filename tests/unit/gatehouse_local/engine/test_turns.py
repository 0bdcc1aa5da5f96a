"""Calls wait their turn: patient ones after all others, each group in order."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from gatehouse_local.engine.turns import Turns


class Pool:
    """Take calls and answer when told; `broken` refuses them."""

    def __init__(self) -> None:
        self.under_way: list[tuple[str, Future[str]]] = []
        self.broken = False

    def submit(self, function: Any, name: str) -> Future[str]:
        if self.broken:
            raise OSError("no pool")
        future: Future[str] = Future()
        self.under_way.append((name, future))
        return future

    def answer(self) -> str:
        name, future = self.under_way.pop(0)
        future.set_result(name.upper())
        return name


def test_a_caller_goes_before_patient_ones_that_came_earlier() -> None:
    pool = Pool()
    turns = Turns(1, pool.submit)
    answers = [
        turns.ask(str, name, patient=name.startswith("frame")) for name in ("frame 1", "frame 2", "a", "b")
    ]
    assert [pool.answer() for _ in answers] == ["frame 1", "a", "b", "frame 2"]
    assert [answer.result() for answer in answers] == ["FRAME 1", "FRAME 2", "A", "B"]


def test_no_more_than_allowed_are_under_way() -> None:
    pool = Pool()
    turns = Turns(2, pool.submit)
    for name in "abc":
        turns.ask(str, name, patient=False)
    assert [name for name, _ in pool.under_way] == ["a", "b"]


def test_a_call_that_fails_fails_alone() -> None:
    pool = Pool()
    turns = Turns(1, pool.submit)
    first, second = (turns.ask(str, name, patient=False) for name in "ab")
    pool.under_way.pop()[1].set_exception(ValueError("bad picture"))
    with pytest.raises(ValueError, match="bad picture"):
        first.result()
    pool.answer()
    assert second.result() == "B"


def test_a_pool_that_takes_no_call_fails_just_those_made_then() -> None:
    pool = Pool()
    pool.broken = True
    turns = Turns(1, pool.submit)
    with pytest.raises(OSError, match="no pool"):
        turns.ask(str, "a", patient=False).result()
    pool.broken = False
    later = turns.ask(str, "b", patient=False)
    pool.answer()
    assert later.result() == "B"
    turns.wait_until_idle()
