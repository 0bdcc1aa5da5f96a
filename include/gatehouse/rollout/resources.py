"""Hold what an office shall have in AWS, and what it was found to have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gatehouse.office import naming

if TYPE_CHECKING:
    from gatehouse.office.config import Company
    from gatehouse.office.model import Engine, MappingSettings


@dataclass(frozen=True, slots=True)
class DesiredOffice:
    """Hold everything the planner needs about one office; cameras in manifest order."""

    office: str
    region: str
    account: str
    engine: Engine
    cameras: tuple[str, ...]
    threshold: float
    retention_hours: int
    shards: int
    mapping: MappingSettings
    ingest_function: str
    processor_role: str
    bucket: str

    @property
    def collection(self) -> str:
        """Name the office's face collection."""
        return naming.collection_id(self.office)

    @property
    def role_arn(self) -> str:
        """Return the role a stream processor assumes."""
        return f"arn:aws:iam::{self.account}:role/{self.processor_role}"

    @property
    def failure_destination(self) -> str:
        """Return where records that can't be ingested go; only S3 keeps their payload (aws.md §4)."""
        return f"arn:aws:s3:::{self.bucket}"

    def record_stream_arn(self, camera_id: str) -> str:
        """Return the ARN of a camera's Kinesis data stream; unlike a video stream's, it is derived."""
        name = naming.record_stream(camera_id)
        return f"arn:aws:kinesis:{self.region}:{self.account}:stream/{name}"


@dataclass(frozen=True, slots=True)
class VideoStream:
    """Describe a Kinesis Video stream; a recreated one has another ARN."""

    arn: str
    status: str
    retention_hours: int
    version: str = ""


@dataclass(frozen=True, slots=True)
class RecordStream:
    """Describe a Kinesis data stream."""

    arn: str
    status: str


@dataclass(frozen=True, slots=True)
class Processor:
    """Describe a Rekognition face-search stream processor."""

    status: str
    video_arn: str
    record_arn: str
    collection: str
    threshold: float
    role_arn: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class EventMapping:
    """Describe a Kinesis → Lambda event source mapping."""

    uuid: str
    enabled: bool
    batch_size: int
    window_seconds: int
    parallelization_factor: int
    maximum_retry_attempts: int
    maximum_record_age_seconds: int
    bisects: bool
    reports_item_failures: bool
    failure_destination: str


@dataclass(frozen=True, slots=True)
class ObservedCamera:
    """Hold what exists of one camera; None is what doesn't."""

    video: VideoStream | None = None
    records: RecordStream | None = None
    mapping: EventMapping | None = None
    processor: Processor | None = None


@dataclass(frozen=True, slots=True)
class ObservedOffice:
    """Hold what exists of one office, and what carries its tag without being in its manifest."""

    collection_exists: bool = False
    cameras: dict[str, ObservedCamera] = field(default_factory=dict)
    strays: tuple[str, ...] = ()

    def camera(self, camera_id: str) -> ObservedCamera:
        """Return what exists of a camera, which may be nothing."""
        return self.cameras.get(camera_id, ObservedCamera())


def desired_office(company: Company, name: str) -> DesiredOffice:
    """Derive what one office shall have from the configuration."""
    office = company.office(name)
    names = company.regions.regions[office.region]
    return DesiredOffice(
        office=office.office,
        region=office.region,
        account=company.regions.account,
        engine=office.engine,
        cameras=tuple(camera.id for camera in office.cameras),
        threshold=company.rollout.collection_threshold,
        retention_hours=company.rollout.stream_retention_hours,
        shards=company.rollout.record_stream_shards,
        mapping=company.rollout.mapping,
        ingest_function=names.ingest_function,
        processor_role=names.processor_role,
        bucket=names.bucket,
    )
