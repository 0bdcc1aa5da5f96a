"""Remember what operators are to be told, from the change that is news until SNS took the message.

A message is written in the transaction of its change, so neither a crash nor a refusal of SNS loses it,
and no second look adds it again. Whoever publishes claims it first; a claim that comes to nothing, as when
its process dies, lapses. So the one window in which a message is sent twice is a crash between SNS's answer
and `note_told`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from gatehouse.ledger.tables import operations_message as table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from gatehouse.alerts.operations import Message

# Longer than the publishing of everything that one process claims at once.
CLAIM_LASTS = timedelta(minutes=5)
AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Untold:
    """Hold a message as it was written; `body` is the message's own."""

    message_id: str
    subject: str
    body: dict[str, Any]


def add_messages(connection: Connection, messages: Iterable[Message]) -> None:
    """Keep messages to be told; one that is known stays as it is, told or not."""
    rows = [
        {"message_id": message.id, "at": message.at, "subject": message.subject, "body": message.body()}
        for message in messages
    ]
    if rows:
        # In the order of their key, so that two runs never wait for each other.
        rows.sort(key=lambda row: str(row["message_id"]))
        connection.execute(insert(table).values(rows).on_conflict_do_nothing())


def claim_untold(connection: Connection, at: datetime) -> list[Untold]:
    """Claim the oldest messages that nobody else has in hand; commit before publishing them."""
    free = table.c.claimed_at.is_(None) | (table.c.claimed_at <= at - CLAIM_LASTS)
    rows = connection.execute(
        select(table.c.message_id, table.c.subject, table.c.body)
        .where(table.c.told_at.is_(None), free)
        .order_by(table.c.at, table.c.message_id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    claimed = [Untold(*row) for row in rows]
    mine = table.c.message_id.in_([message.message_id for message in claimed])
    connection.execute(table.update().where(mine).values(claimed_at=at))
    return claimed


def note_told(connection: Connection, message_id: str, at: datetime) -> None:
    """Note that SNS took a message: nobody sends it again."""
    connection.execute(table.update().where(table.c.message_id == message_id).values(told_at=at))


def give_back(connection: Connection, message_ids: Iterable[str]) -> None:
    """Give up claims whose publishing failed, so that the next look needn't wait for them to lapse."""
    mine = table.c.message_id.in_(list(message_ids)) & table.c.told_at.is_(None)
    connection.execute(table.update().where(mine).values(claimed_at=None))
