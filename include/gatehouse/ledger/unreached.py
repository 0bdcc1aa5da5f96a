"""Remember which offices couldn't be reached when a wave began, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from gatehouse.ledger.tables import unreached

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Unreached:
    """Hold an office that a wave couldn't reach, with its cameras that the wave should have taken on.

    One that wasn't given up is put off to a later wave.
    """

    office: str
    cameras: tuple[str, ...]
    given_up: bool
    reason: str


def record_unreached(
    connection: Connection, rollout_id: str, wave: str, found: Iterable[Unreached], at: datetime
) -> None:
    """Keep what a wave's begin found; a begin that is run again replaces what it found before."""
    mine = (unreached.c.rollout_id == rollout_id) & (unreached.c.wave == wave)
    connection.execute(unreached.delete().where(mine))
    rows = [
        {
            "rollout_id": rollout_id,
            "wave": wave,
            "office": each.office,
            "cameras": list(each.cameras),
            "given_up": each.given_up,
            "reason": each.reason,
            "at": at,
        }
        for each in found
    ]
    if rows:
        connection.execute(unreached.insert(), rows)


def given_up_in(connection: Connection, rollout_id: str, wave: str) -> set[str]:
    """Return the cameras that a wave gave up because their office couldn't be reached."""
    rows = connection.execute(
        select(unreached.c.cameras).where(
            unreached.c.rollout_id == rollout_id, unreached.c.wave == wave, unreached.c.given_up
        )
    )
    return {camera_id for cameras in rows.scalars() for camera_id in cameras}


def times_put_off(connection: Connection, rollout_id: str, wave: str) -> dict[str, int]:
    """Count in how many other waves each office was put off: this one's begin decides anew."""
    rows = connection.execute(
        select(unreached.c.office, func.count())
        .where(unreached.c.rollout_id == rollout_id, unreached.c.wave != wave, ~unreached.c.given_up)
        .group_by(unreached.c.office)
    )
    return {office: count for office, count in rows}
