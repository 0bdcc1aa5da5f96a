"""Hold the documents that pass between the cloud and an office's frame-search worker.

The worker polls `FramesDesired` from S3, writes `FramesObserved` back, and keeps for itself
`FramesCheckpoints`: where to go on after it was killed. No credential is in any of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gatehouse.frames.motion import MotionGate

FramesPhase = Literal["starting", "analysing", "catching_up", "retrying", "stopped"]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FramesRates(_Document):
    """Bound the worker's calls per second: its share of the Region's quota, which all offices there share.

    As defaults, what AWS gives in most Regions (aws.md §5).
    """

    detect_faces: Annotated[float, Field(gt=0)] = 25.0
    search_faces_by_image: Annotated[float, Field(gt=0)] = 5.0


class FramesCamera(_Document):
    """Tell the worker to analyse one camera's stream.

    `start_at` is a producer timestamp, best a whole second: the first analysed frame is the first of the
    first 1/fps seconds that begin there or later.
    """

    camera_id: str
    stream_name: str
    start_at: AwareDatetime


class FramesDesired(_Document):
    """Say what an office's worker shall analyse; `version` grows with every change.

    A frame that can't be analysed within `most_behind_s` of its arrival, because calls or the worker are
    too slow, makes room for newer ones; a backlog left by a restart or an outage is worked off all the
    same.
    """

    office: str
    region: str
    version: int
    fps: Annotated[float, Field(ge=0.01, le=30)]
    collection: str
    threshold: Annotated[float, Field(ge=0, le=100)]
    record_stream: str
    cameras: tuple[FramesCamera, ...]
    most_behind_s: Annotated[float, Field(ge=5)] = 30.0
    rates: FramesRates = FramesRates()
    gate: MotionGate = MotionGate()


class ObservedFrames(_Document):
    """Report one camera as the worker sees it.

    Counters grow from the start of the camera's analysis in this process: `frames_sampled` = gated +
    searched or found empty + dropped + in hand; `records` are in the data stream. `drops` are by reason.
    `behind_s` is how long the last frame's fragment had been in Kinesis Video.
    """

    camera_id: str
    phase: FramesPhase
    reason: str = ""
    frames_sampled: int = 0
    frames_gated_motion: int = 0
    frames_gated_face: int = 0
    searches: int = 0
    records: int = 0
    drops: dict[str, int] = {}
    last_frame_at: datetime | None = None
    behind_s: float = 0.0


class FramesObserved(_Document):
    """Report an office's worker; `version_applied` is the desired version it obeys, 0 before the first.

    `complaints` names what the worker itself can't do now, by part.
    """

    office: str
    at: datetime
    started_at: datetime
    version_applied: int
    cameras: tuple[ObservedFrames, ...]
    complaints: dict[str, str] = {}


class Checkpoint(_Document):
    """Say from which producer time on a camera's frames may not be recorded yet."""

    stream_name: str
    resume_at: AwareDatetime


class FramesCheckpoints(_Document):
    """Hold an office's checkpoints by camera id."""

    office: str
    cameras: dict[str, Checkpoint]
