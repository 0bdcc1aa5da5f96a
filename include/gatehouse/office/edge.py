"""Hold the two documents that pass between the cloud and an office's edge proxy.

They are the only way from the cloud into an office: the proxy polls `EdgeDesired` from S3 and
writes `EdgeObserved` back. No inbound connection, no credential in either.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, model_validator

ProbeState = Literal["waiting", "playing", "played", "failed"]
CameraPhase = Literal["starting", "streaming", "reconnecting", "spooling", "refused", "stopped"]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProbeOrder(_Document):
    """Tell the proxy to play a clip in place of a camera's pictures of [start, end), in producer time.

    `clip_key` is a key of the Region's bucket. The ledger and the ingest snapshot know the interval before
    an order is written, or ingest would take the clip's faces for people.
    """

    probe_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    clip_key: str
    clip_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    start: AwareDatetime
    end: AwareDatetime

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        # AWS takes no fragment below 1 s (aws.md §3).
        if (self.end - self.start).total_seconds() < 1:
            msg = f"probe {self.probe_id} ends {self.end - self.start} after it starts: give it 1 s or more"
            raise ValueError(msg)
        return self

    @property
    def start_ms(self) -> int:
        """Return the first millisecond of the interval."""
        return round(self.start.timestamp() * 1000)

    @property
    def end_ms(self) -> int:
        """Return the first millisecond after the interval."""
        return round(self.end.timestamp() * 1000)


class DesiredCamera(_Document):
    """Tell the proxy to carry one camera into one stream, and to play a probe's clip there if one is due."""

    camera_id: str
    stream_name: str
    rtsp_secret: str
    enabled: bool = True
    probe: ProbeOrder | None = None


class EdgeDesired(_Document):
    """Say what an office's proxy shall carry; `version` grows with every change."""

    office: str
    region: str
    version: int
    cameras: tuple[DesiredCamera, ...]


class ObservedCamera(_Document):
    """Report one camera as the proxy sees it.

    `clock` tells where producer time comes from: the camera's RTCP sender report or, flagged, arrival.
    Counters grow from the proxy's start; `dropped_fragments` are gaps, `dropped_frames` never became part
    of a fragment. `gop_ms` is the distance of the last two key frames. `probe_id`, `probe_state` and
    `probe_reason` say how far the ordered probe is; `played` means handed to the uplink, not received.
    """

    camera_id: str
    phase: CameraPhase
    reason: str = ""
    clock: Literal["camera", "arrival", "unknown"] = "unknown"
    fragments_sent: int = 0
    fragments_persisted: int = 0
    bytes_sent: int = 0
    ack_errors: int = 0
    reconnects: int = 0
    spooled_fragments: int = 0
    dropped_fragments: int = 0
    dropped_frames: int = 0
    gop_ms: int = 0
    frozen: bool = False
    last_fragment_at: datetime | None = None
    last_persisted_at: datetime | None = None
    probe_id: str | None = None
    probe_state: ProbeState | None = None
    probe_reason: str = ""


class EdgeObserved(_Document):
    """Report an office's proxy; `version_applied` is the desired version it obeys."""

    office: str
    at: datetime
    started_at: datetime
    version_applied: int
    cameras: tuple[ObservedCamera, ...]
