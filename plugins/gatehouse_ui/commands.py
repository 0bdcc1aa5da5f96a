"""Say which commands make sense for a rollout now, what each does, and why one doesn't."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gatehouse.rollout.control import decide

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gatehouse.ledger.rollouts import RolloutRow
    from gatehouse.rollout.control import Command

ButtonCommand = Literal["pause", "resume", "promote", "abort", "rollback", "hotfix"]

_LABELS: dict[ButtonCommand, tuple[str, str]] = {
    "pause": (
        "Pause",
        "Wait before the next change. What was begun is finished, and evidence is still taken.",
    ),
    "resume": ("Resume", "Go on where it waits."),
    "promote": ("Promote", "Let the wave pass now, whatever its gate says, and the next one begin."),
    "abort": ("Abort", "End here. What was done stays as it is. Not taken back."),
    "rollback": ("Roll back", "Bring every office back to exactly what it was before. Not taken back."),
    "hotfix": ("Hotfix", "Let this rollout act in spite of a freeze, for some hours. It stays on record."),
}
_ALREADY: dict[Command, str] = {
    "pause": "It is paused already",
    "resume": "It isn't paused",
    "abort": "It is to end already",
    "rollback": "It is to be rolled back already",
}

# What a decommissioning doesn't know.
_OF_ROLLOUTS: dict[ButtonCommand, str] = {
    "promote": "A decommissioning has no waves",
    "rollback": "What was removed doesn't come back by a roll-back. Roll the office out again",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold what decides about commands: the rollout, its wave under way, and what was promoted."""

    rollout: RolloutRow
    wave: str = ""
    promoted: frozenset[str] = frozenset()
    kind: str = ""

    @property
    def ended(self) -> bool:
        """Tell whether the run has given its report."""
        return self.rollout.ended_at is not None


@dataclass(frozen=True, slots=True)
class Button:
    """Hold one command as it is shown; a `refused` one can't be pressed, for that reason."""

    command: ButtonCommand
    label: str
    says: str
    refused: str = ""
    wave: str = ""

    @property
    def dangerous(self) -> bool:
        """Tell whether it can't be taken back."""
        return self.command in {"abort", "rollback"}


def wave_under_way(waves: Sequence[Mapping[str, Any]]) -> str:
    """Name the wave that may be promoted: begun, and not passed; empty if there is none."""
    begun = (row for row in waves if row["phase"] in {"Progressing", "Paused"} and not row["passed"])
    return next((str(row["name"]) for row in begun), "")


def buttons(standing: Standing, forbidden: str = "") -> tuple[Button, ...]:
    """Return every command; `forbidden` says why this user may give none."""
    return tuple(
        Button(
            command,
            f"{label} {standing.wave}" if command == "promote" and standing.wave else label,
            says,
            forbidden or why_not(command, standing),
            standing.wave if command == "promote" else "",
        )
        for command, (label, says) in _LABELS.items()
    )


def why_not(command: ButtonCommand, standing: Standing) -> str:
    """Say why a command makes no sense now; empty if it does."""
    found = standing.rollout
    if found.dry_run:
        return "A dry run changes nothing"
    if standing.kind and command in _OF_ROLLOUTS:
        return _OF_ROLLOUTS[command]
    if standing.ended and command != "rollback":
        return "The rollout has ended"
    if command == "hotfix":
        return ""
    decision = decide(command, found.phase, found.desired_phase)
    if decision.refused:
        return decision.refused
    if command == "promote":
        return _why_not_promote(standing)
    return _ALREADY[command] if decision.desired == found.desired_phase else ""


def _why_not_promote(standing: Standing) -> str:
    if not standing.wave:
        return "No wave is under way"
    return f"Wave '{standing.wave}' is promoted already" if standing.wave in standing.promoted else ""
