"""Lay a frozen plan out: what is done to each office, what it costs, and what to look at first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gatehouse.capacity.duration import in_words
from gatehouse.rollout.action import Action
from gatehouse.rollout.plan_text import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHOWN_ACTIONS = 200  # of one office; all of them are in the CSV


@dataclass(frozen=True, slots=True)
class OfficeRow:
    """Hold one office's part of a plan; what was foreseen for it is empty in older plans."""

    name: str
    actions: tuple[Action, ...]
    verbs: Mapping[str, int]
    kept: int
    refused: dict[str, str]
    orphans: tuple[str, ...]
    foreseen: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[Action, ...]:
        """Return the actions that fit on a page."""
        return self.actions[:SHOWN_ACTIONS]


@dataclass(frozen=True, slots=True)
class PlanView:
    """Hold a whole plan; `text` is what its task's log showed, `findings` are preflight's.

    `kind` is empty for a rollout; `kept` is what a decommissioning leaves, with the reasons.
    """

    offices: tuple[OfficeRow, ...]
    refused: dict[str, str]
    findings: tuple[Mapping[str, str], ...] | None
    predicted: str
    usd: float | None
    usd_now: float
    people: int | None
    text: str
    kind: str = ""
    kept: tuple[Mapping[str, str], ...] = ()

    @property
    def actions(self) -> int:
        """Count everything that the plan does."""
        return sum(len(office.actions) for office in self.offices)

    @property
    def verbs(self) -> tuple[str, ...]:
        """Name what may be done to an office, in the order of the columns."""
        more = {action.verb for office in self.offices for action in office.actions} - set(VERBS)
        return (*VERBS, *sorted(more))

    @property
    def orphans(self) -> tuple[str, ...]:
        """Name everything that carries our tag and that no manifest wants."""
        return tuple(orphan for office in self.offices for orphan in office.orphans)

    @property
    def refused_cameras(self) -> dict[str, str]:
        """Return the cameras that are left as they are, with the reason."""
        return {camera: why for office in self.offices for camera, why in office.refused.items()}


def plan_view(plan: Mapping[str, Any]) -> PlanView:
    """Lay out a plan as the ledger keeps it."""
    foreseen = plan.get("forecast", {})
    by_office = {row["office"]: row for row in foreseen.get("offices", ())}
    findings = plan.get("preflight")
    return PlanView(
        offices=tuple(_office(name, office, by_office.get(name, {})) for name, office in _offices(plan)),
        refused=dict(plan.get("refused", {})),
        findings=None if findings is None else tuple(findings),
        predicted=in_words(foreseen["seconds"]) if foreseen.get("seconds") else "",
        usd=foreseen.get("usd_a_month"),
        usd_now=foreseen.get("usd_a_month_now", 0),
        people=foreseen.get("people"),
        text=foreseen.get("text", ""),
        kind=plan.get("kind", ""),
        kept=tuple(plan.get("kept", ())),
    )


def _offices(plan: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from sorted(plan.get("offices", {}).items())


def _office(name: str, data: Mapping[str, Any], foreseen: Mapping[str, Any]) -> OfficeRow:
    actions = tuple(Action(**action) for action in data.get("actions", ()))
    return OfficeRow(
        name=name,
        actions=actions,
        verbs=Counter(action.verb for action in actions),
        kept=sum(data.get("kept", {}).values()),
        refused=dict(data.get("refused", {})),
        orphans=tuple(f"{orphan['what']} {orphan['name']}" for orphan in data.get("orphans", ())),
        foreseen=foreseen,
    )
