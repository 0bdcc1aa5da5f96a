"""See and change everything AWS holds of one office."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.office import naming
from gatehouse.office.edge import EdgeDesired
from gatehouse.office.frames import FramesDesired
from gatehouse.reconcile.sweep import Sweep
from gatehouse.rollout.frames_document import frames_after
from gatehouse.rollout.resources import ObservedCamera, ObservedOffice, Orphan, Processor
from gatehouse.rollout.state import document_state, snapshot_state, state_of
from gatehouse_provider.hooks.documents import DocumentHook
from gatehouse_provider.hooks.kinesis import RecordStreamHook
from gatehouse_provider.hooks.kinesis_video import KinesisVideoHook
from gatehouse_provider.hooks.lambda_function import EventMappingHook
from gatehouse_provider.hooks.rekognition import RekognitionHook
from gatehouse_provider.settings import AWS_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from gatehouse.office.model import Engine
    from gatehouse.rollout.action import Action
    from gatehouse.rollout.resources import DesiredOffice, EventMapping, What
    from gatehouse.rollout.state import State

_PREFIX = "gatehouse-"
_NAMES = (naming.video_stream, naming.record_stream, naming.stream_processor)


class OfficeHook(BaseHook):
    """Observe one office and carry out planned actions, each of them repeatable.

    :param desired: what the office shall have; says Region and names.
    :param rollout_id: tagged on everything this rollout creates.
    :param known: the cameras of all manifests; what belongs to one of them is no orphan.
    """

    def __init__(
        self,
        desired: DesiredOffice,
        rollout_id: str,
        aws_conn_id: str | None = AWS_CONNECTION,
        known: Collection[str] = (),
    ) -> None:
        super().__init__()
        self.known = {*known, *desired.cameras}
        self.desired = desired
        self.rollout_id = rollout_id
        self._place: dict[str, Any] = {"aws_conn_id": aws_conn_id, "region_name": desired.region}
        self._video_arns: dict[str, str] = {}

    @cached_property
    def rekognition(self) -> RekognitionHook:
        """Reach Rekognition in the office's Region."""
        return RekognitionHook(**self._place)

    @cached_property
    def video(self) -> KinesisVideoHook:
        """Reach Kinesis Video in the office's Region."""
        return KinesisVideoHook(**self._place)

    @cached_property
    def records(self) -> RecordStreamHook:
        """Reach Kinesis Data Streams in the office's Region."""
        return RecordStreamHook(**self._place)

    @cached_property
    def mappings(self) -> EventMappingHook:
        """Reach Lambda in the office's Region."""
        return EventMappingHook(**self._place)

    @cached_property
    def documents(self) -> DocumentHook:
        """Reach the documents of the office's Region."""
        return DocumentHook(**self._place)

    def observe(self) -> ObservedOffice:
        """Read what exists of the office, and what carries its tag without being in its manifest.

        One sweep of List calls over the Region tells everything but the settings of processors, which are
        described, those that exist.
        """
        sweep = Sweep(
            processors=self.rekognition.processor_statuses(),
            video=self.video.streams(_PREFIX),
            records=self.records.streams(_PREFIX),
            mappings=self.mappings.mappings(self.desired.ingest_function),
        )
        self._video_arns = {name: stream.arn for name, stream in sweep.video.items()}
        engines = self._engines()
        stream = naming.office_record_stream(self.desired.office)
        key = naming.frames_desired_key(self.desired.office)
        return ObservedOffice(
            collection_exists=self.rekognition.collection_exists(self.desired.collection),
            cameras={
                camera_id: self._camera(camera_id, sweep, engines) for camera_id in self.desired.cameras
            },
            orphans=tuple(self._orphans(sweep)),
            records=sweep.records.get(stream),
            mapping=sweep.mappings.get(self.desired.data_stream_arn(stream)),
            frames=self.documents.read(self.desired.bucket, key, FramesDesired)[0],
        )

    def _camera(self, camera_id: str, sweep: Sweep, engines: Mapping[str, Engine]) -> ObservedCamera:
        video = sweep.video.get(naming.video_stream(camera_id))
        processor = naming.stream_processor(camera_id)
        return ObservedCamera(
            video=video,
            records=sweep.records.get(naming.record_stream(camera_id)),
            mapping=sweep.mappings.get(self.desired.record_stream_arn(camera_id)),
            processor=self.rekognition.find_processor(processor) if processor in sweep.processors else None,
            engine=engines.get(video.arn) if video else None,
        )

    def state(self, observed: ObservedOffice) -> State:
        """Return everything the office has, its documents included, as a roll-back compares it."""
        bucket, office = self.desired.bucket, self.desired.office
        edge_key, frames_key = naming.edge_desired_key(office), naming.frames_desired_key(office)
        snapshot, _ = self.documents.read(bucket, naming.SNAPSHOT_KEY, IngestSnapshot)
        edge, _ = self.documents.read(bucket, edge_key, EdgeDesired)
        return (
            state_of(self.desired, observed)
            | snapshot_state(office, snapshot)
            | document_state("edge_document", edge_key, edge)
            | document_state("frames_document", frames_key, observed.frames)
        )

    def _engines(self) -> dict[str, Engine]:
        """Return `{video stream ARN: engine}` as ingest has it now."""
        snapshot, _ = self.documents.read(self.desired.bucket, naming.SNAPSHOT_KEY, IngestSnapshot)
        streams = snapshot.streams.items() if snapshot else ()
        return {arn: s.engines[-1].engine if s.engines else s.engine for arn, s in streams}

    def _orphans(self, sweep: Sweep) -> Iterator[Orphan]:
        """Ask for the tags of what no manifest accounts for, and of nothing else."""
        known = {name(camera_id) for camera_id in self.known for name in _NAMES}
        known.add(naming.office_record_stream(self.desired.office))
        for name, stream in sorted(sweep.video.items()):
            if name not in known and self._is_mine(self.video.tags(stream.arn)):
                yield Orphan("video_stream", name, name.removeprefix(_PREFIX))
        for name in sorted(sweep.records):
            if name not in known and self._is_mine(self.records.tags(name)):
                yield Orphan("record_stream", name, name.removeprefix(naming.record_stream("")))
        for name in sorted(sweep.processors):
            if name.startswith(_PREFIX) and name not in known and self._is_mine(self._processor_tags(name)):
                yield Orphan("processor", name, name.removeprefix(_PREFIX))

    def _processor_tags(self, name: str) -> dict[str, str]:
        place = f"{self.desired.region}:{self.desired.account}"
        return self.rekognition.tags(f"arn:aws:rekognition:{place}:streamprocessor/{name}")

    def _is_mine(self, tags: dict[str, str]) -> bool:
        return tags.get(naming.TAG_OFFICE) == self.desired.office

    def video_arns(self, cameras: Iterable[str]) -> dict[str, str]:
        """Return `{camera id: video stream ARN}`; cameras without a stream are left out.

        What this hook observed or made it knows; it sweeps for the others, and describes what a sweep
        doesn't show yet.
        """
        names = {camera_id: naming.video_stream(camera_id) for camera_id in cameras}
        if set(names.values()) - self._video_arns.keys():
            self._video_arns |= self.video.streams_with_prefix(_PREFIX)
        for name in set(names.values()) - self._video_arns.keys():
            if stream := self.video.find_stream(name):
                self._video_arns[name] = stream.arn
        return {camera_id: self._video_arns[n] for camera_id, n in names.items() if n in self._video_arns}

    def carry_out(self, action: Action) -> None:
        """Carry out one action; doing it twice does no more than doing it once."""
        self.log.info("%s %s: %s", action.kind, action.resource, action.reason)
        getattr(self, f"_{action.kind}")(action)

    def is_active(self, what: What, name: str) -> bool:
        """Tell whether a stream takes data; one that is gone is an error of AWS's own words."""
        if what == "record_stream":
            return self.records.status(name) == "ACTIVE"
        return self.video.status(name) == "ACTIVE"

    def tags(self, camera_id: str = "") -> dict[str, str]:
        """Return the tags of what this rollout makes."""
        tags = {naming.TAG_OFFICE: self.desired.office, naming.TAG_ROLLOUT: self.rollout_id}
        return {**tags, naming.TAG_CAMERA: camera_id} if camera_id else tags

    def _create_collection(self, action: Action) -> None:
        self.rekognition.create_collection(action.resource, self.tags())

    def _create_video_stream(self, action: Action) -> None:
        tags = self.tags(action.camera_id)
        arn = self.video.create_stream(action.resource, self.desired.retention_hours, tags)
        self._video_arns[action.resource] = arn

    def _change_retention(self, action: Action) -> None:
        self.video.change_retention(action.resource, self.desired.retention_hours)

    def _create_record_stream(self, action: Action) -> None:
        self.records.create_stream(action.resource, self.desired.shards, self.tags(action.camera_id))

    def _remove_record_stream(self, action: Action) -> None:
        self.records.delete_stream(action.resource)

    def _create_mapping(self, action: Action) -> None:
        arn = self.desired.data_stream_arn(action.resource)
        self.mappings.create(self.desired, arn, self.tags(action.camera_id))

    def _change_mapping(self, action: Action) -> None:
        if mapping := self._mapping(action):
            self.mappings.correct(self.desired, mapping.uuid)

    def _remove_mapping(self, action: Action) -> None:
        if mapping := self._mapping(action):
            self.mappings.delete(mapping.uuid)

    def _mapping(self, action: Action) -> EventMapping | None:
        arn = self.desired.data_stream_arn(action.resource)
        return self.mappings.mappings(self.desired.ingest_function).get(arn)

    def _tell_worker(self, action: Action) -> None:
        """Change the worker's document; a new camera's analysis starts with the next whole second."""
        start_at = datetime.now(UTC).replace(microsecond=0)
        self.documents.change(
            self.desired.bucket,
            naming.frames_desired_key(self.desired.office),
            FramesDesired,
            lambda stored: frames_after(self.desired, stored, action, start_at),
        )

    _create_worker = _change_worker = _tell_worker
    _create_analysis = _replace_analysis = _remove_analysis = _tell_worker

    def _create_processor(self, action: Action) -> None:
        wanted = Processor(
            status="STOPPED",
            video_arn=self.video_arns([action.camera_id])[action.camera_id],
            record_arn=self.desired.record_stream_arn(action.camera_id),
            collection=self.desired.collection,
            threshold=self.desired.threshold,
            role_arn=self.desired.role_arn,
        )
        self.rekognition.create_processor(action.resource, wanted, self.tags(action.camera_id))

    def _remove_processor(self, action: Action) -> None:
        self.rekognition.delete_processor(action.resource)

    def _replace_processor(self, action: Action) -> None:
        self.rekognition.delete_processor(action.resource)
        self._create_processor(action)
