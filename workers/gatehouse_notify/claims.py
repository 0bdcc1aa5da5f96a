"""Claim an alert for a channel before sending it, by a unique row in Postgres.

The row is written before the channel is called and completed after its 2xx. A crash in between leaves
a claim that nobody completes; after a lease another notifier takes it over and sends again. So the one
window in which a person can be told twice is a crash after the channel accepted and before
`delivered_at` is written, and there the channel sees the same Idempotency-Key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from gatehouse.ledger.tables import notification_claim as claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from sqlalchemy import ColumnElement, Engine


class Claim(Enum):
    """Say whose an alert is."""

    MINE = "mine"
    DELIVERED = "delivered"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Claims:
    """Keep the claims of all notifiers; `owner` names this one, `now` gives the time in UTC."""

    engine: Engine
    owner: str
    now: Callable[[], datetime]
    lease: timedelta = timedelta(minutes=2)

    def claim(self, alert_id: str, channel: str) -> Claim:
        """Claim an alert for a channel, taking over a claim that wasn't completed within its lease."""
        if self._insert(alert_id, channel) or self._take_over(alert_id, channel):
            return Claim.MINE
        with self.engine.connect() as connection:
            query = select(claim.c.delivered_at).where(_row(alert_id, channel))
            delivered_at = connection.execute(query).scalar_one()
        return Claim.TAKEN if delivered_at is None else Claim.DELIVERED

    def delivered(self, alert_ids: Iterable[str]) -> set[tuple[str, str]]:
        """Return the (alert, channel) pairs that were completed among these alerts."""
        done = claim.c.alert_id.in_(list(alert_ids)) & claim.c.delivered_at.is_not(None)
        with self.engine.connect() as connection:
            rows = connection.execute(select(claim.c.alert_id, claim.c.channel).where(done))
            return {(row.alert_id, row.channel) for row in rows}

    def complete(self, alert_id: str, channel: str) -> None:
        """Note that the channel has accepted the alert: nobody sends it again."""
        done = update(claim).where(_row(alert_id, channel)).values(delivered_at=self.now())
        with self.engine.begin() as connection:
            connection.execute(done)

    def release(self, alert_id: str, channel: str) -> None:
        """Give up a claim whose delivery failed, so that the next attempt needn't wait for its lease."""
        lapsed = self.now() - self.lease
        mine = (_row(alert_id, channel), claim.c.claimed_by == self.owner, claim.c.delivered_at.is_(None))
        with self.engine.begin() as connection:
            connection.execute(update(claim).where(*mine).values(claimed_at=lapsed))

    def _insert(self, alert_id: str, channel: str) -> bool:
        row = {
            "alert_id": alert_id,
            "channel": channel,
            "claimed_at": self.now(),
            "claimed_by": self.owner,
            "attempts": 1,
        }
        try:
            with self.engine.begin() as connection:
                connection.execute(claim.insert().values(row))
        except IntegrityError:
            return False
        return True

    def _take_over(self, alert_id: str, channel: str) -> bool:
        lapsed = claim.c.claimed_at <= self.now() - self.lease
        takeover = (
            update(claim)
            .where(_row(alert_id, channel), claim.c.delivered_at.is_(None), lapsed)
            .values(claimed_at=self.now(), claimed_by=self.owner, attempts=claim.c.attempts + 1)
        )
        with self.engine.begin() as connection:
            return connection.execute(takeover).rowcount == 1


def _row(alert_id: str, channel: str) -> ColumnElement[bool]:
    return (claim.c.alert_id == alert_id) & (claim.c.channel == channel)
