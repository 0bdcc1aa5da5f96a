"""What was before is kept once, and every call is known before and after it is made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from gatehouse.ledger import calls
from gatehouse.ledger.rollouts import camera_phases, record_plan, set_camera_phase
from gatehouse.ledger.tables import camera_call, camera_state
from gatehouse.rollout.rollback import Call, plan_rollback, touched
from gatehouse.rollout.state import Resource, State

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
COLLECTION = Resource("collection", "gatehouse-berlin-g1")
OLD = Resource("processor", "gatehouse-CAM_1", "CAM_1", {"threshold": 99.0, "running": True})
NEW = Resource("processor", "gatehouse-CAM_1", "CAM_1", {"threshold": 80.0, "running": True})
BEFORE: State = {COLLECTION.key: COLLECTION, OLD.key: OLD}
REPLACE = ("CAM_1", "replace_processor", "gatehouse-CAM_1")


@pytest.fixture
def planned(connection: Connection) -> Connection:
    record_plan(connection, "run-1", {}, "abc", [("pilot", ["berlin"])], dry_run=False, at=NOON)
    return connection


def test_what_was_before_is_kept_the_first_time_only(planned: Connection) -> None:
    calls.save_before(planned, "run-1", "berlin", BEFORE, ["CAM_1", "CAM_2"], NOON)
    calls.save_before(planned, "run-1", "berlin", {NEW.key: NEW}, ["CAM_1", "CAM_2"], LATER)
    assert calls.before_of(planned, "run-1", "berlin") == BEFORE
    assert calls.saved_cameras(planned, "run-1", "berlin") == {"CAM_1", "CAM_2"}
    assert calls.before_of(planned, "run-1", "tokyo") == {}


def test_what_was_before_is_kept_beside_a_step_recorded_earlier(planned: Connection) -> None:
    set_camera_phase(planned, "run-1", "berlin", [("CAM_1", "provisioning", "")], NOON)
    assert calls.saved_cameras(planned, "run-1", "berlin") == set()
    calls.save_before(planned, "run-1", "berlin", BEFORE, ["CAM_1"], NOON)
    assert calls.saved_cameras(planned, "run-1", "berlin") == {"CAM_1"}
    assert camera_phases(planned, "run-1")["CAM_1"][1] == "provisioning"


def test_an_interrupted_call_is_known_to_have_touched_its_resource(planned: Connection) -> None:
    calls.save_before(planned, "run-1", "berlin", BEFORE, ["CAM_1"], NOON)
    calls.plan_calls(planned, "run-1", "berlin", [REPLACE, REPLACE], NOON)
    assert touched(calls.calls_of(planned, "run-1", "berlin")) == frozenset()
    calls.begin_call(planned, "run-1", "berlin", REPLACE, NOON)
    found = calls.calls_of(planned, "run-1", "berlin")
    assert found == [Call("replace_processor", "gatehouse-CAM_1", "calling")]
    plan = plan_rollback(calls.before_of(planned, "run-1", "berlin"), {NEW.key: NEW}, touched(found))
    assert [undo.op for undo in plan] == ["stop", "delete", "create", "start"]


def test_a_call_made_again_is_counted_and_planning_it_again_forgets_nothing(planned: Connection) -> None:
    calls.begin_call(planned, "run-1", "berlin", REPLACE, NOON)
    calls.end_call(planned, "run-1", "berlin", REPLACE, NOON, "ThrottlingException")
    calls.begin_call(planned, "run-1", "berlin", REPLACE, LATER)
    calls.end_call(planned, "run-1", "berlin", REPLACE, LATER)
    calls.plan_calls(planned, "run-1", "berlin", [REPLACE], LATER)
    row = planned.execute(select(camera_call)).one()
    assert (row.state, row.attempts, row.detail, row.at) == ("done", 2, "", LATER)


def test_evidence_counts_from_the_last_change_on(planned: Connection) -> None:
    calls.save_before(planned, "run-1", "berlin", BEFORE, ["CAM_1", "CAM_2"], NOON)
    assert calls.changed_at(planned, "run-1") == {}
    calls.mark_changed(planned, "run-1", ["CAM_1"], LATER)
    calls.mark_changed(planned, "run-1", ["CAM_1"], NOON)
    assert calls.changed_at(planned, "run-1") == {"CAM_1": LATER}


def test_what_a_camera_shall_have_is_kept(planned: Connection) -> None:
    calls.save_before(planned, "run-1", "berlin", BEFORE, ["CAM_1"], NOON)
    calls.save_desired(planned, "run-1", {"CAM_1": [NEW]}, NOON)
    assert planned.execute(select(camera_state.c.desired)).scalar_one() == [NEW.to_json()]


def test_what_a_later_run_changed_stands_until_it_is_undone(planned: Connection) -> None:
    record_plan(planned, "run-2", {}, "def", [("pilot", ["berlin"])], dry_run=False, at=LATER)
    for run, at in (("run-1", NOON), ("run-2", LATER)):
        calls.save_before(planned, run, "berlin", BEFORE, ["CAM_1"], at)
        calls.plan_calls(planned, run, "berlin", [REPLACE], at)
    calls.begin_call(planned, "run-1", "berlin", REPLACE, NOON)
    assert calls.later_run(planned, "run-1", "berlin") == "", "what is only planned changes nothing"
    calls.begin_call(planned, "run-2", "berlin", REPLACE, LATER)
    assert calls.later_run(planned, "run-1", "berlin") == "run-2"
    assert calls.later_run(planned, "run-1", "tokyo") == ""
    assert calls.later_run(planned, "run-2", "berlin") == "", "an earlier one is in what it found"
    for step in ("rolling_back", "rolled_back"):
        assert calls.later_run(planned, "run-1", "berlin") == "run-2"
        set_camera_phase(planned, "run-2", "berlin", [("CAM_1", step, "")], LATER)
    assert calls.later_run(planned, "run-1", "berlin") == ""


def test_a_later_decommissioning_stands_though_it_keeps_no_state_before(planned: Connection) -> None:
    record_plan(planned, "run-2", {}, "def", [], dry_run=False, at=LATER)
    calls.begin_call(planned, "run-1", "berlin", REPLACE, NOON)
    calls.begin_call(planned, "run-2", "berlin", ("", "delete_collection", "gatehouse-berlin-g1"), LATER)
    assert calls.later_run(planned, "run-1", "berlin") == "run-2"
