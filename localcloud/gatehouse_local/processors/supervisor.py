"""Keep a session for every processor that is to run, and look after them."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Protocol

from gatehouse_local.processors.processor import LIVE, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_local.processors.processor import Processor
    from gatehouse_local.processors.registry import Registry
    from gatehouse_local.processors.session import Session

log = logging.getLogger(__name__)
GRACE = 5.0  # seconds for threads to end when the front door stops


class Keeper(Protocol):
    """Bring processors from STARTING to RUNNING and from STOPPING to STOPPED."""

    def start(self) -> None:
        """Resume what was live when the front door went down; idempotent."""

    def stop(self) -> None:
        """End the work; processors go on after the next start."""

    def run(self, processor: Processor) -> None:
        """Look after a processor that has just become STARTING."""

    def end(self, processor: Processor) -> None:
        """Bring a processor that is STOPPING to STOPPED."""


class Supervisor:
    """Start and end sessions, and check every few seconds whether each may go on."""

    def __init__(
        self, registry: Registry, session: Callable[[Processor], Session], check_seconds: float
    ) -> None:
        self._registry = registry
        self._session = session
        self._check_seconds = check_seconds
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Resume what was live when the front door went down; idempotent."""
        if self._thread is not None:
            return
        self._stop.clear()
        for processor in list(self._registry.all()):
            if processor.status is Status.STOPPING:
                self._registry.move(processor, Status.STOPPED)
            elif processor.status in LIVE:
                self.run(processor)
        self._thread = threading.Thread(target=self._look_after, daemon=True, name="stream-processors")
        self._thread.start()

    def stop(self) -> None:
        """End every thread; the processors stay RUNNING and go on after the next start."""
        self._stop.set()
        if self._thread is None:
            return
        self._thread.join()
        self._thread = None
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            session.stop(final=False)
        deadline = time.monotonic() + GRACE
        for session in sessions:
            session.join(max(0.0, deadline - time.monotonic()))

    def run(self, processor: Processor) -> None:
        """Start a session of a processor that has just become live."""
        session = self._session(processor)
        with self._lock:
            self._sessions[processor.arn] = session
        session.start()

    def end(self, processor: Processor) -> None:
        """End a processor's session for good; its thread writes STOPPED."""
        with self._lock:
            session = self._sessions.pop(processor.arn, None)
        if session is None or not session.alive:
            self._registry.move(processor, Status.STOPPED)
        else:
            session.stop(final=True)

    def _look_after(self) -> None:
        while not self._stop.wait(self._check_seconds):
            with self._lock:
                self._sessions = {arn: one for arn, one in self._sessions.items() if one.alive}
                sessions = list(self._sessions.values())
            for session in sessions:
                if not self._stop.is_set():
                    session.check()
