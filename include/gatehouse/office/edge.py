"""Hold the two documents that pass between the cloud and an office's edge proxy.

They are the only way from the cloud into an office: the proxy polls `EdgeDesired` from S3 and
writes `EdgeObserved` back. No inbound connection, no credential in either.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

CameraPhase = Literal["starting", "streaming", "reconnecting", "spooling", "refused", "stopped"]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DesiredCamera(_Document):
    """Tell the proxy to carry one camera into one stream."""

    camera_id: str
    stream_name: str
    rtsp_secret: str
    enabled: bool = True


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
    of a fragment. `gop_ms` is the distance of the last two key frames.
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


class EdgeObserved(_Document):
    """Report an office's proxy; `version_applied` is the desired version it obeys."""

    office: str
    at: datetime
    started_at: datetime
    version_applied: int
    cameras: tuple[ObservedCamera, ...]
