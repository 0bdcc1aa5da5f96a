"""Log every call: when, what, who, where, how it ended and how long its answer took.

One JSON line a call in `calls.jsonl`, written from memory twice a second, so that logging costs a
call a few microseconds. A full file becomes `calls.1.jsonl`; the one before that is dropped.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import defaultdict, deque
from dataclasses import asdict, dataclass
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from gatehouse_local.core.callfile import Filter, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Call", "CallLog", "Filter"]

log = logging.getLogger(__name__)

FILE = "calls.jsonl"
_OLDER = "calls.1.jsonl"
CALL_FILES = frozenset({FILE, _OLDER})
_ROTATE_BYTES = 64 << 20
_FLUSH_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `time` is its start in epoch seconds, `ms` the time to the answer's first byte.

    `outcome` is `ok`, an error code, `throttled` or `fault:<code>`.
    """

    time: float
    service: str
    operation: str
    account: str
    region: str
    outcome: str
    ms: float


class CallLog:
    """Append calls and read them back. Thread-safe; `close` writes what is pending."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / FILE
        self._older = folder / _OLDER
        _end_line(self._path)
        self._pending: deque[Call] = deque()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._writer = threading.Thread(target=self._run, name="call-log", daemon=True)
        self._writer.start()

    def add(self, call: Call) -> None:
        """Note one call; it is on disk within a second."""
        # A deque's append and popleft are atomic: no lock on the way of a call.
        self._pending.append(call)

    def flush(self) -> None:
        """Write what is pending."""
        with self._lock:
            if not self._pending:
                return
            with self._path.open("a", encoding="utf-8") as file:
                while self._pending:
                    file.write(json.dumps(asdict(self._pending.popleft())) + "\n")
            if self._path.stat().st_size > _ROTATE_BYTES:
                self._path.replace(self._older)

    def lines(self, wanted: Filter) -> Iterator[str]:
        """Yield the wanted calls as they are written, oldest first, without keeping any."""
        self.flush()
        for path in (self._older, self._path):
            yield from read(path, wanted)

    def read(self, wanted: Filter) -> Iterator[dict[str, Any]]:
        """Yield the wanted calls, oldest first."""
        return map(json.loads, self.lines(wanted))

    def summary(self, wanted: Filter) -> list[dict[str, Any]]:
        """Count the wanted calls by service, operation, Region and outcome, with their times."""
        times: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
        for call in self.read(wanted):
            times[call["service"], call["operation"], call["region"], call["outcome"]].append(call["ms"])
        names = ("service", "operation", "region", "outcome")
        return [dict(zip(names, key, strict=True)) | _figures(ms) for key, ms in sorted(times.items())]

    def close(self) -> None:
        """Write what is pending and stop; repeating it is harmless."""
        self._closed.set()
        self._writer.join()
        self.flush()

    def _run(self) -> None:
        while not self._closed.wait(_FLUSH_SECONDS):
            try:
                self.flush()
            except OSError:  # a full disk: what was being written is lost, later calls are logged again
                log.exception("calls were not written to %s", self._path)


def _end_line(path: Path) -> None:
    """Close the line that a killed process left open, so that the next one stands alone."""
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")


def _figures(ms: list[float]) -> dict[str, float]:
    cuts = quantiles(ms, n=20, method="inclusive") if len(ms) > 1 else ms * 19
    return {"calls": len(ms), "p50_ms": round(cuts[9], 2), "p95_ms": round(cuts[18], 2)}
