"""What is published changes its version only when it changes, and nobody's part clobbers another's."""

from __future__ import annotations

from pathlib import Path

from gatehouse.office.config import load_company
from gatehouse.office.documents import edge_document, snapshot_with_people, snapshot_with_streams

COMPANY = load_company(Path(__file__).parents[4] / "config")
BERLIN = COMPANY.offices["berlin"]
LOBBY, GARAGE, LAB = (camera.id for camera in BERLIN.cameras)


def test_the_proxy_is_told_about_the_named_cameras_in_manifest_order() -> None:
    document = edge_document(None, BERLIN, {LAB, LOBBY})
    assert [camera.camera_id for camera in document.cameras] == [LOBBY, LAB]
    assert document.cameras[0].stream_name == f"gatehouse-{LOBBY}"
    assert document.version == 1


def test_the_proxys_document_grows_its_version_only_with_a_change() -> None:
    first = edge_document(None, BERLIN, {LOBBY})
    assert edge_document(first, BERLIN, {LOBBY}) is first
    assert edge_document(first, BERLIN, {LOBBY, LAB}).version == 2


def test_a_refused_camera_goes_on_as_it_was_and_one_that_left_the_manifest_ends() -> None:
    first = edge_document(None, BERLIN, {LOBBY, LAB})
    assert edge_document(first, BERLIN, {LOBBY}) is first
    smaller = BERLIN.model_copy(update={"cameras": BERLIN.cameras[:1]})
    assert [camera.camera_id for camera in edge_document(first, smaller, {LOBBY}).cameras] == [LOBBY]


def test_streams_people_and_rules_are_published_side_by_side() -> None:
    streams = snapshot_with_streams(None, BERLIN, {LOBBY: "arn:1"}, COMPANY.rules)
    both = snapshot_with_people(streams, "eu-central-1", {"p1": "employee"}, COMPANY.rules)
    assert both.streams == streams.streams
    assert both.people["p1"].kind == "employee"
    assert both.version == 2
    assert snapshot_with_streams(both, BERLIN, {LOBBY: "arn:1"}, COMPANY.rules) is both


def test_a_recreated_stream_is_added_and_the_old_one_stays_known() -> None:
    first = snapshot_with_streams(None, BERLIN, {LOBBY: "arn:1"}, COMPANY.rules)
    second = snapshot_with_streams(first, BERLIN, {LOBBY: "arn:2"}, COMPANY.rules)
    assert set(second.streams) == {"arn:1", "arn:2"}


def test_someone_who_left_disappears_from_the_snapshot() -> None:
    first = snapshot_with_people(None, "eu-central-1", {"p1": "employee", "p2": "vip"}, COMPANY.rules)
    second = snapshot_with_people(first, "eu-central-1", {"p2": "vip"}, COMPANY.rules)
    assert set(second.people) == {"p2"}
    assert second.version == 2
