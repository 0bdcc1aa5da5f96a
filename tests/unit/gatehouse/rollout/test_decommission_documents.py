"""A retired camera leaves the documents, the others stay as they are, and nobody silent is waited for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gatehouse.ingest.snapshot import IngestSnapshot, ProbeSpan, SnapshotPerson, SnapshotStream
from gatehouse.office.edge import DesiredCamera, EdgeDesired, EdgeObserved
from gatehouse.rollout.decommission_documents import obeys, without_camera, without_people, without_stream

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def edge(*cameras: str) -> EdgeDesired:
    told = tuple(DesiredCamera(camera_id=each, stream_name=each, rtsp_secret="s") for each in cameras)
    return EdgeDesired(office="berlin", region="eu-central-1", version=4, cameras=told)


def snapshot() -> IngestSnapshot:
    stream = {"floor": "0", "zone": "lobby", "time_zone": "UTC", "engine": "stream_processor", "rules": ()}
    streams = {
        arn: SnapshotStream.model_validate({**stream, "camera_id": arn.upper(), "office": office})
        for arn, office in (("a", "berlin"), ("b", "tokyo"))
    }
    return IngestSnapshot(
        version=7,
        region="eu-central-1",
        evidence="alerts",
        streams=streams,
        people={name: SnapshotPerson(kind="employee") for name in ("p1", "p2")},
        rules={},
        probes={"a": (ProbeSpan(probe_id="x", start_ms=0, end_ms=1),)},
    )


def test_a_proxy_is_told_once_to_leave_a_camera_alone() -> None:
    told = without_camera(edge("A", "B"), "A")
    assert ([camera.camera_id for camera in told.cameras], told.version) == (["B"], 5)
    assert without_camera(told, "A") is told


def test_ingest_forgets_a_stream_with_its_probes_and_no_other() -> None:
    left = without_stream(snapshot(), "a")
    assert (set(left.streams), left.probes, left.version) == ({"b"}, {}, 8)
    assert set(left.people) == {"p1", "p2"}
    assert without_stream(left, "a") is left


def test_ingest_forgets_people_who_are_enrolled_nowhere() -> None:
    left = without_people(snapshot(), {"p1", "p9"})
    assert (set(left.people), left.version) == ({"p2"}, 8)
    assert without_people(left, {"p1"}) is left


@pytest.mark.parametrize(
    ("age", "version", "expected"),
    [(5, 4, "yes"), (5, 5, "yes"), (5, 3, "not yet"), (600, 3, "silent")],
)
def test_who_reports_is_waited_for(age: int, version: int, expected: str) -> None:
    at = NOW - timedelta(seconds=age)
    report = EdgeObserved(office="berlin", at=at, started_at=at, version_applied=version, cameras=())
    assert obeys(edge("A"), report, NOW) == expected


def test_who_was_told_nothing_or_never_reported_isnt_waited_for() -> None:
    assert obeys(edge("A"), None, NOW) == "silent"
    report = EdgeObserved(office="berlin", at=NOW, started_at=NOW, version_applied=1, cameras=())
    assert obeys(None, report, NOW) == "silent"
