"""Name how far rollouts, waves and cameras are, and which way each may go from there.

A camera goes through steps; what people and decisions see of it is its phase. The phase of a wave or
a rollout is the worst of what it holds: partial is never success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable

Phase = Literal["Pending", "Progressing", "Paused", "Healthy", "Degraded"]
AnalysisResult = Literal["Successful", "Failed", "Error", "Inconclusive"]
CameraStep = Literal[
    "planned",
    "unreachable",
    "provisioning",
    "provisioned",
    "starting",
    "running",
    "prepared",
    "verified",
    "probing",
    "baking",
    "healthy",
    "promoted",
    "failed",
    "quarantined",
    "rolling_back",
    "rolled_back",
]

PHASES: tuple[Phase, ...] = get_args(Phase)
CAMERA_STEPS: tuple[CameraStep, ...] = get_args(CameraStep)

# From where a rollout or wave may go where; staying is always allowed. Nothing is Healthy unseen.
_NEXT: dict[Phase, frozenset[Phase]] = {
    "Pending": frozenset({"Progressing", "Paused", "Degraded"}),
    "Progressing": frozenset({"Paused", "Healthy", "Degraded"}),
    "Paused": frozenset({"Progressing", "Healthy", "Degraded"}),
    # Run again, or rolled back.
    "Healthy": frozenset({"Progressing", "Degraded"}),
    "Degraded": frozenset({"Progressing", "Healthy", "Paused"}),
}

_PHASE_OF: dict[CameraStep, Phase] = {
    "planned": "Pending",
    # It waits for its next turn; whether it gets one is for the requeue's cap to say.
    "unreachable": "Pending",
    "provisioning": "Progressing",
    "provisioned": "Progressing",
    "starting": "Progressing",
    "running": "Progressing",
    # All is made and runs, and nothing is proved: that is no health, whenever the rollout ends.
    "prepared": "Progressing",
    "verified": "Progressing",
    "probing": "Progressing",
    "baking": "Progressing",
    "healthy": "Healthy",
    # A person let its wave pass before it was seen healthy: that is no health either.
    "promoted": "Degraded",
    "failed": "Degraded",
    "quarantined": "Degraded",
    "rolling_back": "Degraded",
    "rolled_back": "Degraded",
}

_WORK: frozenset[CameraStep] = frozenset(step for step, phase in _PHASE_OF.items() if phase == "Progressing")
_ALL: frozenset[CameraStep] = frozenset(CAMERA_STEPS)
# From which steps a camera may come. Any task may be run again, so work may go back as well as on; but a
# late word of a task doesn't wake a camera that was set aside, or call off a roll-back.
_OTHERS: frozenset[CameraStep] = _WORK | {"planned", "unreachable", "healthy", "failed"}
_COMES_FROM: dict[CameraStep, frozenset[CameraStep]] = {
    "provisioning": _ALL - {"rolling_back"},
    # Evidence may come after the promotion, where the bake is run again.
    "baking": _OTHERS | {"promoted"},
    "healthy": frozenset({"baking"}),
    "promoted": frozenset({"baking"}),
    "quarantined": frozenset({"baking", "failed"}),
    "rolling_back": _ALL,
    "rolled_back": frozenset({"rolling_back"}),
}


def may_become(now: Phase, then: Phase) -> bool:
    """Tell whether a rollout or wave may go from one phase to another."""
    return now == then or then in _NEXT[now]


def may_precede(then: Phase) -> tuple[Phase, ...]:
    """Return the phases from which a rollout or wave may come to this one."""
    return tuple(phase for phase in PHASES if may_become(phase, then))


def may_step(now: CameraStep, then: CameraStep) -> bool:
    """Tell whether a camera may go from one step to another; a roll-back is finished once begun."""
    return now == then or now in _COMES_FROM.get(then, _OTHERS)


def may_step_from(then: CameraStep) -> tuple[CameraStep, ...]:
    """Return the steps from which a camera may come to this one."""
    return tuple(step for step in CAMERA_STEPS if may_step(step, then))


def phase_of(step: CameraStep) -> Phase:
    """Return the phase a camera's step amounts to."""
    return _PHASE_OF[step]


def worst_of(phases: Iterable[Phase]) -> Phase:
    """Return the phase of the whole; it is Healthy only if there is something, and all of it is.

    Nothing at all is Pending: no data is not success.
    """
    found = set(phases)
    for phase in ("Degraded", "Paused", "Progressing"):
        if phase in found:
            return phase
    if found == {"Healthy"}:
        return "Healthy"
    # Some are through and the others haven't begun.
    return "Progressing" if "Healthy" in found else "Pending"


def worst_result(results: Iterable[AnalysisResult]) -> AnalysisResult:
    """Return the result of the whole; nothing at all is Inconclusive."""
    found = set(results)
    for result in ("Failed", "Error", "Inconclusive"):
        if result in found:
            return result
    return "Successful" if found else "Inconclusive"
