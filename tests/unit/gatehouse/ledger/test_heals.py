"""A heal counts from before it is tried, whatever comes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from gatehouse.ledger.calls import begin_call, plan_calls
from gatehouse.ledger.control import Event, command_company, command_rollout
from gatehouse.ledger.evidence import record_approval
from gatehouse.ledger.heals import approved_basis, begin_heals, end_heal, heals_since, stop_in_force
from gatehouse.ledger.rollouts import record_plan, set_camera_phase, set_rollout_phase
from gatehouse.ledger.tables import heal
from gatehouse.reconcile.drift import Drift
from gatehouse.reconcile.heal import Mend, Past

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from gatehouse.rollout.phases import CameraStep

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
START = Mend(
    "start_processor", Drift("processor_failed", "processor", "gatehouse-CAM_1", "Internal error", "CAM_1")
)
SHARED = Mend(
    "correct_mapping", Drift("mapping_disabled", "mapping", "gatehouse-records-berlin", "enabled differ")
)


def test_a_heal_that_a_crash_cut_short_counts(connection: Connection) -> None:
    begin_heals(connection, "run-1", "berlin", [START, SHARED], NOON)
    assert sorted(
        heals_since(connection, "berlin", NOON - timedelta(days=1)), key=lambda past: past.kind
    ) == [
        Past("gatehouse-records-berlin", "correct_mapping", NOON),
        Past("CAM_1", "start_processor", NOON),
    ]
    assert heals_since(connection, "berlin", NOON) == []
    assert heals_since(connection, "tokyo", NOON - timedelta(days=1)) == []


def test_what_came_of_a_heal_is_kept(connection: Connection) -> None:
    begin_heals(connection, "run-1", "berlin", [START, SHARED], NOON)
    begin_heals(connection, "run-1", "berlin", [], NOON)
    end_heal(connection, START, NOON)
    end_heal(connection, SHARED, NOON, "Lambda answers 503")
    rows = connection.execute(select(heal.c.subject, heal.c.state, heal.c.detail).order_by(heal.c.kind))
    assert [tuple(row) for row in rows] == [
        ("gatehouse-records-berlin", "failed", "Lambda answers 503"),
        ("CAM_1", "done", "Internal error"),
    ]


def test_a_stop_of_everything_stops_healing_until_its_release(connection: Connection) -> None:
    assert stop_in_force(connection) == ""
    command_company(connection, "stop_all", Event("e1", NOON, "ada", "storm"))
    assert stop_in_force(connection) == "ada's stop of everything (storm)"
    command_company(connection, "release_all", Event("e2", NOON + timedelta(hours=1), "ada", "over"))
    assert stop_in_force(connection) == ""


def test_what_was_approved_is_what_the_last_rollout_carried_out_at_the_office(connection: Connection) -> None:
    assert approved_basis(connection, "berlin") is None
    carried_out(connection, 0)
    carried_out(connection, 1, office="tokyo")
    planned(connection, 2, dry_run=True)
    planned(connection, 3)
    assert approved_basis(connection, "berlin") == {"run": "0"}
    carried_out(connection, 4)
    assert approved_basis(connection, "berlin") == {"run": "4"}


def test_a_rejected_plan_is_not_approved_though_its_run_ends_degraded(connection: Connection) -> None:
    carried_out(connection, 0)
    planned(connection, 1, "rejected")
    set_rollout_phase(connection, "run-1", "Degraded", hour(1), ended=True)
    assert approved_basis(connection, "berlin") == {"run": "0"}


def test_an_approval_of_another_plan_of_the_same_run_approves_nothing(connection: Connection) -> None:
    carried_out(connection, 0)
    planned(connection, 1, "approved")
    planned(connection, 1, digest="another")
    end(connection, 1, at=hour(2))
    assert approved_basis(connection, "berlin") == {"run": "0"}


def test_a_rollout_that_was_rolled_back_leaves_the_one_before_in_force(connection: Connection) -> None:
    carried_out(connection, 0)
    carried_out(connection, 1)
    end(connection, 1, "rolling_back")
    assert approved_basis(connection, "berlin") == {"run": "0"}
    end(connection, 1, "rolled_back")
    assert approved_basis(connection, "berlin") == {"run": "0"}


def test_a_rollout_that_shall_be_rolled_back_is_not_in_force_whatever_its_cameras_are(
    connection: Connection,
) -> None:
    carried_out(connection, 0)
    carried_out(connection, 1)
    command_rollout(connection, "run-1", "rollback", Event("e1", hour(2), "ada", "it was wrong"))
    assert approved_basis(connection, "berlin") == {"run": "0"}


def test_a_rollout_aborted_before_the_offices_last_wave_is_not_in_force(connection: Connection) -> None:
    carried_out(connection, 0)
    planned(connection, 1, "approved")
    end(connection, 1, cameras=["CAM_1"])
    set_rollout_phase(connection, "run-1", "Degraded", hour(1), ended=True)
    assert approved_basis(connection, "berlin") == {"run": "0"}


@pytest.mark.parametrize("step", ["provisioned", "baking", "failed"])
def test_a_rollout_of_which_a_camera_did_not_pass_is_not_in_force(
    connection: Connection, step: CameraStep
) -> None:
    carried_out(connection, 0)
    planned(connection, 1, "approved")
    end(connection, 1, cameras=["CAM_1"])
    end(connection, 1, step, cameras=["CAM_2"])
    assert approved_basis(connection, "berlin") == {"run": "0"}


@pytest.mark.parametrize("step", ["prepared", "quarantined"])
def test_prepared_cameras_and_the_few_that_a_passed_wave_set_aside_are_carried_out(
    connection: Connection, step: CameraStep
) -> None:
    carried_out(connection, 0)
    planned(connection, 1, "approved")
    end(connection, 1, "baking" if step == "quarantined" else step)
    end(connection, 1, step, cameras=["CAM_2"])
    end(connection, 1, "baking", cameras=["CAM_1"])
    end(connection, 1, "healthy", cameras=["CAM_1"])
    assert approved_basis(connection, "berlin") == {"run": "1"}


def test_how_cameras_ended_before_a_run_was_planned_anew_proves_nothing(connection: Connection) -> None:
    carried_out(connection, 0)
    carried_out(connection, 1)
    planned(connection, 1, at=hour(2))
    assert approved_basis(connection, "berlin") == {"run": "0"}
    end(connection, 1, at=hour(3))
    assert approved_basis(connection, "berlin") == {"run": "1"}


def test_what_a_decommissioning_began_to_remove_is_not_approved_any_more(connection: Connection) -> None:
    carried_out(connection, 0)
    plan = {"kind": "decommissioning", "waves": [], "offices": {"berlin": {"basis": {"at": "2"}}}}
    record_plan(connection, "run-1", plan, "h", [], dry_run=False, at=hour(1))
    record_approval(connection, "run-1", "h", "approved", "ada", hour(1))
    call = ("CAM_1", "remove_processor", "gatehouse-CAM_1")
    plan_calls(connection, "run-1", "berlin", [call], hour(1))
    assert approved_basis(connection, "berlin") == {"run": "0"}
    begin_call(connection, "run-1", "berlin", call, hour(1))
    assert approved_basis(connection, "berlin") == {"at": "2"}


def hour(number: int) -> datetime:
    return NOON + timedelta(hours=number)


def planned(
    connection: Connection,
    number: int,
    decision: str = "",
    *,
    office: str = "berlin",
    digest: str = "h",
    dry_run: bool = False,
    at: datetime | None = None,
) -> None:
    """Plan a run of an office's two cameras, one a wave, and decide on it."""
    waves = [
        {"name": name, "bake_seconds": 1, "units": [{"office": office, "chunk": 0, "cameras": [camera_id]}]}
        for name, camera_id in (("canary", "CAM_1"), ("rest", "CAM_2"))
    ]
    plan = {"waves": waves, "offices": {office: {"basis": {"run": str(number)}}}}
    record_plan(connection, f"run-{number}", plan, digest, [], dry_run=dry_run, at=at or hour(number))
    if decision:
        record_approval(connection, f"run-{number}", digest, decision, "ada", hour(number))


def end(
    connection: Connection,
    number: int,
    step: CameraStep = "prepared",
    *,
    office: str = "berlin",
    cameras: Sequence[str] = ("CAM_1", "CAM_2"),
    at: datetime | None = None,
) -> None:
    """Let cameras of a run end in this step."""
    rows = [(camera_id, step, "") for camera_id in cameras]
    assert not set_camera_phase(connection, f"run-{number}", office, rows, at or hour(number))


def carried_out(connection: Connection, number: int, office: str = "berlin") -> None:
    planned(connection, number, "approved", office=office)
    set_rollout_phase(connection, f"run-{number}", "Progressing", hour(number))
    end(connection, number, office=office)
