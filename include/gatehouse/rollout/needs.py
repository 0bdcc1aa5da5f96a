"""Compare what an office shall have with what it has, resource by resource, for both engines.

Each function yields an Action for what isn't right and a Keep for what is, in the order of dependence.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gatehouse.office import naming
from gatehouse.rollout.action import Action, Keep

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from gatehouse.office.frames import FramesDesired
    from gatehouse.rollout.action import Step
    from gatehouse.rollout.resources import (
        DesiredOffice,
        EventMapping,
        ObservedCamera,
        ObservedOffice,
        Processor,
    )


def office_needs(desired: DesiredOffice, observed: ObservedOffice) -> Iterator[Step]:
    """Yield what all cameras of the office share."""
    if observed.collection_exists:
        yield Keep("collection")
    else:
        yield Action("create_collection", desired.collection, "the office has no face collection")
    if desired.engine != "frame_search":
        return
    stream = naming.office_record_stream(desired.office)
    yield from _records(stream, exists=observed.records is not None)
    yield from _mapping(desired, stream, observed.mapping)
    yield from _worker(desired, observed.frames)


def camera_needs(desired: DesiredOffice, camera_id: str, observed: ObservedOffice) -> Iterator[Step]:
    """Yield what one camera needs for itself under the desired engine."""
    found = observed.camera(camera_id)
    yield from _video(desired, camera_id, found)
    if desired.engine == "frame_search":
        yield from _analysis(desired.office, camera_id, observed.frames)
        return
    stream = naming.record_stream(camera_id)
    yield from _records(stream, exists=found.records is not None, camera_id=camera_id)
    yield from _mapping(desired, stream, found.mapping, camera_id)
    yield from _processor(desired, camera_id, found)


def camera_switch(desired: DesiredOffice, camera_id: str, found: ObservedCamera) -> Iterator[Action]:
    """Yield the hand-over of a camera whose records ingest accepts from the other engine."""
    if found.engine is not None and found.engine != desired.engine:
        reason = f"from {found.engine} to {desired.engine}, at a producer timestamp recorded when it is done"
        yield Action("switch_engine", naming.video_stream(camera_id), reason, camera_id, found.engine)


def camera_leftovers(desired: DesiredOffice, camera_id: str, observed: ObservedOffice) -> Iterator[Action]:
    """Yield what the other engine left of a camera: what reads goes before what is read."""
    found, why = observed.camera(camera_id), f"{desired.engine} doesn't use it"
    if desired.engine == "stream_processor":
        if camera_id in observed.analysed:
            yield Action("remove_analysis", analysis_name(desired.office, camera_id), why, camera_id)
        return
    stream = naming.record_stream(camera_id)
    if found.processor is not None:
        settings = _settings(found.processor)
        yield Action("remove_processor", naming.stream_processor(camera_id), why, camera_id, settings)
    if found.mapping is not None:
        yield Action("remove_mapping", stream, why, camera_id, found.mapping.uuid)
    if found.records is not None:
        yield Action("remove_record_stream", stream, why, camera_id, found.records.arn)


def office_leftovers(
    desired: DesiredOffice, observed: ObservedOffice, removed: Collection[str]
) -> Iterator[Action]:
    """Yield what frame_search left of the office, unless its worker still analyses some camera."""
    if desired.engine == "frame_search" or observed.analysed - set(removed):
        return
    stream, why = naming.office_record_stream(desired.office), f"{desired.engine} doesn't use it"
    if observed.mapping is not None:
        yield Action("remove_mapping", stream, why, found=observed.mapping.uuid)
    if observed.records is not None:
        yield Action("remove_record_stream", stream, why, found=observed.records.arn)


def analysis_name(office: str, camera_id: str) -> str:
    """Name a camera's entry in the document of its office's frame-search worker."""
    return f"{naming.frames_desired_key(office)}#{camera_id}"


def _video(desired: DesiredOffice, camera_id: str, found: ObservedCamera) -> Iterator[Step]:
    name, shall_be = naming.video_stream(camera_id), desired.retention_hours
    if found.video is None:
        yield Action("create_video_stream", name, "it doesn't exist", camera_id)
    elif (is_ := found.video.retention_hours) != shall_be:
        reason = f"keeps {is_} h instead of {shall_be} h"
        yield Action("change_retention", name, reason, camera_id, f"{is_} h")
    else:
        yield Keep("video_stream")


def _records(name: str, *, exists: bool, camera_id: str = "") -> Iterator[Step]:
    if exists:
        yield Keep("record_stream")
    else:
        yield Action("create_record_stream", name, "it doesn't exist", camera_id)


def _mapping(
    desired: DesiredOffice, stream: str, found: EventMapping | None, camera_id: str = ""
) -> Iterator[Step]:
    if found is None:
        reason = "no mapping leads from it to the ingest function"
        yield Action("create_mapping", stream, reason, camera_id)
    elif wrong := mapping_differences(desired, found):
        yield Action("change_mapping", stream, f"{', '.join(wrong)} differ", camera_id, _settings(found))
    else:
        yield Keep("mapping")


def _processor(desired: DesiredOffice, camera_id: str, found: ObservedCamera) -> Iterator[Step]:
    name = naming.stream_processor(camera_id)
    if found.processor is None:
        yield Action("create_processor", name, "it doesn't exist", camera_id)
    elif wrong := _processor_differences(desired, camera_id, found.processor, found):
        reason = f"{', '.join(wrong)} differ"
        yield Action("replace_processor", name, reason, camera_id, _settings(found.processor))
    else:
        yield Keep("processor")


def _worker(desired: DesiredOffice, found: FramesDesired | None) -> Iterator[Step]:
    name = naming.frames_desired_key(desired.office)
    if found is None:
        yield Action("create_worker", name, "the office's frame-search worker has no document")
        return
    shall_be = worker_settings(desired)
    if wrong := [key for key, value in shall_be.items() if getattr(found, key) != value]:
        settings = _canonical(found.model_dump(include=set(shall_be)))
        yield Action("change_worker", name, f"{', '.join(wrong)} differ", found=settings)
    else:
        yield Keep("worker")


def _analysis(office: str, camera_id: str, frames: FramesDesired | None) -> Iterator[Step]:
    entries = {camera.camera_id: camera for camera in frames.cameras} if frames else {}
    name, entry = analysis_name(office, camera_id), entries.get(camera_id)
    if entry is None:
        yield Action("create_analysis", name, "the worker doesn't analyse it", camera_id)
    elif entry.stream_name != naming.video_stream(camera_id):
        reason = f"reads {entry.stream_name}"
        yield Action("replace_analysis", name, reason, camera_id, entry.stream_name)
    else:
        yield Keep("analysis")


def worker_settings(desired: DesiredOffice) -> dict[str, Any]:
    """Return what the document of an office's frame-search worker says beside its cameras."""
    return {
        "region": desired.region,
        "fps": desired.frames_per_second,
        "collection": desired.collection,
        "threshold": desired.threshold,
        "record_stream": naming.office_record_stream(desired.office),
        "rates": desired.rates,
    }


def mapping_differences(desired: DesiredOffice, mapping: EventMapping) -> list[str]:
    """Name the settings of a mapping that aren't as the configuration wants them."""
    shall_be = {
        "enabled": True,
        "bisects": True,
        "reports_item_failures": True,
        "failure_destination": desired.failure_destination,
        **desired.mapping.model_dump(),
    }
    return [name for name, value in shall_be.items() if getattr(mapping, name) != value]


def _processor_differences(
    desired: DesiredOffice, camera_id: str, processor: Processor, found: ObservedCamera
) -> list[str]:
    pairs = {
        "video stream": (processor.video_arn, found.video.arn if found.video else None),
        "record stream": (processor.record_arn, desired.record_stream_arn(camera_id)),
        "collection": (processor.collection, desired.collection),
        "threshold": (processor.threshold, desired.threshold),
        "role": (processor.role_arn, desired.role_arn),
    }
    return [name for name, (is_, shall_be) in pairs.items() if is_ != shall_be]


def _settings(of: Processor | EventMapping) -> str:
    """Write what was set by somebody, not what it is doing now."""
    passing = {"status", "message", "uuid"}
    return _canonical({key: value for key, value in asdict(of).items() if key not in passing})


def _canonical(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)
