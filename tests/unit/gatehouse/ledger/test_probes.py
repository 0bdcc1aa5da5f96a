"""An interval is stored once, belongs to one probe, and its probe only goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from gatehouse.exceptions import LedgerError
from gatehouse.ledger.calls import mark_changed
from gatehouse.ledger.probes import (
    Probe,
    note_alerts,
    plan_probes,
    probes_of,
    probes_on,
    set_probe_state,
    unproved,
)
from gatehouse.ledger.rollouts import set_camera_phase

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PROBE = Probe("p1", "run-1", "CAM_1", "arn:1", 1_000, 5_000)


def test_planning_a_probe_again_keeps_how_far_it_is(connection: Connection) -> None:
    plan_probes(connection, [PROBE], NOON)
    assert set_probe_state(connection, "p1", "ordered", NOON)
    plan_probes(connection, [PROBE], NOON)
    assert probes_of(connection, "run-1") == [replace(PROBE, state="ordered")]


def test_a_stored_interval_is_never_moved(connection: Connection) -> None:
    plan_probes(connection, [PROBE], NOON)
    with pytest.raises(LedgerError, match="Probe p1 is stored with another interval; nothing was ordered"):
        plan_probes(connection, [replace(PROBE, end_ms=6_000)], NOON)


def test_no_frame_belongs_to_two_probes(connection: Connection) -> None:
    plan_probes(connection, [PROBE, replace(PROBE, probe_id="p2", start_ms=5_000, end_ms=9_000)], NOON)
    plan_probes(connection, [replace(PROBE, probe_id="p3", stream_arn="arn:2")], NOON)
    with pytest.raises(LedgerError, match="overlaps probe p2"):
        plan_probes(connection, [replace(PROBE, probe_id="p4", start_ms=8_999, end_ms=9_500)], NOON)


def test_a_probe_only_goes_on(connection: Connection) -> None:
    plan_probes(connection, [PROBE], NOON)
    assert set_probe_state(connection, "p1", "played", NOON)
    assert not set_probe_state(connection, "p1", "playing", NOON)
    assert set_probe_state(connection, "p1", "failed", NOON, "no notification")
    assert not set_probe_state(connection, "p1", "passed", NOON)
    assert probes_of(connection, "run-1") == [replace(PROBE, state="failed", detail="no notification")]


def test_a_streams_probes_are_found_by_producer_time(connection: Connection) -> None:
    plan_probes(connection, [PROBE], NOON)
    assert [found.probe_id for found in probes_on(connection, ["arn:1"], 4_999)] == ["p1"]
    assert probes_on(connection, ["arn:1"], 5_000) == []
    plan_probes(connection, [], NOON)


def test_an_alert_is_noted_for_whoever_waits_for_it_and_stays_until_the_end(connection: Connection) -> None:
    plan_probes(connection, [PROBE, replace(PROBE, probe_id="p2", stream_arn="arn:2")], NOON)
    note_alerts(connection, {"p1": 1_764_000_000_123, "nobody's": 5}, NOON)
    note_alerts(connection, {"p1": 1_764_000_009_999}, NOON)
    assert set_probe_state(connection, "p1", "played", NOON)
    found = {probe.probe_id: probe.notified_ms for probe in probes_of(connection, "run-1")}
    assert found == {"p1": 1_764_000_000_123, "p2": 0}
    assert set_probe_state(connection, "p1", "failed", NOON, "no face of it became searchable")
    note_alerts(connection, {"p1": 1_764_000_000_123}, NOON)
    assert probes_of(connection, "run-1")[0].detail == "no face of it became searchable"


def test_a_changed_camera_is_unproved_until_a_probe_passed_since(connection: Connection) -> None:
    rows: list[tuple[str, Any, str]] = [(camera, "verified", "") for camera in ("CAM_1", "CAM_2", "CAM_3")]
    set_camera_phase(connection, "run-1", "berlin", rows, NOON)
    mark_changed(connection, "run-1", ["CAM_1", "CAM_2"], NOON)
    noon_ms = int(NOON.timestamp() * 1000)
    since = replace(PROBE, start_ms=noon_ms, end_ms=noon_ms + 1_000)
    before = replace(since, probe_id="p2", camera_id="CAM_2", stream_arn="arn:2", start_ms=noon_ms - 1)
    plan_probes(connection, [since, before], NOON)
    assert unproved(connection, "run-1") == {"CAM_1", "CAM_2"}
    for probe_id in ("p1", "p2"):
        assert set_probe_state(connection, probe_id, "passed", NOON)
    assert unproved(connection, "run-1") == {"CAM_2"}
