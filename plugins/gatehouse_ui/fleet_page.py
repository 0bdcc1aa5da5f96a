"""Gather what concerns everything: the global stop, and whether each office may be changed now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatehouse.ledger.overview import company_events, lease_rows, list_rollouts
from gatehouse.rollout.freeze import Stop

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gatehouse.ledger.overview import RolloutLine
    from gatehouse_ui.surroundings import Surroundings, Told

SHOWN_EVENTS = 50
SHOWN_ROLLOUTS = 100


@dataclass(frozen=True, slots=True)
class OfficeRow:
    """Hold one office: its clock, whether it may be changed, and which run holds it."""

    office: str
    name: str
    told: Told | None
    may: bool
    reason: str
    opens_at: datetime | None
    holder: str


@dataclass(frozen=True, slots=True)
class FleetPage:
    """Hold the whole fleet as its page shows it."""

    stop: Stop | None
    offices: list[OfficeRow]
    running: list[RolloutLine]
    events: list[dict[str, Any]]


def stop_in_force(connection: Connection) -> Stop | None:
    """Return the stop that holds everything now, or None."""
    return _stop(company_events(connection, 1))


def _stop(events: Sequence[dict[str, Any]]) -> Stop | None:
    latest = events[0] if events else None
    if latest is None or latest["command"] != "stop_all":
        return None
    return Stop(latest["at"], latest["who"], latest["reason"])


def gather(connection: Connection, around: Surroundings, now: datetime, kinds: Collection[str]) -> FleetPage:
    """Read what concerns everything; of what is under way, plans of these kinds."""
    events = company_events(connection, SHOWN_EVENTS)
    stop = _stop(events)
    holders = {row["office"]: row["holder"] for row in lease_rows(connection, now)}
    latest = list_rollouts(connection, SHOWN_ROLLOUTS, kinds=kinds)
    return FleetPage(
        stop=stop,
        offices=[_office(name, around, now, stop, holders.get(name, "")) for name in around.offices],
        running=[line for line in latest if line.ended_at is None and not line.dry_run],
        events=events,
    )


def _office(name: str, around: Surroundings, now: datetime, stop: Stop | None, holder: str) -> OfficeRow:
    verdict = around.may_act(name, now, stop, None)
    company = around.company
    return OfficeRow(
        office=name,
        name=company.offices[name].name if company else name,
        told=around.tell(now, [name]),
        may=verdict is None or verdict.may,
        reason=verdict.reason if verdict else "",
        opens_at=verdict.opens_at if verdict else None,
        holder=holder,
    )
