"""Remember what reconciling healed: a heal is written down before it is tried, so that every one counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from gatehouse.ledger.tables import heal
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
