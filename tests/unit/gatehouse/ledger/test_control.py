"""A command counts once, the allowed one wins, and a stop holds everyone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from gatehouse.exceptions import LedgerError
from gatehouse.ledger.control import (
    Event,
    command_company,
    command_rollout,
    control_events,
    grant_hotfix,
    steering,
)
from gatehouse.ledger.rollouts import record_plan, set_rollout_phase
from gatehouse.ledger.tables import control_event

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def press(event_id: str, hours: int = 0, reason: str = "because") -> Event:
    return Event(event_id, NOON + hours * HOUR, "ana", reason)


@pytest.fixture
def running(connection: Connection) -> Connection:
    for run in ("run-1", "run-2"):
        record_plan(connection, run, {}, "abc", [("pilot", ["berlin"])], dry_run=False, at=NOON)
        set_rollout_phase(connection, run, "Progressing", NOON)
    return connection


def test_a_paused_rollout_is_resumed(running: Connection) -> None:
    assert command_rollout(running, "run-1", "pause", press("e1"))
    assert steering(running, "run-1").desired == "pause"
    assert steering(running, "run-2").desired == "run"
    assert command_rollout(running, "run-1", "resume", press("e2"))
    assert steering(running, "run-1").desired == "run"


def test_pressing_twice_is_pressing_once(running: Connection) -> None:
    assert command_rollout(running, "run-1", "pause", press("e1"))
    command_rollout(running, "run-1", "resume", press("e2"))
    assert not command_rollout(running, "run-1", "pause", press("e1"))
    assert steering(running, "run-1").desired == "run"
    assert len(control_events(running, "run-1")) == 2


def test_a_refused_command_leaves_no_trace(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        record_plan(connection, "run-r", {}, "abc", [], dry_run=False, at=NOON)
        command_rollout(connection, "run-r", "abort", press("r1"))
        savepoint = connection.begin_nested()
        with pytest.raises(
            LedgerError, match="Can't pause: the rollout is to abort, which is not taken back"
        ):
            command_rollout(connection, "run-r", "pause", press("r2"))
        savepoint.rollback()
        events = connection.execute(select(control_event.c.event_id)).scalars().all()
        assert events == ["r1"]
        assert steering(connection, "run-r").desired == "abort"
        transaction.rollback()


def test_an_unknown_rollout_is_named(connection: Connection) -> None:
    for act in (
        lambda: command_rollout(connection, "run-9", "pause", press("e1")),
        lambda: grant_hotfix(connection, "run-9", press("e1"), NOON + HOUR),
        lambda: steering(connection, "run-9"),
    ):
        with pytest.raises(LedgerError, match="There is no rollout run-9; nothing was changed"):
            act()


def test_a_promotion_names_its_wave_and_lasts_until_the_run_is_planned_again(running: Connection) -> None:
    with pytest.raises(LedgerError, match="Which wave of rollout run-1 shall be promoted"):
        command_rollout(running, "run-1", "promote", press("e1"))
    command_rollout(running, "run-1", "promote", press("e2"), wave="pilot")
    assert steering(running, "run-1").promoted == {"pilot"}
    record_plan(running, "run-1", {}, "def", [("pilot", ["berlin"])], dry_run=False, at=NOON + HOUR)
    assert steering(running, "run-1").promoted == frozenset()


def test_a_stop_holds_every_rollout_until_it_is_released(running: Connection) -> None:
    assert command_company(running, "stop_all", press("e1", reason="AWS is down"))
    for run in ("run-1", "run-2"):
        stop = steering(running, run).stop
        assert stop is not None
        assert (stop.who, stop.reason) == ("ana", "AWS is down")
    command_company(running, "release_all", press("e2", hours=1))
    assert steering(running, "run-1").stop is None


def test_of_a_stop_and_a_release_at_once_the_stop_counts(running: Connection) -> None:
    command_company(running, "stop_all", press("e1"))
    command_company(running, "release_all", press("e2"))
    assert steering(running, "run-1").stop is not None


def test_a_hotfix_is_for_one_rollout_with_a_reason_and_an_end(running: Connection) -> None:
    assert grant_hotfix(running, "run-1", press("e1", reason="lens recall"), NOON + HOUR)
    fix = steering(running, "run-1").hotfix
    assert fix is not None
    assert (fix.until, fix.reason) == (NOON + HOUR, "lens recall")
    assert steering(running, "run-2").hotfix is None
    for reason, until in ((" ", NOON + HOUR), ("recall", NOON)):
        with pytest.raises(LedgerError, match="needs a reason and an end in the future"):
            grant_hotfix(running, "run-1", press("e2", reason=reason), until)
