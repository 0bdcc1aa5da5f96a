"""Decide when a blind or frozen camera is news: once, and again only when that changes.

So many bad looks in a row raise, so many good ones in a row clear; between the two nothing is said. A
camera's health is data that the caller keeps in the ledger from look to look, so no restart forgets or
repeats an alarm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from gatehouse.reconcile.camera_day import Cause, Verdict
    from gatehouse.reconcile.policy import Alarm as Limits

# A look says all but `mis_tuned`, which only whole days tell (`tuning.py`): no camera's health holds it.
Condition = Literal["well", "blind", "frozen", "mis_tuned"]


@dataclass(frozen=True, slots=True)
class Look:
    """Hold how one look classed a camera."""

    at: datetime
    verdict: Verdict
    cause: Cause = ""
    reason: str = ""

    @property
    def condition(self) -> Condition | None:
        """Return what it says of the camera; None for one that shall be off, of which it says nothing."""
        if self.verdict == "off":
            return None
        if self.verdict == "blind":
            return "frozen" if self.cause == "frozen" else "blind"
        return "well"


@dataclass(frozen=True, slots=True)
class Health:
    """Hold what is remembered of a camera: how it looks, for how many looks, and what was last said.

    `since` is the first look of this condition, `alarmed` is `well` where no alarm stands.
    """

    camera_id: str
    office: str
    condition: Condition = "well"
    looks: int = 0
    alarmed: Condition = "well"
    since: datetime | None = None
    looked_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Say what changed of a camera: it became blind or frozen, or is well again."""

    camera_id: str
    office: str
    now: Condition
    before: Condition
    since: datetime
    at: datetime
    reason: str

    @property
    def id(self) -> str:
        """Return what makes this the same notice, however often it is sent."""
        return f"{self.camera_id}-{self.now}-{self.since:%Y%m%dT%H%M%SZ}"


def observe(health: Health, look: Look, limits: Limits) -> tuple[Health, Notice | None]:
    """Take in one look; a look that isn't newer than the last changes nothing."""
    if health.looked_at is not None and look.at <= health.looked_at:
        return health, None
    condition = look.condition
    if condition is None:
        return replace(health, looked_at=look.at), None
    same = condition == health.condition and health.since is not None
    seen = replace(
        health,
        condition=condition,
        looks=health.looks + 1 if same else 1,
        since=health.since if same else look.at,
        looked_at=look.at,
        reason=look.reason,
    )
    needed = limits.good_looks if condition == "well" else limits.bad_looks
    if condition == health.alarmed or seen.looks < needed:
        return seen, None
    return replace(seen, alarmed=condition), _notice(seen, look)


def _notice(seen: Health, look: Look) -> Notice:
    return Notice(
        seen.camera_id,
        seen.office,
        now=seen.condition,
        before=seen.alarmed,
        since=seen.since or look.at,
        at=look.at,
        reason=look.reason,
    )
