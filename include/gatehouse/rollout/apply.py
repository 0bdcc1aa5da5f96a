"""Predict what an office has after actions were carried out.

A pure model of what the hooks do, for dry runs and proofs: planning again on its result shows what is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gatehouse.rollout.frames_document import frames_after
from gatehouse.rollout.resources import (
    EventMapping,
    ObservedCamera,
    Processor,
    RecordStream,
    VideoStream,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from gatehouse.rollout.action import Action
    from gatehouse.rollout.resources import DesiredOffice, ObservedOffice


def apply(
    desired: DesiredOffice, observed: ObservedOffice, actions: Iterable[Action], at: datetime
) -> ObservedOffice:
    """Return what there is after these actions, done at `at`, in their order."""
    for action in actions:
        if action.kind.endswith(("_worker", "_analysis")):
            observed = replace(observed, frames=frames_after(desired, observed.frames, action, at))
        elif action.camera_id:
            changed = _camera(desired, observed.camera(action.camera_id), action)
            observed = replace(observed, cameras={**observed.cameras, action.camera_id: changed})
        else:
            observed = _office(desired, observed, action)
    return observed


def _office(desired: DesiredOffice, observed: ObservedOffice, action: Action) -> ObservedOffice:
    if action.kind == "create_collection":
        return replace(observed, collection_exists=True)
    if action.what == "record stream":
        return replace(observed, records=_records(desired, action))
    return replace(observed, mapping=_mapping(desired, observed.mapping, action))


def _camera(desired: DesiredOffice, found: ObservedCamera, action: Action) -> ObservedCamera:
    if action.kind == "create_video_stream":
        video = VideoStream(_video_arn(desired, action.resource), "ACTIVE", desired.retention_hours)
        return replace(found, video=video)
    if action.kind == "change_retention" and found.video:
        return replace(found, video=replace(found.video, retention_hours=desired.retention_hours))
    if action.kind == "switch_engine":
        return replace(found, engine=desired.engine)
    if action.what == "record stream":
        return replace(found, records=_records(desired, action))
    if action.what == "mapping":
        return replace(found, mapping=_mapping(desired, found.mapping, action))
    return replace(found, processor=_processor(desired, found, action))


def _records(desired: DesiredOffice, action: Action) -> RecordStream | None:
    if action.verb == "remove":
        return None
    return RecordStream(desired.data_stream_arn(action.resource), "ACTIVE")


def _mapping(desired: DesiredOffice, found: EventMapping | None, action: Action) -> EventMapping | None:
    if action.verb == "remove":
        return None
    return EventMapping(
        uuid=found.uuid if found else f"mapping-of-{action.resource}",
        enabled=True,
        bisects=True,
        reports_item_failures=True,
        failure_destination=desired.failure_destination,
        **desired.mapping.model_dump(),
    )


def _processor(desired: DesiredOffice, found: ObservedCamera, action: Action) -> Processor | None:
    if action.verb == "remove":
        return None
    return Processor(
        status="STOPPED",
        video_arn=found.video.arn if found.video else "",
        record_arn=desired.record_stream_arn(action.camera_id),
        collection=desired.collection,
        threshold=desired.threshold,
        role_arn=desired.role_arn,
    )


def _video_arn(desired: DesiredOffice, name: str) -> str:
    return f"arn:aws:kinesisvideo:{desired.region}:{desired.account}:stream/{name}/1"
