"""Let calls on a pool wait their turn: somebody's before those of whom can do without.

A pool serves first come, first served. Seven cameras sample at the turn of the second, and a caller who
comes after them would wait for all; a stream processor can skip a frame, a caller can't skip an answer.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class _Call(NamedTuple):
    """Hold a call that waits; the turn is unique, so nothing behind it is compared."""

    patient: bool
    turn: int
    function: Callable[..., Any]
    arguments: tuple[object, ...]
    answer: Future[Any]


class Turns:
    """Hand calls to `submit` while fewer than `at_once` are under way, patient ones after all others.

    `submit` returns the call's future, and may raise instead: the call then fails with that. Thread-safe.
    """

    def __init__(self, at_once: int, submit: Callable[..., Future[Any]]) -> None:
        self._free = at_once
        self._submit = submit
        self._waiting: list[_Call] = []
        self._turns = itertools.count()
        self._changed = threading.Condition()
        self._open = 0

    def ask(self, function: Callable[..., Any], *arguments: object, patient: bool) -> Future[Any]:
        """Line a call up."""
        answer: Future[Any] = Future()
        with self._changed:
            self._open += 1
            heapq.heappush(self._waiting, _Call(patient, next(self._turns), function, arguments, answer))
        self._go_on()
        return answer

    def wait_until_idle(self) -> None:
        """Wait for the answers to every call made so far, and to those made meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._open == 0)

    def _go_on(self) -> None:
        """Start the next calls, outside the lock: `submit` may call back at once."""
        while (call := self._next()) is not None:
            call.answer.set_running_or_notify_cancel()
            try:
                working = self._submit(call.function, *call.arguments)
            except Exception as error:  # noqa: BLE001 - it is the asker's
                call.answer.set_exception(error)
                self._end()
            else:
                working.add_done_callback(partial(self._answer, call.answer))

    def _next(self) -> _Call | None:
        with self._changed:
            if self._free == 0 or not self._waiting:
                return None
            self._free -= 1
            return heapq.heappop(self._waiting)

    def _answer(self, answer: Future[Any], done: Future[Any]) -> None:
        if error := done.exception():
            answer.set_exception(error)
        else:
            answer.set_result(done.result())
        self._end()
        self._go_on()

    def _end(self) -> None:
        with self._changed:
            self._free += 1
            self._open -= 1
            self._changed.notify_all()
