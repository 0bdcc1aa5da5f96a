"""Choose the frames to analyse by the stream's own clock: a pure rule, the same on every run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Sampler:
    """Take the first frame of every 1/`fps` seconds of producer time.

    The boundaries are absolute, so a restart or another start time samples the same frames of a
    fragment that is read whole. Times are compared in whole milliseconds, which is what fragments
    carry.
    """

    fps: float
    last_bucket: int | None = None

    def choose(self, times: Iterable[float]) -> list[int]:
        """Return the indices of the frames to analyse, of ascending times in epoch seconds."""
        chosen = []
        for index, time in enumerate(times):
            bucket = int(round(time * 1000) * self.fps // 1000)
            if bucket != self.last_bucket:
                self.last_bucket = bucket
                chosen.append(index)
        return chosen
