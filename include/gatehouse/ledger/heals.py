"""Remember what reconciling healed: a heal is written down before it is tried, so that every one counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from gatehouse.ledger.tables import control_event, heal, rollout
from gatehouse.reconcile.heal import Past

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gatehouse.reconcile.heal import Mend


def begin_heals(
    connection: Connection, run_id: str, office: str, mends: Sequence[Mend], at: datetime
) -> None:
    """Note heals before they are tried; commit before trying the first."""
    rows = [
        {
            "subject": mend.subject,
            "kind": mend.kind,
            "resource": mend.drift.name,
            "at": at,
            "office": office,
            "cause": mend.drift.cause,
            "run_id": run_id,
            "state": "calling",
            "detail": mend.drift.reason,
        }
        for mend in mends
    ]
    if rows:
        connection.execute(heal.insert(), rows)


def end_heal(connection: Connection, mend: Mend, at: datetime, error: str = "") -> None:
    """Note what came of a heal begun at `at`: it was carried out, or failed with this error."""
    values = {"state": "failed", "detail": error} if error else {"state": "done"}
    connection.execute(
        heal.update()
        .where(
            heal.c.subject == mend.subject,
            heal.c.kind == mend.kind,
            heal.c.resource == mend.drift.name,
            heal.c.at == at,
        )
        .values(**values)
    )


def heals_since(connection: Connection, office: str, since: datetime) -> list[Past]:
    """Return an office's heals that were begun after a time, whatever came of them."""
    rows = connection.execute(
        select(heal.c.subject, heal.c.kind, heal.c.at)
        .where(heal.c.office == office, heal.c.at > since)
        .order_by(heal.c.at)
    )
    return [Past(*row) for row in rows]


def approved_basis(connection: Connection, office: str) -> dict[str, str] | None:
    """Return what the configuration wanted of an office when it was last rolled out; None if it never was.

    A rollout that ended Degraded was approved all the same.
    """
    basis = rollout.c.plan["offices"][office]["basis"]
    rows = connection.execute(
        select(basis)
        .where(rollout.c.dry_run.is_(False), rollout.c.phase != "Pending", basis.as_string().is_not(None))
        .order_by(rollout.c.created_at.desc())
        .limit(1)
    )
    return rows.scalar()


def stop_in_force(connection: Connection) -> str:
    """Return who stopped everything and why, or nothing if nobody did; of both at once, the stop counts."""
    last = connection.execute(
        select(control_event)
        .where(control_event.c.rollout_id.is_(None))
        .order_by(control_event.c.at.desc(), control_event.c.command.desc())
        .limit(1)
    ).first()
    return f"{last.who}'s stop of everything ({last.reason})" if last and last.command == "stop_all" else ""
