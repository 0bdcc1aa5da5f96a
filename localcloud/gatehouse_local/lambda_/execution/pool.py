"""Keep a function's children warm and bound how many there are."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gatehouse_local.lambda_ import errors
from gatehouse_local.lambda_.execution.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gatehouse_local.lambda_.execution.sandbox import Launch


class SandboxPool:
    """Lend sandboxes of one function; at most `limit` exist, each of the newest revision asked for."""

    def __init__(self, limit: int) -> None:
        self._free = threading.BoundedSemaphore(limit)
        self._lock = threading.Lock()
        self._idle: list[tuple[str, Sandbox]] = []
        self._busy: set[Sandbox] = set()
        self._closed = False

    @contextmanager
    def lease(self, revision: str, launch: Callable[[], Launch], wait: float) -> Iterator[Sandbox]:
        """Borrow a sandbox that runs `revision`, starting one if none is warm.

        :raises AwsError: TooManyRequestsException after `wait` seconds without a free one
        """
        if not self._free.acquire(timeout=wait):
            raise errors.saturated()
        try:
            sandbox = self._take(revision) or Sandbox(launch())
            with self._lock:
                self._busy.add(sandbox)
            try:
                yield sandbox
            finally:
                self._return(revision, sandbox)
        finally:
            self._free.release()

    def close(self) -> None:
        """Kill every child, busy ones too: their callers see the exit as the answer."""
        with self._lock:
            self._closed = True
            doomed = [sandbox for _, sandbox in self._idle]
            self._idle.clear()
            busy = list(self._busy)
        for sandbox in doomed:
            sandbox.close()
        for sandbox in busy:
            sandbox.kill()

    def _take(self, revision: str) -> Sandbox | None:
        """Pick a warm sandbox of this revision; outdated and dead ones are closed on the way."""
        with self._lock:
            warm, self._idle = self._idle, []
            chosen = None
            for known, sandbox in warm:
                usable = known == revision and sandbox.alive
                if usable and chosen is None:
                    chosen = sandbox
                elif usable:
                    self._idle.append((known, sandbox))
                else:
                    sandbox.close()
            return chosen

    def _return(self, revision: str, sandbox: Sandbox) -> None:
        with self._lock:
            self._busy.discard(sandbox)
            if sandbox.alive and not self._closed:
                self._idle.append((revision, sandbox))
                return
        sandbox.close()
