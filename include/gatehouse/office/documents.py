"""Derive the documents that tell an office's proxy and the ingest Lambda what to do.

Each function takes what is stored and returns what shall be stored: the same object if nothing
changes, else a new one with the next version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.ingest.snapshot import IngestSnapshot, SnapshotPerson, SnapshotStream
from gatehouse.office import naming
from gatehouse.office.edge import DesiredCamera, EdgeDesired

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gatehouse.ingest.snapshot import Kind
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


def snapshot_with_streams(
    stored: IngestSnapshot | None, office: Office, video_arns: Mapping[str, str], rules: Rules
) -> IngestSnapshot:
    """Publish an office's streams (camera id → video stream ARN) and the rules; people stay.

    An office's older streams stay known until its cameras are decommissioned: records of a recreated
    stream may still be on their way.
    """
    mine = {
        video_arns[camera.id]: SnapshotStream(
            camera_id=camera.id,
            office=office.office,
            floor=camera.floor,
            zone=camera.zone,
            time_zone=office.time_zone,
            engine=office.engine,
            rules=camera.rules,
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


def _next_version(stored: IngestSnapshot | None, wanted: IngestSnapshot) -> IngestSnapshot:
    """Return the stored snapshot if nothing changes, else the wanted one under the next version."""
    if stored is None or wanted == stored:
        return stored or wanted
    return wanted.model_copy(update={"version": stored.version + 1})
