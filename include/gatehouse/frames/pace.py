"""Tell a camera that is on time from one that catches up, and from one that gets too little."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf

from gatehouse.frames.fairness import Order

# A camera that falls this much further behind while it catches up gets less than it needs.
LOSING_S = 60.0


class Standing(Enum):
    """How a camera is doing; `SHEDDING` drops its older frames until it is on time again."""

    ON_TIME = "on_time"
    CATCHING_UP = "catching_up"
    SHEDDING = "shedding"


@dataclass(slots=True)
class Pace:
    """Judge one connection by two lags in seconds, each measured on one clock as far as possible.

    `behind_s`: since Kinesis Video had the whole fragment; `upload_s`: between a frame and its arrival
    there, which grows when an office sends what it had spooled. A camera's wrong clock shifts `upload_s`,
    so it counts above the least seen. Up to `most_behind_s` of either is on time.

    Who comes back after a restart or an outage catches up, and nothing is dropped, unless it loses ground
    all the same. Who was on time and falls behind gets less than it needs, and sheds.
    """

    most_behind_s: float
    standing: Standing | None = None
    least_upload_s: float = inf
    least_behind_s: float = inf

    def judge(self, behind_s: float, upload_s: float) -> Order:
        """Say how the camera's next frame is to be queued."""
        self.least_upload_s = min(self.least_upload_s, upload_s)
        spooled = upload_s - self.least_upload_s > self.most_behind_s
        if behind_s <= self.most_behind_s and not spooled:
            self.standing = Standing.ON_TIME
        elif self.standing is None or (spooled and self.standing is Standing.ON_TIME):
            self.standing, self.least_behind_s = Standing.CATCHING_UP, inf
        elif self.standing is Standing.ON_TIME:
            self.standing = Standing.SHEDDING
        if self.standing is Standing.CATCHING_UP:
            self.least_behind_s = min(self.least_behind_s, behind_s)
            if behind_s > self.least_behind_s + LOSING_S:
                self.standing = Standing.SHEDDING
        return "newest_first" if self.standing is Standing.SHEDDING else "in_order"
