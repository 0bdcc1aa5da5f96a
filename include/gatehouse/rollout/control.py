"""Decide what a person's command does, and what a rollout must do between two calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from gatehouse.rollout.freeze import Verdict
    from gatehouse.rollout.phases import Phase

Command = Literal["pause", "resume", "abort", "rollback", "promote"]
CompanyCommand = Literal["stop_all", "release_all", "hotfix"]
# What the people in charge want of a rollout, whatever it is at.
DesiredPhase = Literal["run", "pause", "abort", "rollback"]
Do = Literal["go", "wait", "stop", "roll_back"]

# What a command makes of what was wanted before. What isn't listed isn't allowed: nobody can take back
# an abort or a roll-back, and giving the same command twice does no more than once.
_DESIRED: dict[tuple[DesiredPhase, Command], DesiredPhase] = {
    ("run", "pause"): "pause",
    ("run", "resume"): "run",
    ("run", "promote"): "run",
    ("run", "abort"): "abort",
    ("run", "rollback"): "rollback",
    ("pause", "pause"): "pause",
    ("pause", "resume"): "run",
    ("pause", "promote"): "run",
    ("pause", "abort"): "abort",
    ("pause", "rollback"): "rollback",
    ("abort", "abort"): "abort",
    ("abort", "rollback"): "rollback",
    ("rollback", "rollback"): "rollback",
}
_PHASES: dict[Command, frozenset[Phase]] = {
    "pause": frozenset({"Pending", "Progressing", "Paused"}),
    "resume": frozenset({"Pending", "Progressing", "Paused"}),
    "promote": frozenset({"Progressing", "Paused"}),
    "abort": frozenset({"Pending", "Progressing", "Paused", "Degraded"}),
    "rollback": frozenset({"Progressing", "Paused", "Healthy", "Degraded"}),
}
_NOT_IN_PHASE: dict[Command, str] = {
    "pause": "it has ended. Stop everything to keep other rollouts from acting",
    "resume": "there is nothing to resume. Run a new rollout",
    "promote": "no wave of it is under way. See its waves",
    "abort": "it is done. Roll it back to undo it",
    "rollback": "it has changed nothing yet. Abort it",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """Say what is wanted after a command; a refused one has a reason and changes nothing."""

    desired: DesiredPhase
    refused: str = ""


def decide(command: Command, phase: Phase, desired: DesiredPhase) -> Decision:
    """Decide what a command does to a rollout of this phase."""
    if phase not in _PHASES[command]:
        why = f"a rollout that is {phase}: {_NOT_IN_PHASE[command]}"
        return Decision(desired, f"Can't {_said(command)} {why}")
    wanted = _DESIRED.get((desired, command))
    if wanted is None:
        why = f"the rollout is to {_said(desired)}, which is not taken back. Run a new rollout"
        return Decision(desired, f"Can't {_said(command)}: {why}")
    return Decision(wanted)


def _said(word: str) -> str:
    return "roll back" if word == "rollback" else word


def allowed(phase: Phase, desired: DesiredPhase) -> tuple[Command, ...]:
    """Return the commands that would change something, for buttons."""
    return tuple(
        command
        for command in _PHASES
        if not (found := decide(command, phase, desired)).refused
        and (found.desired != desired or command == "promote")
    )


def accepted_from(command: Command) -> tuple[tuple[Phase, DesiredPhase], ...]:
    """Return every (phase, desired phase) in which a command is allowed, for one guarded statement."""
    return tuple(
        (phase, desired)
        for phase in ("Pending", "Progressing", "Paused", "Healthy", "Degraded")
        for desired in ("run", "pause", "abort", "rollback")
        if not decide(command, phase, desired).refused
    )


@dataclass(frozen=True, slots=True)
class Step:
    """Say what a task does now; a wait may know when to look again at the latest."""

    do: Do
    reason: str = ""
    look_again_at: datetime | None = None


def next_step(desired: DesiredPhase, may: Verdict) -> Step:
    """Decide what a task does before its next call: go on, wait, stop, or leave to roll back.

    Abort and roll-back come before every freeze: they end or undo a change, and somebody asked for them
    by name. A task that waits keeps its leases and looks again.
    """
    if desired == "rollback":
        return Step("roll_back", "a roll-back was asked for")
    if desired == "abort":
        return Step("stop", "the rollout was aborted; what was done stays as it is")
    if not may.may:
        return Step("wait", may.reason, may.opens_at)
    if desired == "pause":
        return Step("wait", "the rollout is paused. Resume, promote, abort or roll back")
    return Step("go", may.reason)


def after_gate(decision: str, *, promoted: bool, desired: DesiredPhase) -> Do:
    """Decide what a baking wave does with its gate's decision; a person's promotion passes any of them.

    A pause asked for while it bakes holds back the promotion, not the looking.
    """
    if desired == "rollback":
        return "roll_back"
    if desired == "abort":
        return "stop"
    if promoted:
        return "go"
    if decision == "fail":
        return "stop"
    return "go" if decision == "pass" and desired == "run" else "wait"
