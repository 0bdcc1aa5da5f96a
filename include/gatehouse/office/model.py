"""Hold the company's configuration as frozen values.

These models say what one file may contain; what must hold across files is in `config.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from gatehouse.ingest.snapshot import EvidencePolicy, SnapshotRule
from gatehouse.office import naming
from gatehouse.office.policy import (
    Freeze,
    Gate,
    Judgement,
    Name,
    Probe,
    Prove,
    Requeue,
    Tolerance,
    Wave,
)

Engine = Literal["stream_processor", "frame_search"]
# Part of KVS, KDS and processor names, so only what all three allow (aws.md §2.2, §3).
CameraId = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Z][A-Z0-9_]*$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Camera(_Config):
    """Describe one camera; `rtsp_secret` names the Secrets Manager secret with its address."""

    id: CameraId
    floor: Text
    zone: Text
    rtsp_secret: Text
    rules: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]

    @field_validator("rtsp_secret")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if "://" in value:
            # Not echoed: the URL probably carries the camera's password.
            msg = "name the Secrets Manager secret here, never the camera's URL"
            raise ValueError(msg)
        return value


class Office(_Config):
    """Describe one office and its cameras, in manifest order."""

    office: Name
    name: Text
    region: Text
    time_zone: Text
    engine: Engine
    cameras: Annotated[tuple[Camera, ...], Field(min_length=1, strict=False)]


class RegionNames(_Config):
    """Name what the foundation step creates once in a Region; `operations_topic` in the home Region only."""

    bucket: Text
    alert_topic: Text
    notify_queue: Text
    probe_topic: Text = "gatehouse-probes"
    probe_queue: Text = "gatehouse-probes"
    operations_topic: Text = naming.OPERATIONS_TOPIC
    ingest_function: Text
    processor_role: Text
    ingest_role: Text


class Regions(_Config):
    """List the Regions in use; roster and photos live in the home Region's bucket."""

    account: Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
    home: Text
    regions: dict[str, RegionNames]

    @property
    def operations_topic_arn(self) -> str:
        """Return the topic on which the company's operators are told."""
        return f"arn:aws:sns:{self.home}:{self.account}:{self.regions[self.home].operations_topic}"


class MappingSettings(_Config):
    """Set the Kinesis → Lambda event source mapping (aws.md §4)."""

    batch_size: Annotated[int, Field(ge=1, le=10_000)]
    window_seconds: Annotated[int, Field(ge=0, le=300)]
    parallelization_factor: Annotated[int, Field(ge=1, le=10)]
    maximum_retry_attempts: Annotated[int, Field(ge=-1, le=10_000)]
    maximum_record_age_seconds: Annotated[int, Field(ge=-1, le=604_800)]


class Timeouts(_Config):
    """Bound the waits of a rollout, in seconds."""

    stream_active: Annotated[int, Field(ge=1)]
    processor_running: Annotated[int, Field(ge=1)]
    verified: Annotated[int, Field(ge=1)]


class RolloutSettings(_Config):
    """Say in which waves offices roll out, how a wave is judged, and with which stream settings.

    `unit_cameras` is how many cameras of an office one task takes on at most. With `prove: running` cameras
    end prepared and not proved: nobody asks for their media, faces or bake.
    """

    waves: Annotated[tuple[Wave, ...], Field(min_length=1, strict=False)]
    # Rekognition silently raises anything below 80 to 80 (aws.md §2.2), so it may not be written.
    collection_threshold: Annotated[float, Field(ge=80, le=100, strict=False)]
    stream_retention_hours: Annotated[int, Field(ge=1, le=87_600)]
    record_stream_shards: Annotated[int, Field(ge=1)]
    mapping: MappingSettings
    # How often frame_search looks at each camera.
    frames_per_second: Annotated[float, Field(ge=0.01, le=30, strict=False)] = 1
    timeouts_seconds: Timeouts
    unit_cameras: Annotated[int, Field(ge=1, le=1000)] = 250
    prove: Prove = "whole_path"
    tolerance: Tolerance = Tolerance()
    requeue: Requeue = Requeue()
    probe: Probe = Probe()
    gate: Gate = Gate()
    freeze: Freeze = Freeze()

    @property
    def proves_path(self) -> bool:
        """Tell whether a camera has to show its whole path before its wave passes."""
        return self.prove == "whole_path"

    @property
    def judgement(self) -> Judgement:
        """Return by what cameras are judged, as the next plan freezes it."""
        return Judgement(probe=self.probe, gate=self.gate, tolerance=self.tolerance)


class Channel(_Config):
    """Name the environment variable from which the notifier reads a channel's address."""

    webhook_env: Text


class Rules(_Config):
    """Hold the alert rules, their channels and which frames are kept as evidence."""

    evidence: EvidencePolicy
    rules: dict[str, SnapshotRule]
    channels: dict[str, Channel]
