"""Hold an office's resources and documents as comparable values: what was before, and what is now.

The ledger keeps such a state of every camera and office before a rollout's first change to it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from gatehouse.exceptions import PlanError
from gatehouse.office import naming

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel

    from gatehouse.ingest.snapshot import IngestSnapshot
    from gatehouse.rollout.resources import (
        DesiredOffice,
        EventMapping,
        ObservedCamera,
        ObservedOffice,
        Processor,
    )

ResourceKind = Literal[
    "collection",
    "video_stream",
    "record_stream",
    "mapping",
    "processor",
    "snapshot",
    "edge_document",
    "frames_document",
]
KINDS: tuple[ResourceKind, ...] = get_args(ResourceKind)
Key = tuple[ResourceKind, str]
# What an action may name that is a part of a resource: of a stream its retention, of the frame-search
# worker's document all of it but its cameras, and each of its cameras (`<key>#<camera>`).
_PART_OF: dict[str, ResourceKind] = {
    "retention": "video_stream",
    "worker": "frames_document",
    "analysis": "frames_document",
}
# What a processor does, as against what it is: the one thing that can be changed while it exists.
RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Resource:
    """Hold one resource or document; `camera_id` is empty for what the whole office shares."""

    kind: ResourceKind
    name: str
    camera_id: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Return what makes it the same resource, however it is set."""
        return self.kind, self.name

    @property
    def fixed(self) -> dict[str, Any]:
        """Return its settings without whether it runs."""
        return {name: value for name, value in self.settings.items() if name != RUNNING}

    @property
    def running(self) -> bool:
        """Tell whether it is a processor at work."""
        return bool(self.settings.get(RUNNING))

    def to_json(self) -> dict[str, Any]:
        """Return the resource as plain data."""
        return asdict(self)


State = dict[Key, Resource]


def state_from_json(data: Iterable[Mapping[str, Any]]) -> State:
    """Restore a state from plain data."""
    resources = [Resource(**item) for item in data]
    return {resource.key: resource for resource in resources}


def state_of(desired: DesiredOffice, observed: ObservedOffice) -> State:
    """Return what an office was found to have; the documents come from `document_state`."""
    found = [Resource("collection", desired.collection)] if observed.collection_exists else []
    shared = naming.office_record_stream(desired.office)
    if observed.records:
        found.append(Resource("record_stream", shared))
    if observed.mapping:
        found.append(Resource("mapping", shared, settings=_mapping(observed.mapping)))
    for camera_id, camera in observed.cameras.items():
        found += _camera_resources(camera_id, camera)
    return {resource.key: resource for resource in found}


def _camera_resources(camera_id: str, camera: ObservedCamera) -> list[Resource]:
    found = []
    records = naming.record_stream(camera_id)
    if camera.video:
        settings = {"retention_hours": camera.video.retention_hours}
        found.append(Resource("video_stream", naming.video_stream(camera_id), camera_id, settings))
    if camera.records:
        found.append(Resource("record_stream", records, camera_id))
    if camera.mapping:
        found.append(Resource("mapping", records, camera_id, _mapping(camera.mapping)))
    if camera.processor:
        name = naming.stream_processor(camera_id)
        found.append(Resource("processor", name, camera_id, _processor(camera.processor)))
    return found


def _mapping(mapping: EventMapping) -> dict[str, Any]:
    return {name: value for name, value in asdict(mapping).items() if name != "uuid"}


def _processor(processor: Processor) -> dict[str, Any]:
    settings = {name: value for name, value in asdict(processor).items() if name not in {"status", "message"}}
    return {**settings, RUNNING: processor.status in {"STARTING", "RUNNING"}}


def document_state(kind: ResourceKind, key: str, document: BaseModel | None) -> State:
    """Return a stored document's content as a state; its version is no part of it, as it only grows."""
    if document is None:
        return {}
    content = document.model_dump(mode="json", exclude={"version"})
    return {(kind, key): Resource(kind, key, settings=content)}


def snapshot_state(office: str, snapshot: IngestSnapshot | None) -> State:
    """Return an office's part of its Region's ingest snapshot; the other offices' is not ours to undo."""
    streams = {
        arn: stream.model_dump(mode="json")
        for arn, stream in (snapshot.streams if snapshot else {}).items()
        if stream.office == office
    }
    key = naming.SNAPSHOT_KEY
    return {("snapshot", key): Resource("snapshot", key, settings={"streams": streams})} if streams else {}


def key_of(action: str, resource: str) -> Key:
    """Return what a recorded call touched: actions are named verb_kind."""
    what = action.partition("_")[2]
    if what == "engine":
        # Which engine's records count is a camera's entry in the ingest snapshot.
        return "snapshot", naming.SNAPSHOT_KEY
    kind = _PART_OF.get(what, what)
    for known in KINDS:
        if kind == known:
            return known, resource.partition("#")[0]
    msg = (
        f"Call '{action}' on {resource} names none of {', '.join(KINDS)}; nothing was rolled back. Roll back "
        "with the version of Gatehouse that made it"
    )
    raise PlanError(msg)
