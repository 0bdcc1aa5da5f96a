"""Take people's commands, and tell a rollout what is wanted of it.

Every command is an event that stays; what it makes of the rollout is decided in one statement, so that
two people who press at once can't both win.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from gatehouse.exceptions import LedgerError
from gatehouse.ledger.rollouts import load_rollout
from gatehouse.ledger.tables import control_event, rollout
from gatehouse.rollout.control import accepted_from, decide
from gatehouse.rollout.freeze import Hotfix, Stop

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from gatehouse.ledger.rollouts import RolloutRow
    from gatehouse.rollout.control import Command, CompanyCommand, DesiredPhase


@dataclass(frozen=True, slots=True)
class Event:
    """Identify one press of a button: who, when and why; the id makes pressing it twice once."""

    event_id: str
    at: datetime
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Steering:
    """Hold everything a task asks for between two calls, as one read found it."""

    desired: DesiredPhase
    stop: Stop | None
    hotfix: Hotfix | None
    promoted: frozenset[str]


def command_rollout(
    connection: Connection, rollout_id: str, command: Command, event: Event, wave: str = ""
) -> bool:
    """Carry out a command on a rollout; False if this event was taken before.

    `wave` names what is promoted. Raises LedgerError with the reason where the command isn't allowed; the
    transaction must then be rolled back, and nothing is recorded.
    """
    if command == "promote" and not wave:
        msg = f"Which wave of rollout {rollout_id} shall be promoted? Nothing was changed. Name it"
        raise LedgerError(msg)
    _known(connection, rollout_id)
    if not _record(connection, event, command, rollout_id=rollout_id, wave=wave):
        return False
    wanted = case(
        *(
            (
                (rollout.c.phase == phase) & (rollout.c.desired_phase == desired),
                decide(command, phase, desired).desired,
            )
            for phase, desired in accepted_from(command)
        )
    )
    moved = connection.execute(
        rollout.update()
        .where(
            rollout.c.rollout_id == rollout_id,
            tuple_(rollout.c.phase, rollout.c.desired_phase).in_(accepted_from(command)),
        )
        .values(desired_phase=wanted)
    )
    if not moved.rowcount:
        found = _known(connection, rollout_id)
        refused = decide(command, found.phase, found.desired_phase).refused
        msg = f"{refused}. Rollout {rollout_id} was not changed"
        raise LedgerError(msg)
    return True


def command_company(connection: Connection, command: CompanyCommand, event: Event) -> bool:
    """Stop or release everything; False if this event was taken before."""
    return _record(connection, event, command)


def grant_hotfix(connection: Connection, rollout_id: str, event: Event, until: datetime) -> bool:
    """Let one rollout act in spite of a freeze until then; False if this event was taken before."""
    if not event.reason.strip() or until <= event.at:
        msg = (
            f"A hotfix for rollout {rollout_id} needs a reason and an end in the future; nothing was "
            "changed. Give both"
        )
        raise LedgerError(msg)
    _known(connection, rollout_id)
    return _record(connection, event, "hotfix", rollout_id=rollout_id, until=until)


def _record(connection: Connection, event: Event, command: str, **more: Any) -> bool:
    row = {"event_id": event.event_id, "at": event.at, "who": event.who, "reason": event.reason}
    added = connection.execute(
        insert(control_event)
        .values(**row, command=command, **more)
        .on_conflict_do_nothing()
        .returning(control_event.c.event_id)
    )
    return added.first() is not None


def _known(connection: Connection, rollout_id: str) -> RolloutRow:
    found = load_rollout(connection, rollout_id)
    if found is None:
        msg = f"There is no rollout {rollout_id}; nothing was changed. See the list of rollouts"
        raise LedgerError(msg)
    return found


def steering(connection: Connection, rollout_id: str) -> Steering:
    """Return what is wanted of a rollout now."""
    found = _known(connection, rollout_id)
    events = control_events(connection, rollout_id)
    # Of a stop and a release at the same moment, the stop counts.
    line = [event for event in events if event["rollout_id"] is None]
    last = max(line, key=lambda event: (event["at"], event["command"] == "stop_all"), default=None)
    fixes = [event for event in events if event["command"] == "hotfix"]
    fix = max(fixes, key=lambda event: (event["at"], event["until"]), default=None)
    return Steering(
        found.desired_phase,
        Stop(last["at"], last["who"], last["reason"]) if last and last["command"] == "stop_all" else None,
        Hotfix(fix["at"], fix["until"], fix["who"], fix["reason"]) if fix else None,
        # Whoever planned the run again wants to see its waves bake again.
        frozenset(
            event["wave"]
            for event in events
            if event["command"] == "promote" and event["at"] >= found.created_at
        ),
    )


def control_events(connection: Connection, rollout_id: str) -> list[dict[str, Any]]:
    """Return the commands that concern a rollout, the company's among them, in order of time."""
    rows = connection.execute(
        select(control_event)
        .where(or_(control_event.c.rollout_id == rollout_id, control_event.c.rollout_id.is_(None)))
        .order_by(control_event.c.at, control_event.c.event_id)
    )
    return [dict(row) for row in rows.mappings()]
