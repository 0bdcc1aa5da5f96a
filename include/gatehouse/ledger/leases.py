"""Lease one office to one run at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from gatehouse.exceptions import LedgerError
from gatehouse.ledger.tables import office_lease

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta

    from sqlalchemy import Connection


def take_lease(connection: Connection, office: str, holder: str, at: datetime, ttl: timedelta) -> None:
    """Take or renew an office's lease; an expired one passes to the new holder.

    Raises LedgerError naming the holder while another run's lease is alive. One statement decides,
    so two runs can't both win.
    """
    fresh = {"holder": holder, "heartbeat_at": at, "expires_at": at + ttl}
    taken = connection.execute(
        insert(office_lease)
        .values(office=office, **fresh)
        .on_conflict_do_update(
            index_elements=["office"],
            set_=fresh,
            where=or_(office_lease.c.holder == holder, office_lease.c.expires_at <= at),
        )
        .returning(office_lease.c.office)
    ).first()
    if taken is None:
        row = connection.execute(select(office_lease).where(office_lease.c.office == office)).one()
        msg = (
            f"Office {office} is leased by run {row.holder} until {row.expires_at:%Y-%m-%d %H:%M:%S %Z}; "
            "nothing was changed there. Wait for that run to end, or end it, and run again"
        )
        raise LedgerError(msg)


def renew_leases(
    connection: Connection, offices: Collection[str], holder: str, at: datetime, ttl: timedelta
) -> None:
    """Prolong a run's leases while it waits, so that a long bake doesn't lose them; all or none.

    One that expired, but which nobody took, is prolonged too. Raises LedgerError naming the offices that
    are lost: their run must not act there any more.
    """
    renewed = connection.execute(
        office_lease.update()
        .where(office_lease.c.office.in_(offices), office_lease.c.holder == holder)
        .values(heartbeat_at=at, expires_at=at + ttl)
        .returning(office_lease.c.office)
    ).scalars()
    lost = sorted(set(offices) - set(renewed))
    if lost:
        msg = (
            f"Run {holder} no longer holds {', '.join(lost)}: another run took over, or gave them back. "
            "It changes nothing there any more. Run the rollout again"
        )
        raise LedgerError(msg)


def release_leases(connection: Connection, holder: str) -> list[str]:
    """Give back every office a run holds, and name them; leases of others stay."""
    freed = connection.execute(
        office_lease.delete().where(office_lease.c.holder == holder).returning(office_lease.c.office)
    )
    return sorted(freed.scalars())
