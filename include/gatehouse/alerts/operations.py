"""Say what the people who run the cameras are told: one message a change, for one topic of the company.

Messages name cameras, offices, plans and figures, and never a person: who decided something is in the
ledger. Whoever subscribes gets a message at least once, and knows a repeated one by its id.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from gatehouse.reconcile.alarms import Condition, Notice
    from gatehouse.rollout.plan import OfficePlan

Kind = Literal["camera_alarm", "camera_well", "approval_waits", "rollout_paused", "rollout_degraded"]
# The gate lacks evidence, or the rollout is paused, frozen or stopped.
Pause = Literal["gate", "held"]
# SNS refuses longer subjects, line breaks and control characters.
SUBJECT_LENGTH = 99
# Of one office, in one look: beyond that they have one cause, and are one message.
SINGLE_CAMERAS = 5
SHOWN = 20  # lines of a text; the rest is counted


@dataclass(frozen=True, slots=True)
class Message:
    """Hold one message; `id` makes it the same one, however often it is found or sent."""

    id: str
    kind: Kind
    at: datetime
    headline: str
    text: str
    office: str = ""
    camera: str = ""
    rollout: str = ""
    url: str = ""

    @property
    def subject(self) -> str:
        """Return the headline as SNS takes it: one line of printable ASCII, not too long."""
        plain = unicodedata.normalize("NFKD", f"Gatehouse: {self.headline}").encode("ascii", "ignore")
        line = " ".join("".join(c if c.isprintable() else " " for c in plain.decode()).split())
        return line if len(line) <= SUBJECT_LENGTH else f"{line[: SUBJECT_LENGTH - 3]}..."

    def body(self) -> dict[str, str]:
        """Return it as plain data; what doesn't apply is empty."""
        return {
            "id": self.id,
            "kind": self.kind,
            "at": self.at.isoformat(),
            "office": self.office,
            "camera": self.camera,
            "rollout": self.rollout,
            "text": self.text,
            "url": self.url,
        }


def camera_messages(notices: Iterable[Notice], url: str = "") -> Iterator[Message]:
    """Tell what one look changed; many cameras of an office that became the same are one message."""
    by_change = sorted(notices, key=lambda notice: (notice.office, notice.now, notice.camera_id))
    for _, group in groupby(by_change, key=lambda notice: (notice.office, notice.now)):
        alike = list(group)
        if len(alike) > SINGLE_CAMERAS:
            yield _many_cameras(alike, url)
        else:
            yield from (_camera(notice, url) for notice in alike)


def _camera(notice: Notice, url: str) -> Message:
    state = _state(notice)
    return Message(
        id=f"camera/{notice.id}",
        kind=_camera_kind(notice),
        at=notice.at,
        headline=f"{notice.camera_id} ({notice.office}) {state}",
        text=f"Camera {notice.camera_id} of office {notice.office} {state}, {_since(notice)}.",
        office=notice.office,
        camera=notice.camera_id,
        url=url,
    )


def _many_cameras(alike: Sequence[Notice], url: str) -> Message:
    one = alike[0]
    now = "well again" if one.now == "well" else _named(one.now)
    state = f"{len(alike)} cameras of office {one.office} are {now}"
    return Message(
        id=f"cameras/{one.office}-{one.now}-{one.at:%Y%m%dT%H%M%SZ}",
        kind=_camera_kind(one),
        at=one.at,
        headline=state,
        text=_listed(f"{state}:", [f"{notice.camera_id}, {_since(notice)}" for notice in alike]),
        office=one.office,
        url=url,
    )


def _camera_kind(notice: Notice) -> Kind:
    return "camera_well" if notice.now == "well" else "camera_alarm"


def _state(notice: Notice) -> str:
    if notice.now == "well":
        return f"is well again after it was {_named(notice.before)}"
    return f"is {_named(notice.now)}"


def _named(condition: Condition) -> str:
    return condition.replace("_", "-")


def _since(notice: Notice) -> str:
    return f"since {notice.since:%Y-%m-%d %H:%M} UTC: {notice.reason}"


def approval_waits(
    rollout: str,
    what: str,
    plan_hash: str,
    offices: Mapping[str, OfficePlan],
    forecast: Mapping[str, Any],
    at: datetime,
    deadline: datetime,
    url: str = "",
) -> Message:
    """Tell that a plan waits to be approved, once for each plan; `forecast` as it is stored with the plan."""
    verbs: Counter[str] = Counter()
    for plan in offices.values():
        verbs.update(plan.verbs())
    actions = f"{verbs.total()} actions"
    by_verb = ", ".join(f"{number} {verb}" for verb, number in verbs.most_common()) or "nothing to do"
    return Message(
        id=f"approval/{rollout}/{plan_hash}",
        kind="approval_waits",
        at=at,
        headline=f"{what} plan {plan_hash[:12]} waits for approval: {actions}",
        text=(
            f"The {what} plan of run {rollout} waits for approval.\n"
            f"Plan: {plan_hash}\nOffices: {', '.join(sorted(offices)) or 'none'}\n"
            f"Actions: {verbs.total()} ({by_verb})\n{_cost(forecast)}"
            f"Without an answer until {deadline:%Y-%m-%d %H:%M} UTC it is rejected, and nothing is changed."
        ),
        office=next(iter(offices)) if len(offices) == 1 else "",
        rollout=rollout,
        url=url,
    )


def _cost(forecast: Mapping[str, Any]) -> str:
    if "usd_a_month" not in forecast:
        return ""
    usd, change = forecast["usd_a_month"], forecast["usd_a_month"] - forecast["usd_a_month_now"]
    return f"Cost: ${usd:,.0f} a month, {change:+,.0f} against today\n"


def rollout_paused(
    rollout: str, where: str, pause: Pause, reason: str, since: datetime, at: datetime, url: str = ""
) -> Message:
    """Tell that a rollout waits, once for each place and cause; `where` is a wave, or an office without one.

    `since` is when it was begun, so that the same run planned anew is told anew.
    """
    return Message(
        id=f"paused/{rollout}/{where}/{pause}/{since:%Y%m%dT%H%M%S%fZ}",
        kind="rollout_paused",
        at=at,
        headline=f"paused in {where}: rollout {rollout}",
        text=f"Rollout {rollout} is paused in {where}: {reason.rstrip('.')}.",
        rollout=rollout,
        url=url,
    )


def rollout_degraded(
    rollout: str, what: str, wrong: Sequence[str], ended_at: datetime, url: str = ""
) -> Message:
    """Tell that a run ended Degraded, once for each end; `wrong` says why, line by line."""
    return Message(
        id=f"degraded/{rollout}/{ended_at:%Y%m%dT%H%M%S%fZ}",
        kind="rollout_degraded",
        at=ended_at,
        headline=f"{what} ended Degraded: {rollout}",
        text=_listed(f"The {what} of run {rollout} ended Degraded:", wrong),
        rollout=rollout,
        url=url,
    )


def _listed(title: str, lines: Sequence[str]) -> str:
    rest = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join([title, *lines[:SHOWN], *rest])
