"""Hold what the ingest Lambda knows about streams, people and rules.

One document per Region in S3 (`naming.SNAPSHOT_KEY`), written by rollout and roster sync, read by
the Lambda, which never opens Postgres. `version` grows with every change.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["employee", "contractor", "vip", "watchlist"]
EvidencePolicy = Literal["alerts", "unmatched", "all"]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SnapshotStream(_Document):
    """Tell which camera a Kinesis Video stream carries, and which rules judge it."""

    camera_id: str
    office: str
    floor: str
    zone: str
    time_zone: str
    engine: Literal["stream_processor", "frame_search"]
    rules: tuple[str, ...]


class SnapshotPerson(_Document):
    """Tell what kind of person an opaque `person_id` is."""

    kind: Kind


class SnapshotRule(_Document):
    """Hold one alert rule: fire on `k` frames within this window and the one before."""

    kind: Literal["non_employee"]
    k: int
    n: int
    window_seconds: int
    similarity: float
    channel: str


class IngestSnapshot(_Document):
    """Hold everything the Lambda looks up; keys of `streams` are Kinesis Video stream ARNs."""

    version: int
    region: str
    evidence: EvidencePolicy
    streams: dict[str, SnapshotStream]
    people: dict[str, SnapshotPerson]
    rules: dict[str, SnapshotRule]
