"""Hold what an office shall have in AWS, and what it was found to have."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gatehouse.office import naming
from gatehouse.office.frames import FramesRates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatehouse.capacity.quotas import Quotas
    from gatehouse.office.config import Company
    from gatehouse.office.frames import FramesDesired
    from gatehouse.office.model import Engine, MappingSettings, Office

# Everything an office can have. An analysis is a camera's entry in the frame-search worker's document.
What = Literal["collection", "video_stream", "record_stream", "mapping", "processor", "worker", "analysis"]


@dataclass(frozen=True, slots=True)
class DesiredOffice:
    """Hold everything the planner needs about one office; cameras in manifest order.

    `zones` are the cameras' places, `manifest` is a digest of all that is published of the office, `rates`
    is its share of the Region's Image API quotas.
    """

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
    frames_per_second: float = 1.0
    rates: FramesRates = field(default_factory=FramesRates)
    zones: Mapping[str, str] = field(default_factory=dict)
    manifest: str = ""

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
        return self.data_stream_arn(naming.record_stream(camera_id))

    def data_stream_arn(self, name: str) -> str:
        """Return the ARN of a Kinesis data stream in the office's Region."""
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
    """Hold what exists of one camera; None is what doesn't.

    `engine` is the one whose records ingest accepts now, None for a stream that ingest doesn't know.
    """

    video: VideoStream | None = None
    records: RecordStream | None = None
    mapping: EventMapping | None = None
    processor: Processor | None = None
    engine: Engine | None = None


@dataclass(frozen=True, slots=True)
class Orphan:
    """Name something that carries an office's tag without being in its manifest."""

    what: What
    name: str
    camera_id: str = ""


@dataclass(frozen=True, slots=True)
class ObservedOffice:
    """Hold what exists of one office, and what carries its tag without being in its manifest.

    `records` and `mapping` are the office's own, which frame_search writes to; `frames` is the document
    its worker obeys.
    """

    collection_exists: bool = False
    cameras: dict[str, ObservedCamera] = field(default_factory=dict)
    orphans: tuple[Orphan, ...] = ()
    records: RecordStream | None = None
    mapping: EventMapping | None = None
    frames: FramesDesired | None = None

    @property
    def analysed(self) -> frozenset[str]:
        """Name the cameras that the frame-search worker analyses."""
        return frozenset(camera.camera_id for camera in self.frames.cameras) if self.frames else frozenset()

    def camera(self, camera_id: str) -> ObservedCamera:
        """Return what exists of a camera, which may be nothing."""
        return self.cameras.get(camera_id, ObservedCamera())


def desired_office(company: Company, name: str, quotas: Quotas | None = None) -> DesiredOffice:
    """Derive what one office shall have from the configuration.

    Who plans, or compares with a plan, gives the `quotas`: without them its rates are the defaults.
    """
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
        frames_per_second=company.rollout.frames_per_second,
        rates=_share(company, office, quotas) if quotas else FramesRates(),
        zones={camera.id: f"floor {camera.floor}, {camera.zone}" for camera in office.cameras},
        manifest=_manifest_digest(company, office),
    )


def _share(company: Company, mine: Office, quotas: Quotas) -> FramesRates:
    """Return an office's share of its Region's quotas, by cameras; who calls no Image API has defaults."""
    if mine.engine != "frame_search":
        return FramesRates()
    sharing = [
        other
        for other in company.offices.values()
        if other.region == mine.region and other.engine == "frame_search"
    ]
    share = len(mine.cameras) / sum(len(other.cameras) for other in sharing)
    return FramesRates(
        detect_faces=quotas.limit("rekognition:DetectFaces", mine.region) * share,
        search_faces_by_image=quotas.limit("rekognition:SearchFacesByImage", mine.region) * share,
    )


def _manifest_digest(company: Company, office: Office) -> str:
    """Digest what is published to ingest and proxy: the manifest, and the rules that judge its cameras."""
    published = {"office": office.model_dump(mode="json"), "rules": company.rules.model_dump(mode="json")}
    return hashlib.sha256(json.dumps(published, sort_keys=True).encode()).hexdigest()
