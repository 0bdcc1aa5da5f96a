"""A heal counts from before it is tried, whatever comes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from gatehouse.ledger.control import Event, command_company
from gatehouse.ledger.heals import approved_basis, begin_heals, end_heal, heals_since, stop_in_force
from gatehouse.ledger.rollouts import record_plan, set_rollout_phase
from gatehouse.ledger.tables import heal
from gatehouse.reconcile.drift import Drift
from gatehouse.reconcile.heal import Mend, Past

if TYPE_CHECKING:
    from sqlalchemy import Connection

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


def test_what_was_approved_is_what_the_last_acting_rollout_wanted(connection: Connection) -> None:
    assert approved_basis(connection, "berlin") is None
    for number, (dry_run, offices) in enumerate(
        [(False, ["berlin"]), (False, ["tokyo"]), (True, ["berlin"]), (False, ["berlin"])]
    ):
        plan = {"offices": {office: {"basis": {"run": str(number)}} for office in offices}}
        at = NOON + timedelta(hours=number)
        record_plan(connection, f"run-{number}", plan, "h", [], dry_run=dry_run, at=at)
        if number < 3:  # the last was only planned
            set_rollout_phase(connection, f"run-{number}", "Progressing", at)
    assert approved_basis(connection, "berlin") == {"run": "0"}


def test_a_stop_of_everything_stops_healing_until_its_release(connection: Connection) -> None:
    assert stop_in_force(connection) == ""
    command_company(connection, "stop_all", Event("e1", NOON, "ada", "storm"))
    assert stop_in_force(connection) == "ada's stop of everything (storm)"
    command_company(connection, "release_all", Event("e2", NOON + timedelta(hours=1), "ada", "over"))
    assert stop_in_force(connection) == ""
