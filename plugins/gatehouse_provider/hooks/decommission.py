"""Carry out a decommissioning: each step is repeatable, and looks at what there is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from botocore.exceptions import ClientError

from gatehouse.exceptions import PlanError
from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.office import naming
from gatehouse.office.edge import EdgeDesired
from gatehouse.office.frames import FramesDesired
from gatehouse.rollout.decommission_documents import (
    without_camera,
    without_people,
    without_stream,
)
from gatehouse_provider.hooks.base_aws import error_code
from gatehouse_provider.hooks.decommission_drain import DrainHook
from gatehouse_provider.hooks.obedience import ObedienceHook

if TYPE_CHECKING:
    from collections.abc import Collection

    from gatehouse.rollout.action import Action, ActionKind
    from gatehouse_provider.hooks.office import OfficeHook

# What rests on it that no engine writes records any more.
_AFTER_ANALYSIS: frozenset[ActionKind] = frozenset(
    {"drain_record_stream", "remove_mapping", "remove_record_stream", "remove_snapshot"}
)


class DecommissionHook(BaseHook):
    """Remove what an office has, one thing at a time.

    :param office: reaches the office's resources.
    :param drain: waits for records under way.
    :param obey_seconds: how long proxy and worker may take to do what they are told.
    """

    def __init__(self, office: OfficeHook, drain: DrainHook | None = None, obey_seconds: float = 60) -> None:
        super().__init__()
        self.office = office
        self.drain = drain or DrainHook(office)
        self.obedience = ObedienceHook(office, obey_seconds)

    def wait_before(self, kind: ActionKind) -> None:
        """Wait until who was told to stop has stopped, before anything that rests on it."""
        if kind != "remove_edge_document":
            self.obedience.wait_for_proxy()
        if kind in _AFTER_ANALYSIS:
            self.obedience.wait_for_worker()

    def carry_out(self, action: Action) -> None:
        """Carry out one action; doing it twice does no more than doing it once."""
        self.log.info("%s %s", action.kind, action.resource)
        getattr(self, f"_{action.kind}")(action)

    def forget_people(self, gone: Collection[str]) -> None:
        """Take people who are enrolled nowhere any more out of what ingest knows."""
        self._change(naming.SNAPSHOT_KEY, IngestSnapshot, partial(without_people, gone=gone))

    def _remove_edge_document(self, action: Action) -> None:
        key, camera_id = action.resource.split("#")
        self._change(key, EdgeDesired, partial(without_camera, camera_id=camera_id))

    def _remove_analysis(self, action: Action) -> None:
        key, camera_id = action.resource.split("#")
        self._change(key, FramesDesired, partial(without_camera, camera_id=camera_id))

    def _remove_snapshot(self, action: Action) -> None:
        key, arn = action.resource.split("#")
        self._change(key, IngestSnapshot, partial(without_stream, arn=arn))

    def _change(self, key: str, model: Any, change: Any) -> None:
        bucket = self.office.desired.bucket
        if self.office.documents.read(bucket, key, model)[0] is not None:
            self.office.documents.change(bucket, key, model, change)

    def _stop_processor(self, action: Action) -> None:
        """Stop without waiting, so that the next one can be: whoever removes it waits."""
        found = self.office.rekognition.find_processor(action.resource)
        if found is not None and found.status == "RUNNING":
            self.office.rekognition.client.stop_stream_processor(Name=action.resource)

    def _remove_processor(self, action: Action) -> None:
        self.office.rekognition.delete_processor(action.resource)

    def _drain_record_stream(self, action: Action) -> None:
        self.drain.wait_until_drained(action.resource)

    def _remove_mapping(self, action: Action) -> None:
        self.office.carry_out(action)

    def _remove_record_stream(self, action: Action) -> None:
        found = self.office.records.find_stream(action.resource)
        if found is None:
            return
        if found.status != "DELETING":
            self.office.records.delete_stream(action.resource)
        waiter = self.office.records.client.get_waiter("stream_not_exists")
        waiter.wait(StreamName=action.resource, WaiterConfig={"Delay": 1, "MaxAttempts": 120})

    def _remove_video_stream(self, action: Action) -> None:
        self.office.video.delete_stream(action.resource)

    def _remove_collection(self, action: Action) -> None:
        """Delete a collection with its faces, and prove it by asking AWS again."""
        rekognition = self.office.rekognition
        try:
            rekognition.client.delete_collection(CollectionId=action.resource)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
        if rekognition.collection_exists(action.resource):
            msg = (
                f"Collection {action.resource} is still there after it was deleted; no receipt was written. "
                "See who makes it anew (hr_face_sync?), and clear this task"
            )
            raise PlanError(msg)
