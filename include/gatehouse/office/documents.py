"""Derive the documents that tell an office's proxy and the ingest Lambda what to do.

Each function takes what is stored and returns what shall be stored: the same object if nothing
changes, else a new one with the next version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.exceptions import PlanError
from gatehouse.ingest.snapshot import EngineSpan, IngestSnapshot, SnapshotPerson, SnapshotStream
from gatehouse.office import naming
from gatehouse.office.edge import DesiredCamera, EdgeDesired

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gatehouse.ingest.snapshot import Kind, ProbeSpan
    from gatehouse.office.edge import ProbeOrder
    from gatehouse.office.model import Office, Rules


def edge_document(stored: EdgeDesired | None, office: Office, cameras: Collection[str]) -> EdgeDesired:
    """Tell the proxy to carry these cameras of an office, in manifest order.

    The manifest's other cameras (refused in planning, for a missing secret, say) stay as they are: one
    that is carried goes on, or a slip in its entry would blind it.
    """
    carried = {camera.camera_id: camera for camera in stored.cameras} if stored else {}
    told = {
        camera.id: DesiredCamera(
            camera_id=camera.id,
            stream_name=naming.video_stream(camera.id),
            rtsp_secret=camera.rtsp_secret,
            probe=carried[camera.id].probe if camera.id in carried else None,
        )
        for camera in office.cameras
        if camera.id in cameras
    }
    both = carried | told
    wanted = EdgeDesired(
        office=office.office,
        region=office.region,
        version=stored.version if stored else 1,
        cameras=tuple(both[camera.id] for camera in office.cameras if camera.id in both),
    )
    if stored is None or wanted == stored:
        return stored or wanted
    return wanted.model_copy(update={"version": stored.version + 1})


def edge_with_probe(stored: EdgeDesired, camera_id: str, order: ProbeOrder | None) -> EdgeDesired:
    """Order a probe of one camera, or take the order back (None)."""
    return edge_with_probes(stored, {camera_id: order})


def edge_with_probes(stored: EdgeDesired, orders: Mapping[str, ProbeOrder | None]) -> EdgeDesired:
    """Order probes by camera, or take orders back (None), all in one change.

    Raises PlanError for a camera the proxy isn't told to carry: it could play nothing.
    """
    for camera_id in sorted(orders.keys() - {camera.camera_id for camera in stored.cameras}):
        msg = (
            f"Camera {camera_id} isn't in office {stored.office}'s desired document {stored.version}; no "
            "probe was ordered. Roll the camera out first."
        )
        raise PlanError(msg)
    cameras = tuple(
        camera.model_copy(update={"probe": orders[camera.camera_id]})
        if camera.camera_id in orders
        else camera
        for camera in stored.cameras
    )
    if cameras == stored.cameras:
        return stored
    return stored.model_copy(update={"cameras": cameras, "version": stored.version + 1})


def snapshot_with_probe(stored: IngestSnapshot, stream_arn: str, span: ProbeSpan) -> IngestSnapshot:
    """Publish when a stream shows a probe's clip, in order of time; do so before the probe is ordered."""
    return snapshot_with_probes(stored, {stream_arn: span})


def snapshot_with_probes(stored: IngestSnapshot, spans: Mapping[str, ProbeSpan]) -> IngestSnapshot:
    """Publish when streams (by ARN) show a probe's clip, all in one change; see `snapshot_with_probe`."""
    probes = dict(stored.probes)
    for stream_arn, span in spans.items():
        others = (one for one in probes.get(stream_arn, ()) if one.probe_id != span.probe_id)
        probes[stream_arn] = tuple(sorted((*others, span), key=lambda one: one.start_ms))
    return _next_version(stored, stored.model_copy(update={"probes": probes}))


def snapshot_without_probes(stored: IngestSnapshot, before_ms: int) -> IngestSnapshot:
    """Forget the probes that ended before a time, of every stream.

    Choose it so long ago that no record of them can come any more (the record streams' retention): a late
    one would be taken for a person.
    """
    left = {
        arn: tuple(span for span in spans if span.end_ms >= before_ms) for arn, spans in stored.probes.items()
    }
    kept = {arn: spans for arn, spans in left.items() if spans}
    return _next_version(stored, stored.model_copy(update={"probes": kept}))


def snapshot_with_streams(
    stored: IngestSnapshot | None,
    office: Office,
    video_arns: Mapping[str, str],
    rules: Rules,
    engine_from_ms: int | None = None,
) -> IngestSnapshot:
    """Publish an office's streams (camera id → video stream ARN) and the rules; people stay.

    An office's older streams stay known until its cameras are decommissioned: records of a recreated
    stream may still be on their way. `engine_from_ms` is the producer time from which a changed engine is in
    force; PlanError without one, because records of both would count or neither's.
    """
    known = stored.streams if stored else {}
    mine = {
        video_arns[camera.id]: SnapshotStream(
            camera_id=camera.id,
            office=office.office,
            floor=camera.floor,
            zone=camera.zone,
            time_zone=office.time_zone,
            engine=office.engine,
            rules=camera.rules,
            engines=_engines(known.get(video_arns[camera.id]), office, camera.id, engine_from_ms),
        )
        for camera in office.cameras
        if camera.id in video_arns
    }
    base = stored or empty_snapshot(office.region, rules)
    wanted = base.model_copy(
        update={"streams": base.streams | mine, "rules": rules.rules, "evidence": rules.evidence}
    )
    return _next_version(stored, wanted)


def snapshot_with_people(
    stored: IngestSnapshot | None, region: str, kinds: Mapping[str, Kind], rules: Rules
) -> IngestSnapshot:
    """Publish who is who (person id → kind) in a Region; streams and rules stay."""
    base = stored or empty_snapshot(region, rules)
    people = {person_id: SnapshotPerson(kind=kind) for person_id, kind in sorted(kinds.items())}
    return _next_version(stored, base.model_copy(update={"people": people}))


def empty_snapshot(region: str, rules: Rules) -> IngestSnapshot:
    """Return a Region's first snapshot, which knows rules only."""
    return IngestSnapshot(
        version=1, region=region, evidence=rules.evidence, streams={}, people={}, rules=rules.rules
    )


def _engines(
    known: SnapshotStream | None, office: Office, camera_id: str, from_ms: int | None
) -> tuple[EngineSpan, ...]:
    """Return a stream's engine spans: those it has, and one more where the office's engine changes."""
    if known is None:
        return ()
    if known.engine == office.engine:
        return known.engines
    if from_ms is None:
        msg = (
            f"Camera {camera_id}: the engine changes from {known.engine} to {office.engine}, and no time is "
            "given from which. Nothing was published. Record the new engine's first producer time, then "
            "publish."
        )
        raise PlanError(msg)
    before = known.engines or (EngineSpan(engine=known.engine, from_ms=0),)
    # A change taken back before it came into force leaves no trace.
    begun = tuple(span for span in before if span.from_ms < from_ms)
    if begun and begun[-1].engine == office.engine:
        return begun
    return (*begun, EngineSpan(engine=office.engine, from_ms=from_ms))


def _next_version(stored: IngestSnapshot | None, wanted: IngestSnapshot) -> IngestSnapshot:
    """Return the stored snapshot if nothing changes, else the wanted one under the next version."""
    if stored is None or wanted == stored:
        return stored or wanted
    return wanted.model_copy(update={"version": stored.version + 1})
