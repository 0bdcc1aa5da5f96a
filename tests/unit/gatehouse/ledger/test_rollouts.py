"""Rollouts, waves and cameras are remembered; recording again changes nothing that matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from gatehouse.exceptions import LedgerError
from gatehouse.ledger.rollouts import (
    camera_phases,
    judgement_of,
    keep_findings,
    load_plan,
    load_rollout,
    record_plan,
    set_camera_phase,
    set_rollout_phase,
    set_wave_phase,
    wave_states,
    waves_of,
)
from gatehouse.ledger.tables import wave
from gatehouse.office.policy import Judgement, Probe
from gatehouse.rollout.waves import WaveState

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
WAVES = [("pilot", ["berlin"]), ("rest", ["tokyo"])]


@pytest.fixture
def planned(connection: Connection) -> Connection:
    record_plan(connection, "run-1", {"offices": {}}, "abc", WAVES, dry_run=False, at=NOON)
    return connection


def test_planning_the_same_run_again_replaces_plan_and_waves(planned: Connection) -> None:
    record_plan(planned, "run-1", {"offices": {"berlin": 1}}, "def", WAVES[:1], dry_run=False, at=NOON)
    assert load_plan(planned, "run-1") == {"offices": {"berlin": 1}}
    assert [row.name for row in planned.execute(select(wave))] == ["pilot"]


def test_what_preflight_found_is_kept_beside_the_plan(planned: Connection) -> None:
    keep_findings(planned, "run-1", [{"subject": "account"}])
    keep_findings(planned, "run-1", [])
    assert load_plan(planned, "run-1") == {"offices": {}, "preflight": []}


def test_an_unplanned_run_has_no_plan(connection: Connection) -> None:
    assert load_plan(connection, "run-9") is None
    with pytest.raises(LedgerError, match="There is no rollout run-9; what preflight found was not kept"):
        keep_findings(connection, "run-9", [])
    assert load_rollout(connection, "run-9") is None


def test_cameras_are_judged_as_the_plan_froze_it(planned: Connection) -> None:
    assert judgement_of(planned, "run-1") == Judgement()
    frozen = Judgement(probe=Probe(enabled=False, allowance_seconds=7))
    plan = {"judgement": frozen.model_dump(mode="json")}
    record_plan(planned, "run-2", plan, "abc", [], dry_run=False, at=NOON)
    assert judgement_of(planned, "run-2") == frozen


def test_a_rollouts_end_is_kept_and_undone_by_running_it_again(planned: Connection) -> None:
    set_rollout_phase(planned, "run-1", "Progressing", NOON)
    set_rollout_phase(planned, "run-1", "Degraded", NOON, detail="2 of 3", ended=True)
    set_rollout_phase(planned, "run-1", "Degraded", LATER, detail="2 of 3", ended=True)
    row = load_rollout(planned, "run-1")
    assert row is not None
    assert (row.phase, row.detail, row.ended_at, row.desired_phase) == ("Degraded", "2 of 3", NOON, "run")
    set_rollout_phase(planned, "run-1", "Progressing", LATER)
    again = load_rollout(planned, "run-1")
    assert again is not None
    assert again.ended_at is None


def test_a_rollout_isnt_healthy_before_it_began(planned: Connection) -> None:
    with pytest.raises(LedgerError, match="Rollout run-1 is Pending and can't become Healthy"):
        set_rollout_phase(planned, "run-1", "Healthy", NOON)
    with pytest.raises(LedgerError, match="Rollout run-2 is not planned"):
        set_rollout_phase(planned, "run-2", "Progressing", NOON)


def test_a_wave_that_is_taken_up_doesnt_bake_anew(planned: Connection) -> None:
    set_wave_phase(planned, "run-1", "pilot", "Progressing", NOON)
    set_wave_phase(planned, "run-1", "pilot", "Progressing", NOON, bake_until=LATER)
    much_later = LATER + timedelta(hours=1)
    set_wave_phase(planned, "run-1", "pilot", "Progressing", LATER, bake_until=much_later)
    set_wave_phase(planned, "run-1", "pilot", "Healthy", much_later, passed=True, ended=True)
    pilot, rest = waves_of(planned, "run-1")
    assert (pilot["started_at"], pilot["bake_until"], pilot["ended_at"]) == (NOON, LATER, much_later)
    assert (rest["started_at"], rest["bake_until"], rest["ended_at"]) == (None, None, None)
    assert wave_states(planned, "run-1") == [
        WaveState("pilot", "Healthy", passed=True),
        WaveState("rest", "Pending"),
    ]


def test_a_wave_that_is_run_again_after_its_end_bakes_by_a_new_clock(planned: Connection) -> None:
    set_wave_phase(planned, "run-1", "pilot", "Progressing", NOON, bake_until=NOON)
    set_wave_phase(planned, "run-1", "pilot", "Degraded", NOON, ended=True)
    (ended, _) = waves_of(planned, "run-1")
    assert (ended["baking_since"], ended["bake_until"], ended["ended_at"]) == (NOON, NOON, NOON)
    set_wave_phase(planned, "run-1", "pilot", "Progressing", LATER)
    (begun, _) = waves_of(planned, "run-1")
    assert (begun["baking_since"], begun["bake_until"], begun["ended_at"]) == (None, None, None)
    much_later = LATER + timedelta(hours=1)
    set_wave_phase(planned, "run-1", "pilot", "Progressing", LATER, bake_until=much_later)
    set_wave_phase(planned, "run-1", "pilot", "Paused", much_later)
    (baking, _) = waves_of(planned, "run-1")
    assert (baking["started_at"], baking["baking_since"], baking["bake_until"]) == (NOON, LATER, much_later)


def test_a_wave_that_isnt_planned_or_hasnt_begun_cant_be_healthy(planned: Connection) -> None:
    for name in ("moon", "pilot"):
        with pytest.raises(LedgerError, match=f"Wave '{name}' of rollout run-1 can't become Healthy"):
            set_wave_phase(planned, "run-1", name, "Healthy", NOON)


def test_a_camera_has_its_latest_step_in_every_rollout(connection: Connection) -> None:
    both = [("CAM_1", "starting", ""), ("CAM_2", "starting", "")]
    assert set_camera_phase(connection, "run-1", "berlin", both, NOON) == []  # type: ignore[arg-type]
    set_camera_phase(connection, "run-1", "berlin", [("CAM_1", "failed", "no media")], NOON)
    set_camera_phase(connection, "run-2", "berlin", [("CAM_1", "verified", "")], NOON)
    assert camera_phases(connection, "run-1") == {
        "CAM_1": ("berlin", "failed", "no media"),
        "CAM_2": ("berlin", "starting", ""),
    }
    assert camera_phases(connection, "run-2") == {"CAM_1": ("berlin", "verified", "")}


def test_a_late_word_doesnt_call_off_a_roll_back(connection: Connection) -> None:
    set_camera_phase(connection, "run-1", "berlin", [("CAM_1", "rolling_back", "")], NOON)
    late = [("CAM_1", "verified", "late"), ("CAM_2", "verified", "")]
    assert set_camera_phase(connection, "run-1", "berlin", late, NOON) == ["CAM_1"]  # type: ignore[arg-type]
    assert camera_phases(connection, "run-1")["CAM_1"] == ("berlin", "rolling_back", "")
    assert set_camera_phase(connection, "run-1", "berlin", [], NOON) == []
