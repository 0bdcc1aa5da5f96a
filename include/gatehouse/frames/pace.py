"""Tell a live camera from one that catches up, and one that never will."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from gatehouse.frames.fairness import Manner

LIVE_S = 10.0
# A camera that falls this much further behind while it catches up gets less than it needs.
LOSING_S = 60.0


@dataclass(slots=True)
class Pace:
    """Judge one connection by two lags in seconds, each measured on one clock as far as possible.

    `behind_s`: since Kinesis Video had the fragment; `upload_s`: between the frame and its arrival there,
    which grows when an office sends what it had spooled. A camera's wrong clock shifts `upload_s`, so it
    counts above the least seen. After a restart or an outage a camera catches up, and nothing is dropped;
    once it loses ground all the same, it sheds frames until it is live.
    """

    least_upload_s: float = inf
    least_behind_s: float = inf
    shedding: bool = False

    def judge(self, behind_s: float, upload_s: float) -> Manner:
        """Say how the camera's next frame is to be queued."""
        self.least_upload_s = min(self.least_upload_s, upload_s)
        if behind_s <= LIVE_S and upload_s - self.least_upload_s <= LIVE_S:
            self.least_behind_s, self.shedding = inf, False
            return "live"
        self.least_behind_s = min(self.least_behind_s, behind_s)
        self.shedding = self.shedding or behind_s > self.least_behind_s + LOSING_S
        return "live" if self.shedding else "catching_up"
