"""Read a file of the call log from an instant on, parsing no more lines than it must.

Lines are written when answers start, so `time + ms` never falls from one to the next (but for a clock
that is set back): where an instant begins is found by halving.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

_FIRST = b'{"time": '
_LAST = b"}\n"
_NEAR_BYTES = 1 << 16  # halving further costs more than reading


@dataclass(frozen=True, slots=True)
class Filter:
    """Which calls to read back; empty fields match everything, `since` is in epoch seconds."""

    since: float = 0.0
    service: str = ""
    operation: str = ""
    region: str = ""

    def named(self) -> list[tuple[str, str]]:
        """Return the members that must have a value."""
        wanted = (("service", self.service), ("operation", self.operation), ("region", self.region))
        return [(name, value) for name, value in wanted if value]


def read(path: Path, wanted: Filter) -> Iterator[str]:
    """Yield the wanted lines of a file that may not exist, each without its line end.

    Torn lines are passed over: being written now, or cut off when the process was killed.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    needles = [json.dumps({name: value})[1:-1].encode() for name, value in wanted.named()]
    with file:
        file.seek(_start(file, wanted.since))
        for line in file:
            # Most lines that aren't wanted go without being parsed.
            if not (line.startswith(_FIRST) and line.endswith(_LAST)):
                continue
            if all(needle in line for needle in needles) and _time(line) >= wanted.since:
                yield line.decode().rstrip()


def _time(line: bytes) -> float:
    return float(line[len(_FIRST) : line.index(b",")])


def _start(file: BinaryIO, since: float) -> int:
    """Find an offset at or before the first call that began at `since`, at the start of a line."""
    low, high = 0, file.seek(0, os.SEEK_END)
    if since <= 0:
        return 0
    while high - low > _NEAR_BYTES:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()  # the rest of a line
        noted = _noted(file.readline())
        if noted is not None and noted < since:
            low = middle
        else:
            high = middle
    file.seek(low)
    return low + len(file.readline()) if low else 0


def _noted(line: bytes) -> float | None:
    """Tell when a line was written, in epoch seconds; None for a torn line."""
    try:
        call = json.loads(line)
    except ValueError:
        return None
    return float(call["time"]) + float(call["ms"]) / 1000
