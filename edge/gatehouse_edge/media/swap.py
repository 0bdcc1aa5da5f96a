"""Follow one probe: when its clip takes the place of the camera's pictures, and how it went.

    waiting ──▶ playing ──▶ played
       │           │
       └───────────┴──────▶ failed

The interval is closed to the camera from the order on, however the probe goes: ingest takes whatever lies
in it for the probe's, so a person in such a picture would be neither told nor counted.

The clip plays only where the camera streams across the interval's start, and stops where the camera goes
away: a probe is to prove the camera's own stream, its clock included, and a camera that is away doesn't go
live. It is never begun late: an order taken too late fails.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from gatehouse.office.edge import ProbeState
from gatehouse_edge.media.clip import Clip, ClipCut, cut_clip

# A camera whose pictures are further apart than this wasn't streaming between them.
_GAP_MS = 2_000


class Swap:
    """One probe's interval in one camera's stream; times are producer times in ms."""

    def __init__(
        self, probe_id: str, start_ms: int, end_ms: int, changed: Callable[[], None] = lambda: None
    ) -> None:
        self.probe_id = probe_id
        self.start_ms, self.end_ms = start_ms, end_ms
        self.state: ProbeState = "waiting"
        self.reason = ""
        self._changed = changed
        self._cuts: deque[ClipCut] | None = None
        self._seen_ms: int | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing further can happen."""
        return self.state in ("played", "failed")

    def load(self, clip: Clip) -> None:
        """Take the clip; without one the probe fails as its interval begins."""
        self._cuts = deque(cut_clip(clip, self.start_ms, self.end_ms))

    def approach(self, at_ms: int) -> None:
        """Note a picture of the camera before the interval."""
        self._seen_ms = at_ms

    def begin(self, at_ms: int) -> None:
        """Note the camera's first picture from the interval's start on: play, or fail and say why."""
        if self.state != "waiting":
            return
        if self._seen_ms is None or at_ms - self._seen_ms > _GAP_MS:
            self.fail("the camera wasn't streaming when the interval began: give a new order once it is")
        elif self._cuts is None:
            self.fail("the clip wasn't there when the interval began: give a new order with more lead")
        else:
            self._move("playing")

    def due(self, at_ms: int) -> Iterator[ClipCut]:
        """Yield what of the clip is over by a time, each once, in order; after the last it is played."""
        if self.state != "playing" or self._cuts is None:
            return
        while self._cuts and self._cuts[0].end_ms <= at_ms:
            yield self._cuts.popleft()
        if not self._cuts:
            self._move("played")

    def interrupted(self) -> None:
        """Note that the camera went away."""
        if self.state == "playing":
            self.fail("the camera went away while the clip played: give a new order once it streams")

    def fail(self, reason: str) -> None:
        """End it without success; nothing more of the clip is played."""
        self._move("failed", reason)

    def recall(self, state: ProbeState, reason: str) -> None:
        """Take over how it ended in an earlier process."""
        self._move(state, reason)

    def _move(self, state: ProbeState, reason: str = "") -> None:
        if not self.settled:
            self.state, self.reason = state, reason
            self._changed()
