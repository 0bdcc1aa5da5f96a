"""Find what doesn't do what it is told: processors, streams, the documents, the proxy and the worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gatehouse.office import naming
from gatehouse.office.documents import edge_document

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from gatehouse.office.model import Office
    from gatehouse.reconcile.causes import Cause
    from gatehouse.reconcile.policy import Heal
    from gatehouse.reconcile.sweep import Described, Documents
    from gatehouse.rollout.resources import DesiredOffice, ObservedOffice

# Cause, what, name, reason, camera id.
Difference = tuple["Cause", str, str, str, str]
WORKS = frozenset({"RUNNING", "STARTING", "UPDATING"})


class _Report(Protocol):
    @property
    def at(self) -> datetime: ...
    @property
    def version_applied(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Scene:
    """Hold everything known of an office at one moment."""

    at: datetime
    office: Office
    desired: DesiredOffice
    observed: ObservedOffice
    documents: Documents
    described: Mapping[str, Described]
    limits: Heal


def rolled_out(office: str, documents: Documents) -> frozenset[str]:
    """Return the cameras that a rollout brought up: those that the proxy or ingest was told of."""
    streams = documents.snapshot.streams.values() if documents.snapshot else ()
    ingested = {stream.camera_id for stream in streams if stream.office == office}
    carried = {camera.camera_id for camera in documents.edge.cameras} if documents.edge else set()
    return frozenset(ingested | carried)


def silent_cameras(scene: Scene) -> frozenset[str]:
    """Name the cameras of which no media comes, by their proxy's word; of others nothing is known.

    A proxy that itself is silent says nothing of its cameras.
    """
    report, limit = scene.documents.edge_observed, scene.limits.silent_after_seconds
    if report is None or (scene.at - report.at).total_seconds() > limit:
        return frozenset()
    return frozenset(
        camera.camera_id
        for camera in report.cameras
        if camera.last_persisted_at is None or (report.at - camera.last_persisted_at).total_seconds() > limit
    )


def running_differences(scene: Scene, live: Collection[str]) -> Iterator[Difference]:
    """Yield what a plan doesn't look at, of the cameras that were rolled out."""
    cameras = [camera_id for camera_id in scene.desired.cameras if camera_id in live]
    for camera_id in cameras:
        yield from _processor(scene, camera_id)
        yield from _streams(scene, camera_id)
    yield from _edge(scene, cameras)
    if cameras:
        yield from _reports(scene)


def _processor(scene: Scene, camera_id: str) -> Iterator[Difference]:
    """Yield why a processor doesn't run; one that is missing is the planner's to name."""
    found = scene.observed.camera(camera_id).processor
    if scene.desired.engine != "stream_processor" or found is None or found.status == "RUNNING":
        return
    name = naming.stream_processor(camera_id)
    if found.status == "FAILED":
        yield "processor_failed", "processor", name, found.message or "AWS gives no reason", camera_id
    elif found.status in {"STOPPED", "STOPPING"}:
        yield "processor_stopped", "processor", name, f"it is {found.status} and shall run", camera_id
    elif seconds := _too_long_starting(scene, name):
        yield "processor_stuck", "processor", name, f"it is STARTING for {seconds:.0f} s", camera_id


def _too_long_starting(scene: Scene, name: str) -> float:
    described = scene.described.get(name)
    if described is None or described.since is None or described.processor.status != "STARTING":
        return 0.0
    seconds = (scene.at - described.since).total_seconds()
    return seconds if seconds > scene.limits.starting_limit_seconds else 0.0


def _streams(scene: Scene, camera_id: str) -> Iterator[Difference]:
    found, snapshot = scene.observed.camera(camera_id), scene.documents.snapshot
    if found.video is None:
        return
    name = naming.video_stream(camera_id)
    if found.video.status != "ACTIVE":
        yield "stream_inactive", "video_stream", name, f"it is {found.video.status}", camera_id
    if snapshot is None or found.video.arn not in snapshot.streams:
        yield "not_ingested", "snapshot", name, "the ingest snapshot doesn't know this stream", camera_id


def _edge(scene: Scene, cameras: Collection[str]) -> Iterator[Difference]:
    """Yield how the proxy's document differs; a probe's order in it is a rollout's, and no difference."""
    stored, key = scene.documents.edge, naming.edge_desired_key(scene.desired.office)
    wanted = {one.camera_id: one for one in edge_document(stored, scene.office, cameras).cameras}
    told = {one.camera_id: one for one in stored.cameras} if stored else {}
    for camera_id in cameras:
        name = f"{key}#{camera_id}"
        if camera_id not in told:
            yield "edge_entry_missing", "edge_document", name, "the proxy isn't told to carry it", camera_id
        elif told[camera_id] != wanted[camera_id]:
            yield "edge_entry", "edge_document", name, "its entry isn't the manifest's", camera_id
    for camera_id in sorted(told.keys() - set(scene.desired.cameras)):
        reason = "the proxy carries a camera that the manifest doesn't have"
        yield "edge_entry_extra", "edge_document", f"{key}#{camera_id}", reason, camera_id


def _reports(scene: Scene) -> Iterator[Difference]:
    documents, office = scene.documents, scene.desired.office
    if documents.edge is not None:
        key, version = naming.edge_observed_key(office), documents.edge.version
        for late, reason in _late(scene, documents.edge_observed, version):
            yield ("edge_behind" if late == "behind" else "edge_silent"), "edge_proxy", key, reason, ""
    if scene.desired.engine == "frame_search" and documents.frames is not None:
        key, version = naming.frames_observed_key(office), documents.frames.version
        for late, reason in _late(scene, documents.frames_observed, version):
            yield ("worker_behind" if late == "behind" else "worker_silent"), "worker", key, reason, ""


def _late(scene: Scene, report: _Report | None, version: int) -> Iterator[tuple[str, str]]:
    """Yield whether a report is too old, or obeys an older document."""
    if report is None:
        yield "silent", "it has never reported"
    elif (age := (scene.at - report.at).total_seconds()) > scene.limits.silent_after_seconds:
        yield "silent", f"its last report is {age:.0f} s old"
    elif report.version_applied != version:
        yield "behind", f"it obeys version {report.version_applied} of its document instead of {version}"
