"""Carry out the way back: each step is repeatable, and looks at what there is."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from gatehouse.ingest.instant import moment
from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.office.edge import EdgeDesired
from gatehouse.office.frames import FramesDesired
from gatehouse.rollout.handover import switch_ms
from gatehouse.rollout.resources import Processor
from gatehouse.rollout.rollback import document_restored, frames_restored, snapshot_restored
from gatehouse.rollout.state import RUNNING

if TYPE_CHECKING:
    from gatehouse.rollout.rollback import Undo
    from gatehouse.rollout.state import Resource
    from gatehouse_provider.hooks.office import OfficeHook

DOCUMENTS = frozenset({"snapshot", "edge_document", "frames_document"})


class RollbackHook(BaseHook):
    """Change the resources of one office back, one at a time.

    :param office: what reaches the office's resources.
    :param rollout_id: whose changes are undone.
    """

    def __init__(self, office: OfficeHook, rollout_id: str) -> None:
        super().__init__()
        self.office = office
        self.rollout_id = rollout_id

    @cached_property
    def engine_from(self) -> datetime:
        """Choose from which producer time the engines before are in force again."""
        return moment(switch_ms(datetime.now(UTC)))

    def carry_out(self, undo: Undo) -> None:
        """Carry out one step; doing it twice does no more than doing it once."""
        resource = undo.resource
        self.log.info("%s %s %s", undo.op, resource.kind.replace("_", " "), resource.name)
        if resource.kind in DOCUMENTS:
            self._restore(resource, gone=undo.op == "delete")
        else:
            getattr(self, f"_{undo.op}_{resource.kind}")(resource)

    def _restore(self, resource: Resource, *, gone: bool) -> None:
        """Write a document as it was; one that wasn't there names no camera of this office."""
        bucket, settings = self.office.desired.bucket, {} if gone else dict(resource.settings)
        change = self.office.documents.change
        if resource.kind == "snapshot":
            restore = partial(self._snapshot, streams=settings.get("streams", {}))
            change(bucket, resource.name, IngestSnapshot, restore)
        elif resource.kind == "edge_document":
            edge = EdgeDesired(version=1, **settings) if settings else None
            change(bucket, resource.name, EdgeDesired, lambda stored: _back(stored, edge))
        else:
            frames = FramesDesired(version=1, **settings) if settings else None
            change(bucket, resource.name, FramesDesired, lambda stored: self._frames(stored, frames))

    def _snapshot(self, stored: IngestSnapshot | None, streams: dict[str, Any]) -> IngestSnapshot:
        assert stored is not None  # noqa: S101 - a snapshot is never deleted, only changed
        from_ms = int(self.engine_from.timestamp() * 1000)
        return snapshot_restored(stored, self.office.desired.office, streams, from_ms)

    def _frames(self, stored: FramesDesired | None, before: FramesDesired | None) -> Any:
        return frames_restored(stored, before, self.engine_from) if stored else before

    def _stop_processor(self, resource: Resource) -> None:
        found = self.office.rekognition.find_processor(resource.name)
        if found is not None and found.status == "RUNNING":
            self.office.rekognition.client.stop_stream_processor(Name=resource.name)
            self.office.rekognition.get_waiter("stream_processor_stopped").wait(Name=resource.name)

    def _delete_processor(self, resource: Resource) -> None:
        self.office.rekognition.delete_processor(resource.name)

    def _create_processor(self, resource: Resource) -> None:
        settings = {name: value for name, value in resource.settings.items() if name != RUNNING}
        wanted = Processor(status="STOPPED", **settings)
        if self.office.rekognition.find_processor(resource.name) is None:
            self.office.rekognition.create_processor(
                resource.name, wanted, self.office.tags(resource.camera_id)
            )

    def _start_processor(self, resource: Resource) -> None:
        self.office.rekognition.start_processor(resource.name)
        self.office.rekognition.get_waiter("stream_processor_running").wait(Name=resource.name)

    def _delete_mapping(self, resource: Resource) -> None:
        arn, function = self._arn(resource), self.office.desired.ingest_function
        if mapping := self.office.mappings.mappings(function).get(arn):
            self.office.mappings.delete(mapping.uuid)

    def _create_mapping(self, resource: Resource) -> None:
        desired = self.office.desired
        tags = self.office.tags(resource.camera_id)
        self.office.mappings.put_back(desired.ingest_function, self._arn(resource), resource.settings, tags)

    _update_mapping = _create_mapping

    def _arn(self, resource: Resource) -> str:
        return self.office.desired.data_stream_arn(resource.name)

    def _create_record_stream(self, resource: Resource) -> None:
        tags = self.office.tags(resource.camera_id)
        self.office.records.create_stream(resource.name, self.office.desired.shards, tags)
        self.office.records.wait_until_active(resource.name, 120)

    def _delete_record_stream(self, resource: Resource) -> None:
        self.office.records.delete_stream(resource.name)

    def _create_video_stream(self, resource: Resource) -> None:
        hours = resource.settings["retention_hours"]
        self.office.video.create_stream(resource.name, hours, self.office.tags(resource.camera_id))

    def _update_video_stream(self, resource: Resource) -> None:
        self.office.video.change_retention(resource.name, resource.settings["retention_hours"])

    def _delete_video_stream(self, resource: Resource) -> None:
        self.office.video.delete_stream(resource.name)

    def _create_collection(self, resource: Resource) -> None:
        self.office.rekognition.create_collection(resource.name, self.office.tags())
        self.log.warning("Collection %s is empty: run hr_face_sync", resource.name)

    def _delete_collection(self, resource: Resource) -> None:
        """Delete a collection if nobody is in it: who was enrolled meanwhile is not ours to forget."""
        if self.office.rekognition.faces(resource.name):
            self.log.warning("Collection %s holds faces by now; it is kept", resource.name)
        elif self.office.rekognition.collection_exists(resource.name):
            self.office.rekognition.client.delete_collection(CollectionId=resource.name)


def _back(stored: EdgeDesired | None, before: EdgeDesired | None) -> Any:
    return document_restored(stored, before) if stored else before
