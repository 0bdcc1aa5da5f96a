"""Keep what is known of one camera, and say it to people, metrics and the cloud."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from gatehouse.office.edge import CameraPhase, ObservedCamera
from gatehouse_edge.media.clock import ClockSource
from gatehouse_edge.media.swap import Swap

log = logging.getLogger(__name__)


@dataclass(slots=True)
class CameraStatus:
    """One camera's state; `changed` is called when its phase or reason does. Counts since the start."""

    camera_id: str
    stream_name: str
    changed: Callable[[], None] = lambda: None
    source_phase: CameraPhase = "starting"
    source_reason: str = ""
    uplink_reason: str = ""
    clock: ClockSource = "unknown"
    fragments_sent: int = 0
    fragments_persisted: int = 0
    bytes_sent: int = 0
    ack_errors: int = 0
    reconnects: int = 0
    packets_lost: int = 0
    dropped_frames: int = 0
    gop_ms: int = 0
    frozen: bool = False
    last_fragment_at: datetime | None = None
    last_persisted_at: datetime | None = None
    spooled: Callable[[], int] = lambda: 0
    dropped: Callable[[], int] = lambda: 0
    probe: Callable[[], Swap | None] = lambda: None

    @property
    def phase(self) -> CameraPhase:
        """The camera's own phase, or `spooling` when it streams and its uplink is down."""
        if self.source_phase == "streaming" and self.uplink_reason:
            return "spooling"
        return self.source_phase

    @property
    def reason(self) -> str:
        """Why it isn't simply streaming; both sides where both have something to say."""
        return "; ".join(filter(None, (self.source_reason, self.uplink_reason)))

    def source(self, phase: CameraPhase, reason: str = "") -> None:
        """Set the camera's side; logs a change once."""
        if (phase, reason) == (self.source_phase, self.source_reason):
            return
        self.source_phase, self.source_reason = phase, reason
        self._tell()

    def uplink_up(self) -> None:
        """Note that fragments are stored again."""
        if self.uplink_reason:
            self.uplink_reason = ""
            self._tell()

    def uplink_down(self, reason: str) -> None:
        """Note why fragments aren't stored; logs a change once."""
        if reason != self.uplink_reason:
            self.uplink_reason = reason
            self._tell()

    def fragment_sent(self, size: int) -> None:
        """Count a fragment handed to the connection."""
        self.fragments_sent += 1
        self.bytes_sent += size

    def fragment_persisted(self) -> None:
        """Count a fragment stored for good."""
        self.fragments_persisted += 1
        self.last_persisted_at = datetime.now(UTC)

    def ack_error(self, reason: str) -> None:
        """Count and log an ERROR acknowledgement."""
        self.ack_errors += 1
        log.warning("camera %s: %s", self.camera_id, reason)

    def observed(self) -> ObservedCamera:
        """Return the camera's part of observed.json."""
        probe = self.probe()
        return ObservedCamera(
            camera_id=self.camera_id,
            phase=self.phase,
            reason=self.reason,
            clock=self.clock,
            fragments_sent=self.fragments_sent,
            fragments_persisted=self.fragments_persisted,
            bytes_sent=self.bytes_sent,
            ack_errors=self.ack_errors,
            reconnects=self.reconnects,
            spooled_fragments=self.spooled(),
            dropped_fragments=self.dropped(),
            dropped_frames=self.dropped_frames,
            gop_ms=self.gop_ms,
            frozen=self.frozen,
            last_fragment_at=self.last_fragment_at,
            last_persisted_at=self.last_persisted_at,
            probe_id=probe.probe_id if probe else None,
            probe_state=probe.state if probe else None,
            probe_reason=probe.reason if probe else "",
        )

    def _tell(self) -> None:
        level = logging.WARNING if self.reason else logging.INFO
        log.log(level, "camera %s: %s %s", self.camera_id, self.phase, self.reason)
        self.changed()
