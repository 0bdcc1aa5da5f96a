"""Rollouts and camera states are remembered; recording again replaces."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from gatehouse.ledger.rollouts import (
    camera_phases,
    load_plan,
    record_plan,
    set_camera_phase,
    set_rollout_phase,
)
from gatehouse.ledger.tables import rollout, wave

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_planning_the_same_run_again_replaces_plan_and_waves(connection: Connection) -> None:
    waves = [("pilot", ["berlin"]), ("rest", ["tokyo"])]
    record_plan(connection, "run-1", {"offices": {}}, "abc", waves, dry_run=False, at=NOON)
    record_plan(connection, "run-1", {"offices": {"berlin": 1}}, "def", waves[:1], dry_run=False, at=NOON)
    assert load_plan(connection, "run-1") == {"offices": {"berlin": 1}}
    assert [row.name for row in connection.execute(select(wave))] == ["pilot"]


def test_an_unplanned_run_has_no_plan(connection: Connection) -> None:
    assert load_plan(connection, "run-9") is None


def test_the_phase_of_an_ended_rollout_is_kept_with_its_end(connection: Connection) -> None:
    record_plan(connection, "run-1", {}, "abc", [("pilot", ["berlin"])], dry_run=False, at=NOON)
    set_rollout_phase(connection, "run-1", "verified", NOON, ended=True)
    row = connection.execute(select(rollout)).one()
    assert (row.phase, row.ended_at) == ("verified", NOON)


def test_a_camera_has_its_latest_phase(connection: Connection) -> None:
    set_camera_phase(
        connection, "run-1", "berlin", [("CAM_1", "starting", ""), ("CAM_2", "starting", "")], NOON
    )
    set_camera_phase(connection, "run-1", "berlin", [("CAM_1", "failed", "no media")], NOON)
    assert camera_phases(connection, "run-1") == {
        "CAM_1": ("berlin", "failed", "no media"),
        "CAM_2": ("berlin", "starting", ""),
    }
