"""Keep what functions print: one log file a function, as CloudWatch would show it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ROTATE_AT = 16 * 1024 * 1024  # bytes; one older file is kept beside the current one


class Journal:
    """Append invocations' output to a file; whole blocks, so that two invocations never interleave."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, block: bytes) -> None:
        """Append one invocation's block, rotating the file when it has grown large."""
        with self._lock:
            if self._path.exists() and self._path.stat().st_size > ROTATE_AT:
                self._path.replace(self._path.with_suffix(".log.1"))
            with self._path.open("ab") as file:
                file.write(block)


def frame(request_id: str, output: bytes, milliseconds: float, memory_mb: int) -> bytes:
    """Wrap an invocation's output in the START, END and REPORT lines of AWS's logs."""
    if output and not output.endswith(b"\n"):
        output += b"\n"
    billed = int(milliseconds) + 1
    head = f"START RequestId: {request_id} Version: $LATEST\n".encode()
    tail = (
        f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t"
        f"Billed Duration: {billed} ms\tMemory Size: {memory_mb} MB\n"
    ).encode()
    return head + output + tail
