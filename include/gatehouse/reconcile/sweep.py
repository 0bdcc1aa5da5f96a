"""Turn one sweep of List calls over a Region into what exists of each office.

List tells a processor's name and state, and of everything else all there is to compare. So only what is
abnormal is described (aws.md §2.2): a face-search processor can't be updated, and one that runs is taken
to be as it was made, unless its camera gives reason to doubt it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gatehouse.office import naming
from gatehouse.rollout.resources import ObservedCamera, ObservedOffice, Orphan, Processor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from gatehouse.ingest.snapshot import IngestSnapshot
    from gatehouse.office.edge import EdgeDesired, EdgeObserved
    from gatehouse.office.frames import FramesDesired, FramesObserved
    from gatehouse.office.model import Engine
    from gatehouse.rollout.resources import DesiredOffice, EventMapping, RecordStream, VideoStream, What

PREFIX = "gatehouse-"


@dataclass(frozen=True, slots=True)
class Sweep:
    """Hold what a Region's List calls answered: processors with their states, streams by name.

    `mappings` are the ingest function's, by data stream ARN.
    """

    processors: Mapping[str, str] = field(default_factory=dict)
    video: Mapping[str, VideoStream] = field(default_factory=dict)
    records: Mapping[str, RecordStream] = field(default_factory=dict)
    mappings: Mapping[str, EventMapping] = field(default_factory=dict)
    collections: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Described:
    """Hold a processor that was described, and since when it is in its state."""

    processor: Processor
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Documents:
    """Hold the documents of an office as they are stored; None is what isn't."""

    snapshot: IngestSnapshot | None = None
    edge: EdgeDesired | None = None
    edge_observed: EdgeObserved | None = None
    frames: FramesDesired | None = None
    frames_observed: FramesObserved | None = None


def to_describe(desired: DesiredOffice, sweep: Sweep, doubted: Collection[str] = ()) -> tuple[str, ...]:
    """Name the processors that must be described: those that don't run, and those of doubted cameras."""
    if desired.engine != "stream_processor":
        return ()
    names = {naming.stream_processor(camera_id): camera_id for camera_id in desired.cameras}
    return tuple(
        name
        for name, camera_id in names.items()
        if name in sweep.processors and (sweep.processors[name] != "RUNNING" or camera_id in doubted)
    )


def observed_office(
    desired: DesiredOffice,
    sweep: Sweep,
    described: Mapping[str, Described],
    documents: Documents,
    orphans: Iterable[Orphan] = (),
) -> ObservedOffice:
    """Return what exists of an office, as the planner wants it."""
    engines = _engines(documents.snapshot)
    stream = naming.office_record_stream(desired.office)
    return ObservedOffice(
        collection_exists=desired.collection in sweep.collections,
        cameras={
            camera_id: _camera(desired, camera_id, sweep, described, engines) for camera_id in desired.cameras
        },
        orphans=tuple(orphans),
        records=sweep.records.get(stream),
        mapping=sweep.mappings.get(desired.data_stream_arn(stream)),
        frames=documents.frames,
    )


def _camera(
    desired: DesiredOffice,
    camera_id: str,
    sweep: Sweep,
    described: Mapping[str, Described],
    engines: Mapping[str, Engine],
) -> ObservedCamera:
    video = sweep.video.get(naming.video_stream(camera_id))
    name = naming.stream_processor(camera_id)
    found = described.get(name)
    return ObservedCamera(
        video=video,
        records=sweep.records.get(naming.record_stream(camera_id)),
        mapping=sweep.mappings.get(desired.record_stream_arn(camera_id)),
        processor=found.processor
        if found
        else _as_made(desired, camera_id, sweep.processors.get(name), video),
        engine=engines.get(video.arn) if video else None,
    )


def _as_made(
    desired: DesiredOffice, camera_id: str, status: str | None, video: VideoStream | None
) -> Processor | None:
    """Return a listed processor as a rollout makes it."""
    if status is None:
        return None
    return Processor(
        status=status,
        video_arn=video.arn if video else "",
        record_arn=desired.record_stream_arn(camera_id),
        collection=desired.collection,
        threshold=desired.threshold,
        role_arn=desired.role_arn,
    )


def _engines(snapshot: IngestSnapshot | None) -> dict[str, Engine]:
    streams = snapshot.streams.items() if snapshot else ()
    return {arn: stream.engines[-1].engine if stream.engines else stream.engine for arn, stream in streams}


def unaccounted(offices: Iterable[DesiredOffice], sweep: Sweep) -> tuple[Orphan, ...]:
    """Name what looks like ours in a Region without being in any manifest: its tags must tell.

    `offices` are all those of the account, so that a camera which moved is no stranger.
    """
    known = {key for desired in offices for key in _accounted(desired)}
    return tuple(
        Orphan(what, name, _camera_in(what, name))
        for what, name in sorted(_listed(sweep))
        if name.startswith(PREFIX) and (what, name) not in known
    )


def tagged(
    found: Iterable[Orphan], tags: Mapping[tuple[What, str], Mapping[str, str]]
) -> dict[str, list[Orphan]]:
    """Sort what isn't accounted for by the office in its tag; without our tag it isn't ours."""
    mine: dict[str, list[Orphan]] = {}
    for orphan in found:
        its = tags.get((orphan.what, orphan.name), {})
        if office := its.get(naming.TAG_OFFICE):
            camera_id = its.get(naming.TAG_CAMERA, orphan.camera_id)
            mine.setdefault(office, []).append(Orphan(orphan.what, orphan.name, camera_id))
    return mine


def _accounted(desired: DesiredOffice) -> Iterator[tuple[What, str]]:
    yield "collection", desired.collection
    streams = [naming.office_record_stream(desired.office), *map(naming.record_stream, desired.cameras)]
    for stream in streams:
        yield "record_stream", stream
        yield "mapping", stream
    for camera_id in desired.cameras:
        yield "video_stream", naming.video_stream(camera_id)
        yield "processor", naming.stream_processor(camera_id)


def _listed(sweep: Sweep) -> Iterator[tuple[What, str]]:
    yield from (("processor", name) for name in sweep.processors)
    yield from (("video_stream", name) for name in sweep.video)
    yield from (("record_stream", name) for name in sweep.records)
    yield from (("collection", name) for name in sweep.collections)
    yield from (("mapping", arn.rpartition("/")[2]) for arn in sweep.mappings)


def _camera_in(what: What, name: str) -> str:
    if what == "collection":
        return ""
    records = what in {"record_stream", "mapping"}
    return name.removeprefix(naming.record_stream("") if records else PREFIX)
