"""Move stream processors through their states by the clock alone: no video is read (`control_plane_only`)."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from typing import TYPE_CHECKING

from gatehouse_local.processors.conditions import UndecidedError
from gatehouse_local.processors.processor import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_local.processors.conditions import Conditions
    from gatehouse_local.processors.processor import Processor
    from gatehouse_local.processors.registry import Registry
    from gatehouse_local.processors.settings import Settings

log = logging.getLogger(__name__)
_UNDECIDED_SECONDS = 1.0


class Timetable:
    """Stand in for the `Supervisor` with one thread for any number of processors.

    A start ends RUNNING after `start_seconds`, or FAILED where the fault, the role or the collection
    says so; the streams are not asked for, so that a start costs no call of theirs.
    """

    def __init__(
        self, registry: Registry, conditions: Conditions, clock: Callable[[], float], settings: Settings
    ) -> None:
        self._registry, self._conditions = registry, conditions
        self._clock, self._settings = clock, settings
        self._changed = threading.Condition()
        self._order = itertools.count()  # breaks ties: processors have no order
        self._due: list[tuple[float, int, Processor, Status]] = []
        self._stopped = True
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Resume what was on its way when the front door went down; idempotent."""
        if self._thread is not None:
            return
        self._stopped = False
        for processor in list(self._registry.all()):
            if processor.status is Status.STARTING:
                self.run(processor)
            elif processor.status is Status.STOPPING:
                self.end(processor)
        self._thread = threading.Thread(target=self._loop, daemon=True, name="stream-processors")
        self._thread.start()

    def stop(self) -> None:
        """End the thread; processors stay as they are and go on after the next start."""
        with self._changed:
            self._stopped = True
            self._due.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def run(self, processor: Processor) -> None:
        """Let a STARTING processor become RUNNING in its time."""
        self._plan(self._settings.start_seconds, processor, Status.RUNNING)

    def end(self, processor: Processor) -> None:
        """Let a STOPPING processor become STOPPED in its time."""
        self._plan(self._settings.stop_seconds, processor, Status.STOPPED)

    def _plan(self, seconds: float, processor: Processor, status: Status) -> None:
        with self._changed:
            heapq.heappush(self._due, (self._clock() + seconds, next(self._order), processor, status))
            self._changed.notify()

    def _loop(self) -> None:
        check_at = self._clock() + self._settings.check_seconds
        while (due := self._next(check_at)) is not None:
            try:
                for processor, status in due:
                    self._move(processor, status)
                if self._clock() >= check_at:
                    check_at = self._clock() + self._settings.check_seconds
                    self._check()
            except Exception:  # a defect of ours must not freeze every processor in its state
                log.exception("a round of the stream processors broke; the next goes on")

    def _next(self, check_at: float) -> list[tuple[Processor, Status]] | None:
        """Wait until something is due, or until the next check; None when it is time to end."""
        with self._changed:
            while not self._stopped:
                now = self._clock()
                due = []
                while self._due and self._due[0][0] <= now:
                    due.append(heapq.heappop(self._due)[2:])
                if due or now >= check_at:
                    return due
                self._changed.wait(min(self._due[0][0] if self._due else check_at, check_at) - now)
        return None

    def _move(self, processor: Processor, status: Status) -> None:
        try:
            problem = self._conditions.to_go_on(processor) if status is Status.RUNNING else None
        except UndecidedError as error:
            log.warning("processor %s waits in STARTING: %s", processor.name, error)
            self._plan(_UNDECIDED_SECONDS, processor, status)
            return
        self._registry.move(processor, Status.FAILED if problem else status, problem or "")

    def _check(self) -> None:
        """Fail what a fault or a deleted collection hits; roles are looked at when a start ends."""
        for processor in list(self._registry.all()):
            problem = processor.status is Status.RUNNING and self._conditions.without_role(processor)
            if problem:
                self._registry.move(processor, Status.FAILED, problem)
