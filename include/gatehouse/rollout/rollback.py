"""Plan the way back to exactly the state before a rollout, from its records and what is there now.

Only what the rollout's own calls touched is undone: what somebody else made meanwhile stays. Planning
looks at live state, so an interrupted roll-back is taken up, and a second one has nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from gatehouse.exceptions import PlanError
from gatehouse.ingest.snapshot import EngineSpan, SnapshotStream
from gatehouse.rollout.state import Key, Resource, ResourceKind, State, key_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from gatehouse.ingest.snapshot import IngestSnapshot
    from gatehouse.office.frames import FramesDesired

Op = Literal["stop", "delete", "create", "update", "start"]
CallState = Literal["planned", "calling", "done", "failed"]


class _Camera(Protocol):
    @property
    def camera_id(self) -> str: ...


class _Document(Protocol):
    """What the documents into an office have in common."""

    @property
    def version(self) -> int: ...
    @property
    def cameras(self) -> tuple[Any, ...]: ...
    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Any: ...


Document = TypeVar("Document", bound=_Document)


@dataclass(frozen=True, slots=True)
class Call:
    """Hold what the ledger knows of a call: a crash may have left it `calling`, done or not."""

    action: str
    resource: str
    state: CallState


@dataclass(frozen=True, slots=True)
class Undo:
    """Change one resource back; `resource` is as it shall be, or for a deletion as it is."""

    op: Op
    resource: Resource

    @property
    def only_if_empty(self) -> bool:
        """Tell whether it may hold what others put there since: a collection with faces is kept."""
        return self.op == "delete" and self.resource.kind == "collection"


# What comes first: what analyses for us alone ends, then everything old is there again in order of
# dependence, then documents say so, then the old processors take over, and last our streams go.
_TAKE_DOWN: dict[ResourceKind, int] = {
    "processor": 0,
    "mapping": 1,
    "snapshot": 6,
    "edge_document": 7,
    "frames_document": 7,
    "record_stream": 9,
    "video_stream": 10,
    "collection": 11,
}
_PUT_BACK: dict[ResourceKind, int] = {
    "collection": 2,
    "video_stream": 3,
    "record_stream": 4,
    "mapping": 5,
    "snapshot": 6,
    "edge_document": 7,
    "frames_document": 7,
    "processor": 8,
}


def touched(calls: Iterable[Call]) -> frozenset[Key]:
    """Return what a rollout's calls may have changed: all of them but those only planned."""
    return frozenset(key_of(call.action, call.resource) for call in calls if call.state != "planned")


def plan_rollback(
    before: State, live: State, changed: Collection[Key], cameras: Collection[str] | None = None
) -> tuple[Undo, ...]:
    """Plan the ordered way back of an office, or of some of its cameras alone.

    The office's own documents and collection go back only with the whole office; for single cameras see
    `document_restored`.
    """
    found: list[tuple[int, str, int, Undo]] = []
    for key in changed:
        was, is_ = before.get(key), live.get(key)
        resource = was or is_
        if resource is None or (cameras is not None and resource.camera_id not in cameras):
            continue
        ranks = _PUT_BACK if was else _TAKE_DOWN
        steps = [Undo(op, held) for op, held in _undo(was, is_)]
        found += [(ranks[key[0]], resource.name, at, step) for at, step in enumerate(steps)]
    return tuple(undo for *_, undo in sorted(found, key=lambda item: item[:3]))


def _undo(was: Resource | None, is_: Resource | None) -> Iterator[tuple[Op, Resource]]:
    """Yield the steps from what a resource is to what it was."""
    if was is None:
        if is_ is not None:
            yield from _remove(is_)
        return
    if is_ is not None and was.fixed == is_.fixed:
        if was.running != is_.running:
            yield ("start" if was.running else "stop"), was
        return
    if is_ is not None and was.kind != "processor":
        yield "update", was
        return
    # A face-search processor can't be updated (aws.md §0.4), so the old one takes its place again.
    if is_ is not None:
        yield from _remove(is_)
    yield "create", was
    if was.running:
        yield "start", was


def _remove(resource: Resource) -> Iterator[tuple[Op, Resource]]:
    if resource.running:
        yield "stop", resource
    yield "delete", resource


def document_restored(
    stored: Document, before: Document | None, cameras: Collection[str] | None = None
) -> Document:
    """Return the document that tells an office what it was told before, under the next version.

    Without one before, it names no camera: a proxy that is told nothing goes on as it is. With `cameras`,
    only their entries go back.
    """
    old = {camera.camera_id: camera for camera in (before.cameras if before else ())}
    new = {camera.camera_id: camera for camera in stored.cameras}
    if cameras is None:
        kept = old
        base = before or stored
    else:
        both = {**old, **new}
        entries = {camera_id: (old if camera_id in cameras else new).get(camera_id) for camera_id in both}
        kept = {camera_id: entry for camera_id, entry in entries.items() if entry is not None}
        base = stored
    update = {"cameras": tuple(kept.values()), "version": stored.version}
    wanted: Document = base.model_copy(update=update)
    return stored if wanted == stored else wanted.model_copy(update={"version": stored.version + 1})


def frames_restored(stored: FramesDesired, before: FramesDesired | None, start_at: datetime) -> FramesDesired:
    """Return the document of an office's frame-search worker as it was before, under the next version.

    A camera that the worker doesn't analyse now begins at `start_at`, where its engine comes back into
    force: what lies between was the other engine's.
    """
    if before is not None:
        now = {camera.camera_id for camera in stored.cameras}
        cameras = tuple(
            camera if camera.camera_id in now else camera.model_copy(update={"start_at": start_at})
            for camera in before.cameras
        )
        before = before.model_copy(update={"cameras": cameras})
    return document_restored(stored, before)


def snapshot_restored(
    stored: IngestSnapshot,
    office: str,
    before: Mapping[str, Mapping[str, Any]],
    engine_from_ms: int | None = None,
) -> IngestSnapshot:
    """Return the ingest snapshot with an office's streams (ARN → content) as they were before.

    The other offices' streams, the people and the rules are as they are now. Where the engine goes back,
    it is in force again from `engine_from_ms` (producer time) on: the other's records until then stand.
    Raises PlanError where that time is needed and not given.
    """
    others = {arn: stream for arn, stream in stored.streams.items() if stream.office != office}
    mine = {arn: SnapshotStream.model_validate(content) for arn, content in before.items()}
    for arn, stream in mine.items():
        if (now := stored.streams.get(arn)) and now.engine != stream.engine:
            mine[arn] = stream.model_copy(update={"engines": _switched_back(now, stream, engine_from_ms)})
        elif now:
            mine[arn] = stream.model_copy(update={"engines": now.engines})
    if stored.streams == others | mine:
        return stored
    return stored.model_copy(update={"streams": others | mine, "version": stored.version + 1})


def _switched_back(
    now: SnapshotStream, before: SnapshotStream, engine_from_ms: int | None
) -> tuple[EngineSpan, ...]:
    if engine_from_ms is None:
        msg = (
            f"Camera {before.camera_id}: the engine goes back from {now.engine} to {before.engine}, and no "
            "time from which is given. Nothing was published. Record a producer time, then roll back"
        )
        raise PlanError(msg)
    spans = now.engines or (EngineSpan(engine=now.engine, from_ms=0),)
    kept = tuple(span for span in spans if span.from_ms < engine_from_ms)
    return (*kept, EngineSpan(engine=before.engine, from_ms=engine_from_ms))
