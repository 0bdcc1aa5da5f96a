"""Hold what the ingest Lambda knows about streams, people and rules.

One document per Region in S3 (`naming.SNAPSHOT_KEY`), written by rollout and roster sync, read by
the Lambda, which never opens Postgres. `version` grows with every change.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["employee", "contractor", "vip", "watchlist"]
EvidencePolicy = Literal["alerts", "unmatched", "all"]
Engine = Literal["stream_processor", "frame_search"]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EngineSpan(_Document):
    """Tell from which producer time on (milliseconds) an engine is in force, until the next span."""

    engine: Engine
    from_ms: int


class ProbeSpan(_Document):
    """Tell when a stream shows a probe's clip: producer times in [start_ms, end_ms), in milliseconds."""

    probe_id: str
    start_ms: int
    end_ms: int


class SnapshotStream(_Document):
    """Tell which camera a Kinesis Video stream carries, and which rules judge it.

    `engines` is sorted by time; without any, `engine` is in force for all time.
    """

    camera_id: str
    office: str
    floor: str
    zone: str
    time_zone: str
    engine: Engine
    rules: tuple[str, ...]
    engines: tuple[EngineSpan, ...] = ()


class SnapshotPerson(_Document):
    """Tell what kind of person an opaque `person_id` is."""

    kind: Kind


class SnapshotRule(_Document):
    """Hold one alert rule: fire on `k` of `n` frames within this window and the one before."""

    kind: Literal["non_employee"]
    k: Annotated[int, Field(ge=1)]
    n: Annotated[int, Field(ge=1)]
    window_seconds: Annotated[int, Field(ge=1)]
    similarity: Annotated[float, Field(ge=0, le=100)]
    channel: str

    @model_validator(mode="after")
    def _can_fire(self) -> Self:
        if self.k > self.n:
            msg = f"k is {self.k} of only {self.n} frames, so the rule never fires"
            raise ValueError(msg)
        return self


class IngestSnapshot(_Document):
    """Hold everything the Lambda looks up; keys of `streams` and `probes` are Kinesis Video stream ARNs."""

    version: int
    region: str
    evidence: EvidencePolicy
    streams: dict[str, SnapshotStream]
    people: dict[str, SnapshotPerson]
    rules: dict[str, SnapshotRule]
    probes: dict[str, tuple[ProbeSpan, ...]] = {}
