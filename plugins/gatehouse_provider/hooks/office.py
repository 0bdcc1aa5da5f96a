"""See and change everything AWS holds of one office."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from gatehouse.office import naming
from gatehouse.rollout.resources import ObservedCamera, ObservedOffice, Processor
from gatehouse_provider.hooks.kinesis import RecordStreamHook
from gatehouse_provider.hooks.kinesis_video import KinesisVideoHook
from gatehouse_provider.hooks.lambda_function import EventMappingHook
from gatehouse_provider.hooks.rekognition import RekognitionHook
from gatehouse_provider.settings import AWS_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatehouse.rollout.plan import Action
    from gatehouse.rollout.resources import DesiredOffice


class OfficeHook(BaseHook):
    """Observe one office and carry out planned actions, each of them repeatable.

    :param desired: what the office shall have; says Region and names.
    :param rollout_id: tagged on everything this rollout creates.
    """

    def __init__(
        self, desired: DesiredOffice, rollout_id: str, aws_conn_id: str | None = AWS_CONNECTION
    ) -> None:
        super().__init__()
        self.desired = desired
        self.rollout_id = rollout_id
        self._place: dict[str, Any] = {"aws_conn_id": aws_conn_id, "region_name": desired.region}

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

    def observe(self) -> ObservedOffice:
        """Read what exists of the office, and what carries its tag without being in its manifest."""
        mappings = self.mappings.mappings(self.desired.ingest_function)
        cameras = {}
        for camera_id in self.desired.cameras:
            cameras[camera_id] = ObservedCamera(
                video=self.video.find_stream(naming.video_stream(camera_id)),
                records=self.records.find_stream(naming.record_stream(camera_id)),
                mapping=mappings.get(self.desired.record_stream_arn(camera_id)),
                processor=self.rekognition.find_processor(naming.stream_processor(camera_id)),
            )
        exists = self.rekognition.collection_exists(self.desired.collection)
        return ObservedOffice(exists, cameras, tuple(self._strays()))

    def _strays(self) -> Iterable[str]:
        mine = {naming.video_stream(camera_id) for camera_id in self.desired.cameras}
        for name, arn in sorted(self.video.streams_with_prefix("gatehouse-").items()):
            if name not in mine and self.video.tags(arn).get(naming.TAG_OFFICE) == self.desired.office:
                yield name

    def video_arns(self, cameras: Iterable[str]) -> dict[str, str]:
        """Return `{camera id: video stream ARN}`; cameras without a stream are left out."""
        found = {camera_id: self.video.find_stream(naming.video_stream(camera_id)) for camera_id in cameras}
        return {camera_id: stream.arn for camera_id, stream in found.items() if stream}

    def carry_out(self, action: Action) -> None:
        """Carry out one action; doing it twice does no more than doing it once."""
        self.log.info("%s %s: %s", action.kind, action.resource, action.reason)
        getattr(self, f"_{action.kind}")(action)

    def wait_until_streams_take_data(self, cameras: Iterable[str], timeout_seconds: int) -> None:
        """Wait until the streams of these cameras are ACTIVE."""
        config = {"Delay": 1, "MaxAttempts": timeout_seconds}
        video_waiter = self.video.get_waiter("stream_active")
        for camera_id in cameras:
            self.records.wait_until_active(naming.record_stream(camera_id), timeout_seconds)
            video_waiter.wait(StreamName=naming.video_stream(camera_id), WaiterConfig=config)

    def _tags(self, camera_id: str = "") -> dict[str, str]:
        tags = {naming.TAG_OFFICE: self.desired.office, naming.TAG_ROLLOUT: self.rollout_id}
        return {**tags, naming.TAG_CAMERA: camera_id} if camera_id else tags

    def _create_collection(self, action: Action) -> None:
        self.rekognition.create_collection(action.resource, self._tags())

    def _create_video_stream(self, action: Action) -> None:
        tags = self._tags(action.camera_id)
        self.video.create_stream(action.resource, self.desired.retention_hours, tags)

    def _change_retention(self, action: Action) -> None:
        self.video.change_retention(action.resource, self.desired.retention_hours)

    def _create_record_stream(self, action: Action) -> None:
        self.records.create_stream(action.resource, self.desired.shards, self._tags(action.camera_id))

    def _create_mapping(self, action: Action) -> None:
        arn = self.desired.record_stream_arn(action.camera_id)
        self.mappings.create(self.desired, arn, self._tags(action.camera_id))

    def _change_mapping(self, action: Action) -> None:
        arn = self.desired.record_stream_arn(action.camera_id)
        self.mappings.correct(self.desired, self.mappings.mappings(self.desired.ingest_function)[arn].uuid)

    def _create_processor(self, action: Action) -> None:
        wanted = Processor(
            status="STOPPED",
            video_arn=self.video_arns([action.camera_id])[action.camera_id],
            record_arn=self.desired.record_stream_arn(action.camera_id),
            collection=self.desired.collection,
            threshold=self.desired.threshold,
            role_arn=self.desired.role_arn,
        )
        self.rekognition.create_processor(action.resource, wanted, self._tags(action.camera_id))

    def _replace_processor(self, action: Action) -> None:
        self.rekognition.delete_processor(action.resource)
        self._create_processor(action)
