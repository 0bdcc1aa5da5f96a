"""Commands are allowed where they make sense, and abort and roll-back are final."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.rollout.control import (
    Command,
    DesiredPhase,
    accepted_from,
    after_gate,
    allowed,
    decide,
    next_step,
)
from gatehouse.rollout.freeze import Verdict
from gatehouse.rollout.phases import PHASES, Phase

OPEN = Verdict(may=True, reason="no freeze")
FROZEN = Verdict(may=False, reason="frozen")
COMMANDS: tuple[Command, ...] = ("pause", "resume", "abort", "rollback", "promote")
WANTED: tuple[DesiredPhase, ...] = ("run", "pause", "abort", "rollback")


@pytest.mark.parametrize(
    ("phase", "desired", "buttons"),
    [
        ("Pending", "run", ("pause", "abort")),
        ("Progressing", "run", ("pause", "promote", "abort", "rollback")),
        ("Paused", "pause", ("resume", "promote", "abort", "rollback")),
        ("Healthy", "run", ("rollback",)),
        ("Degraded", "abort", ("rollback",)),
        ("Progressing", "rollback", ()),
    ],
)
def test_the_buttons_fit_the_phase(phase: Phase, desired: DesiredPhase, buttons: tuple[Command, ...]) -> None:
    assert allowed(phase, desired) == buttons


@given(st.sampled_from(PHASES), st.lists(st.sampled_from(COMMANDS)))
def test_no_sequence_of_commands_takes_back_an_abort_or_a_roll_back(
    phase: Phase, commands: list[Command]
) -> None:
    desired: DesiredPhase = "run"
    rank = {"run": 0, "pause": 0, "abort": 1, "rollback": 2}
    for command in commands:
        wanted = decide(command, phase, desired).desired
        assert rank[wanted] >= rank[desired]
        assert decide(command, phase, wanted).desired == wanted
        desired = wanted


def test_a_refusal_says_what_to_do_instead() -> None:
    refused = decide("resume", "Progressing", "abort").refused
    assert refused == "Can't resume: the rollout is to abort, which is not taken back. Run a new rollout"
    assert decide("rollback", "Pending", "run").refused.endswith("it has changed nothing yet. Abort it")


def test_the_guard_of_the_statement_is_the_decision() -> None:
    for command, phase, desired in product(COMMANDS, PHASES, WANTED):
        assert ((phase, desired) in accepted_from(command)) == (not decide(command, phase, desired).refused)


@pytest.mark.parametrize(
    ("desired", "may", "do"),
    [
        ("run", OPEN, "go"),
        ("run", FROZEN, "wait"),
        ("pause", OPEN, "wait"),
        ("pause", FROZEN, "wait"),
        ("abort", FROZEN, "stop"),
        ("rollback", FROZEN, "roll_back"),
    ],
)
def test_a_task_does_what_is_wanted_and_open(desired: DesiredPhase, may: Verdict, do: str) -> None:
    assert next_step(desired, may).do == do


def test_a_promotion_passes_the_gate_and_a_pause_holds_it() -> None:
    assert after_gate("pause", promoted=True, desired="run") == "go"
    assert after_gate("pass", promoted=False, desired="pause") == "wait"
    assert after_gate("pass", promoted=False, desired="run") == "go"
    assert after_gate("fail", promoted=False, desired="pause") == "stop"
    assert after_gate("fail", promoted=True, desired="abort") == "stop"
    assert after_gate("bake", promoted=True, desired="rollback") == "roll_back"
