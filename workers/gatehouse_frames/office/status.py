"""Keep what is known of one camera, and say it to people, metrics and the cloud."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from threading import Lock

from gatehouse.ingest.instant import moment
from gatehouse.office.frames import FramesPhase, ObservedFrames

log = logging.getLogger(__name__)


@dataclass(slots=True)
class CameraStatus:
    """One camera's state and counts since its analysis began here; safe to use from several threads."""

    camera_id: str
    phase: FramesPhase = "starting"
    reason: str = ""
    last_frame_ms: int = 0
    behind_s: float = 0.0
    _counts: Counter[str] = field(default_factory=Counter)
    _drops: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def turn(self, phase: FramesPhase, reason: str = "") -> None:
        """Set the phase; logs a change once."""
        if (phase, reason) == (self.phase, self.reason):
            return
        self.phase, self.reason = phase, reason
        log.log(
            logging.WARNING if reason else logging.INFO, "camera %s: %s %s", self.camera_id, phase, reason
        )

    def count(self, name: str, more: int = 1) -> None:
        """Count `sampled`, `gated_motion`, `gated_face`, `searches`, `misaimed` or `records`."""
        with self._lock:
            self._counts[name] += more

    def drop(self, reason: str) -> None:
        """Count a sampled frame, or a fragment, that yields no record."""
        with self._lock:
            self._drops[reason] += 1

    def value(self, name: str) -> int:
        """Return a count."""
        return self._counts[name]

    @property
    def drops(self) -> dict[str, int]:
        """Return what was dropped, by reason."""
        with self._lock:
            return dict(self._drops)

    def recorded(self, at_ms: int) -> None:
        """Count a record that is in the data stream."""
        self.count("records")
        self.last_frame_ms = max(self.last_frame_ms, at_ms)

    def observed(self) -> ObservedFrames:
        """Return the camera's part of observed.json."""
        return ObservedFrames(
            camera_id=self.camera_id,
            phase=self.phase,
            reason=self.reason,
            frames_sampled=self.value("sampled"),
            frames_gated_motion=self.value("gated_motion"),
            frames_gated_face=self.value("gated_face"),
            searches=self.value("searches"),
            records=self.value("records"),
            drops=self.drops,
            last_frame_at=moment(self.last_frame_ms) if self.last_frame_ms else None,
            behind_s=round(self.behind_s, 3),
        )
