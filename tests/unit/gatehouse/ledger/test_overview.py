"""Pages read every rollout in a few statements, and what is missing is no reason to leave one out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from gatehouse.ledger import overview
from gatehouse.ledger.control import Event, command_company
from gatehouse.ledger.evidence import record_analysis, record_approval
from gatehouse.ledger.leases import take_lease
from gatehouse.ledger.looks import each_sample, last_samples, looks_of
from gatehouse.ledger.rollouts import record_plan, set_camera_phase, set_rollout_phase, set_wave_phase
from gatehouse.ledger.tables import approval, camera_state
from gatehouse.rollout.gate import Analysis
from gatehouse.rollout.sample import CameraSample
from gatehouse.rollout.waves import FrozenWave, Unit

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
UNITS = (Unit("berlin", 0, ("CAM_1", "CAM_2")), Unit("tokyo", 0, ("CAM_3",)))
PLAN = {"offices": {}, "waves": [FrozenWave("pilot", UNITS, 60).to_json()]}
SAMPLE = CameraSample("CAM_1", NOON, NOON + MINUTE, fragments=30, frames=12, lag_seconds=2.5)


@pytest.fixture
def planned(connection: Connection) -> Connection:
    waves = [("pilot", ["berlin", "tokyo"]), ("rest", ["berlin"])]
    record_plan(connection, "run-1", PLAN, "abc", waves, dry_run=False, at=NOON)
    return connection


def test_a_new_ledger_has_no_rollouts(connection: Connection) -> None:
    assert overview.list_rollouts(connection, 50) == []
    assert overview.company_events(connection, 50) == []
    assert looks_of(connection, "run-1", 50) == []


def test_cameras_that_nothing_happened_to_yet_are_pending(planned: Connection) -> None:
    set_camera_phase(planned, "run-1", "berlin", [("CAM_1", "verified", ""), ("CAM_2", "failed", "")], NOON)
    (line,) = overview.list_rollouts(planned, 50)
    assert line.offices == ("berlin", "tokyo")
    assert line.cameras == {"Progressing": 1, "Degraded": 1, "Pending": 1}
    assert (line.decision, line.decided_by, line.wave) == ("", "", "")


def test_a_decommissioning_is_told_from_a_rollout_and_has_offices_without_waves(
    connection: Connection,
) -> None:
    plan = {"kind": "decommissioning", "offices": {"berlin": {}}, "waves": []}
    record_plan(connection, "run-1", plan, "abc", [], dry_run=False, at=NOON)
    (line,) = overview.list_rollouts(connection, 50)
    assert (line.kind, line.offices) == ("decommissioning", ("berlin",))


def test_rollouts_are_listed_by_what_they_are(planned: Connection) -> None:
    plan = {"kind": "decommissioning", "offices": {}, "waves": []}
    record_plan(planned, "run-2", plan, "abc", [], dry_run=False, at=NOON + MINUTE)
    for kinds, runs in ((None, ["run-2", "run-1"]), ({""}, ["run-1"]), ({"decommissioning"}, ["run-2"])):
        assert [line.rollout_id for line in overview.list_rollouts(planned, 50, kinds=kinds)] == runs
    assert overview.list_rollouts(planned, 50, kinds=frozenset()) == []
    kinds = [overview.kind_of(planned, run) for run in ("run-1", "run-2", "run-3")]
    assert kinds == ["", "decommissioning", None]


def test_a_line_tells_the_wave_under_way_and_who_approved_this_plan(planned: Connection) -> None:
    set_rollout_phase(planned, "run-1", "Progressing", NOON)
    set_wave_phase(planned, "run-1", "pilot", "Paused", NOON)
    record_approval(planned, "run-1", "older", "rejected", "bo", NOON)
    assert overview.list_rollouts(planned, 50)[0].decided_by == ""
    record_approval(planned, "run-1", "abc", "approved", "ana", NOON)
    (line,) = overview.list_rollouts(planned, 50)
    assert (line.wave, line.decision, line.decided_by) == ("pilot", "approved", "ana")


def test_rollouts_come_newest_first_page_by_page(connection: Connection) -> None:
    for number in range(3):
        at = NOON + number * MINUTE
        record_plan(connection, f"run-{number}", {}, "abc", [], dry_run=True, at=at)
    first = overview.list_rollouts(connection, 2)
    assert [line.rollout_id for line in first] == ["run-2", "run-1"]
    rest = overview.list_rollouts(connection, 2, first[-1].created_at)
    assert [(line.rollout_id, line.cameras) for line in rest] == [("run-0", {})]


def test_the_newest_rows_of_a_table_can_be_had_alone(planned: Connection) -> None:
    for number in range(3):
        record_approval(planned, "run-1", f"plan-{number}", "approved", "ana", NOON + number * MINUTE)
    rows = overview.rows_of(planned, approval, "run-1", ["decided_at"], newest=2)
    assert [row["plan_hash"] for row in rows] == ["plan-2", "plan-1"]
    assert overview.count_of(planned, approval, "run-1") == 3
    assert len(overview.rows_of(planned, approval, "run-1", ["decided_at"])) == 3


def test_cameras_come_by_office_without_their_configuration(planned: Connection) -> None:
    set_camera_phase(planned, "run-1", "tokyo", [("CAM_3", "starting", "")], NOON)
    set_camera_phase(planned, "run-1", "berlin", [("CAM_1", "failed", "no media")], NOON)
    rows = overview.camera_rows(planned, "run-1")
    assert [(row["office"], row["phase"]) for row in rows] == [("berlin", "failed"), ("tokyo", "starting")]
    assert "before" not in rows[0]
    assert overview.count_of(planned, camera_state, "run-1") == 2


def test_of_a_stop_and_a_release_at_once_the_stop_is_the_latest(connection: Connection) -> None:
    for event_id, command in (("e1", "stop_all"), ("e2", "release_all")):
        command_company(connection, command, Event(event_id, NOON, "ana", "AWS is down"))  # type: ignore[arg-type]
    assert [row["command"] for row in overview.company_events(connection, 9)] == ["stop_all", "release_all"]


def test_an_expired_lease_holds_no_office(connection: Connection) -> None:
    take_lease(connection, "berlin", "run-1", NOON, 5 * MINUTE)
    take_lease(connection, "tokyo", "run-2", NOON, MINUTE)
    rows = overview.lease_rows(connection, NOON + 2 * MINUTE)
    assert [(row["office"], row["holder"]) for row in rows] == [("berlin", "run-1")]


def test_a_look_tells_its_worst_camera(planned: Connection) -> None:
    worse = replace(SAMPLE, camera_id="CAM_2", since=NOON - MINUTE, frames=6, lag_seconds=None)
    found = Analysis("Inconclusive", "bake", "2 of 5 samples are there", {})
    record_analysis(planned, "run-1", "pilot", NOON, found, [SAMPLE, worse])
    record_analysis(planned, "run-1", "pilot", NOON + MINUTE, found, [])
    seeing, blind = looks_of(planned, "run-1", 50)
    assert (seeing.result, seeing.decision) == ("Inconclusive", "bake")
    assert (seeing.worst["fragments"], seeing.worst["frames"], seeing.worst["lag_seconds"]) == (15, 3, 2.5)
    assert blind.worst == dict.fromkeys(seeing.worst)
    assert [look.at for look in looks_of(planned, "run-1", 1)] == [NOON + MINUTE]


def test_samples_are_had_the_latest_of_each_camera_or_all(planned: Connection) -> None:
    found = Analysis("Successful", "bake", "", {})
    later = replace(SAMPLE, at=NOON + 2 * MINUTE)
    record_analysis(planned, "run-1", "pilot", NOON, found, [SAMPLE])
    record_analysis(planned, "run-1", "pilot", NOON + MINUTE, found, [later])
    assert last_samples(planned, "run-1") == [later]
    assert list(each_sample(planned, "run-1")) == [("pilot", SAMPLE), ("pilot", later)]
