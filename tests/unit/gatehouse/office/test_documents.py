"""What is published changes its version only when it changes, and nobody's part clobbers another's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatehouse.exceptions import PlanError
from gatehouse.ingest.snapshot import ProbeSpan
from gatehouse.office.config import load_company
from gatehouse.office.documents import (
    edge_document,
    edge_with_probe,
    edge_with_probes,
    snapshot_with_people,
    snapshot_with_probe,
    snapshot_with_probes,
    snapshot_with_streams,
    snapshot_without_probes,
)
from gatehouse.office.edge import ProbeOrder

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


ORDER = ProbeOrder(
    probe_id="p1",
    clip_key="probe/clip.mp4",
    clip_sha256="0" * 64,
    start=datetime(2026, 11, 23, 13, 0, tzinfo=UTC),
    end=datetime(2026, 11, 23, 13, 0, 11, tzinfo=UTC),
)


def test_a_probe_order_comes_and_goes_and_outlives_a_new_rollout() -> None:
    plain = edge_document(None, BERLIN, {LOBBY, LAB})
    ordered = edge_with_probe(plain, LAB, ORDER)
    assert [camera.probe for camera in ordered.cameras] == [None, ORDER]
    assert ordered.version == 2
    assert edge_with_probe(ordered, LAB, ORDER) is ordered
    assert edge_document(ordered, BERLIN, {LOBBY, LAB}) is ordered
    withdrawn = edge_with_probe(ordered, LAB, None)
    assert (withdrawn.cameras, withdrawn.version) == (plain.cameras, 3)


def test_a_camera_that_isn_t_carried_can_t_be_probed() -> None:
    plain = edge_document(None, BERLIN, {LOBBY})
    with pytest.raises(PlanError, match="Roll the camera out first"):
        edge_with_probe(plain, GARAGE, ORDER)


def test_many_probes_are_one_change_of_each_document() -> None:
    plain = edge_document(None, BERLIN, {LOBBY, LAB})
    ordered = edge_with_probes(plain, {LAB: ORDER, LOBBY: ORDER})
    assert ([camera.probe for camera in ordered.cameras], ordered.version) == ([ORDER, ORDER], 2)
    assert edge_with_probes(ordered, {LAB: None, LOBBY: None}).version == 3
    snapshot = snapshot_with_streams(None, BERLIN, {LOBBY: "arn:1", LAB: "arn:2"}, COMPANY.rules)
    spans = {arn: ProbeSpan(probe_id=arn, start_ms=1_000, end_ms=2_000) for arn in ("arn:1", "arn:2")}
    published = snapshot_with_probes(snapshot, spans)
    assert (sorted(published.probes), published.version) == (["arn:1", "arn:2"], 2)


def test_probe_intervals_are_published_in_order_and_forgotten_when_they_are_old() -> None:
    plain = snapshot_with_streams(None, BERLIN, {LOBBY: "arn:1"}, COMPANY.rules)
    late = ProbeSpan(probe_id="p2", start_ms=5_000, end_ms=6_000)
    early = ProbeSpan(probe_id="p1", start_ms=1_000, end_ms=2_000)
    both = snapshot_with_probe(snapshot_with_probe(plain, "arn:1", late), "arn:1", early)
    assert both.probes == {"arn:1": (early, late)}
    assert both.version == 3
    assert snapshot_with_probe(both, "arn:1", early) is both
    assert snapshot_without_probes(both, 2_000) is both
    assert snapshot_without_probes(both, 2_001).probes == {"arn:1": (late,)}
    assert snapshot_without_probes(both, 9_000).probes == {}
    assert snapshot_with_streams(both, BERLIN, {LOBBY: "arn:1"}, COMPANY.rules).probes == both.probes


SEARCHED = BERLIN.model_copy(update={"engine": "frame_search"})


def test_a_changed_engine_is_in_force_from_its_recorded_time() -> None:
    first = snapshot_with_streams(None, BERLIN, {LOBBY: "arn:1"}, COMPANY.rules)
    changed = snapshot_with_streams(first, SEARCHED, {LOBBY: "arn:1"}, COMPANY.rules, 7_000)
    stream = changed.streams["arn:1"]
    assert stream.engine == "frame_search"
    assert [(span.engine, span.from_ms) for span in stream.engines] == [
        ("stream_processor", 0),
        ("frame_search", 7_000),
    ]
    assert snapshot_with_streams(changed, SEARCHED, {LOBBY: "arn:1"}, COMPANY.rules) is changed
    back = snapshot_with_streams(changed, BERLIN, {LOBBY: "arn:1"}, COMPANY.rules, 9_000)
    assert [span.from_ms for span in back.streams["arn:1"].engines] == [0, 7_000, 9_000]


def test_a_change_taken_back_before_it_began_leaves_no_trace() -> None:
    first = snapshot_with_streams(None, BERLIN, {LOBBY: "arn:1"}, COMPANY.rules)
    changed = snapshot_with_streams(first, SEARCHED, {LOBBY: "arn:1"}, COMPANY.rules, 7_000)
    back = snapshot_with_streams(changed, BERLIN, {LOBBY: "arn:1"}, COMPANY.rules, 6_000)
    assert [(span.engine, span.from_ms) for span in back.streams["arn:1"].engines] == [
        ("stream_processor", 0)
    ]


def test_an_engine_can_t_change_without_a_time() -> None:
    first = snapshot_with_streams(None, BERLIN, {LOBBY: "arn:1"}, COMPANY.rules)
    with pytest.raises(PlanError, match="Record the new engine's first producer time"):
        snapshot_with_streams(first, SEARCHED, {LOBBY: "arn:1"}, COMPANY.rules)
