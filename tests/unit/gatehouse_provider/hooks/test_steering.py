"""A wait that only looks goes on through pauses and stops, and ends when its rollout is called off."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from gatehouse.ledger.control import Event, command_company, command_rollout
from gatehouse.ledger.rollouts import record_plan, set_rollout_phase
from gatehouse_provider.hooks.steering import SteeringHook

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gatehouse.rollout.control import Command

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
PRESSED = Event("e-1", NOW, "ada", "the lobby is dark")


@pytest.fixture
def steering(ledger: Connection, config: object) -> SteeringHook:
    del config
    record_plan(ledger, "run-1", {"offices": {}, "waves": []}, "h", [], dry_run=False, at=NOW)
    set_rollout_phase(ledger, "run-1", "Progressing", NOW)
    return SteeringHook("run-1", ["berlin"])


def test_a_paused_rollout_waits_but_isnt_called_off(ledger: Connection, steering: SteeringHook) -> None:
    command_rollout(ledger, "run-1", "pause", PRESSED)
    assert steering.step().do == "wait"
    assert steering.called_off() == ""


def test_a_stop_of_everything_waits_but_calls_nothing_off(ledger: Connection, steering: SteeringHook) -> None:
    command_company(ledger, "stop_all", PRESSED)
    assert steering.step().do == "wait"
    assert steering.called_off() == ""


@pytest.mark.parametrize("command", ["abort", "rollback"])
def test_what_is_aborted_or_rolled_back_is_called_off(
    ledger: Connection, steering: SteeringHook, command: Command
) -> None:
    assert steering.called_off() == ""
    command_rollout(ledger, "run-1", command, PRESSED)
    assert steering.called_off() == steering.step().reason != ""
