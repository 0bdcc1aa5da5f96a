"""What operators are to be told is kept until somebody told it, and told by one at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gatehouse.alerts.operations import Message
from gatehouse.ledger.operations import (
    AT_ONCE,
    CLAIM_LASTS,
    add_messages,
    claim_untold,
    give_back,
    note_told,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def message(name: str, at: datetime = NOON, text: str = "it is blind") -> Message:
    return Message(name, "camera_alarm", at, f"{name} is blind", text, office="berlin", camera=name)


def claimed(connection: Connection, at: datetime = NOON) -> list[str]:
    return [untold.message_id for untold in claim_untold(connection, at)]


def test_a_message_is_kept_once_as_it_was_first_said(connection: Connection) -> None:
    add_messages(connection, [])
    add_messages(connection, [message("CAM_1")])
    add_messages(connection, [message("CAM_1", text="it is still blind"), message("CAM_2")])
    (first, second) = claim_untold(connection, NOON)
    assert (first.message_id, first.subject) == ("CAM_1", "Gatehouse: CAM_1 is blind")
    assert first.body == message("CAM_1").body()
    assert second.message_id == "CAM_2"


def test_the_oldest_are_claimed_first_and_by_one_only(connection: Connection) -> None:
    numbers = [f"{number:02}" for number in range(AT_ONCE + 1)]
    add_messages(connection, [message(name, NOON - int(name) * MINUTE) for name in numbers])
    assert claimed(connection) == numbers[:0:-1]
    assert claimed(connection) == numbers[:1]
    assert claimed(connection) == []


def test_what_was_told_is_told_no_more(connection: Connection) -> None:
    add_messages(connection, [message("CAM_1")])
    claimed(connection)
    note_told(connection, "CAM_1", NOON)
    give_back(connection, ["CAM_1"])
    add_messages(connection, [message("CAM_1")])
    assert claimed(connection, NOON + 2 * CLAIM_LASTS) == []


def test_a_claim_that_came_to_nothing_is_given_back_or_lapses(connection: Connection) -> None:
    add_messages(connection, [message("CAM_1")])
    assert claimed(connection) == ["CAM_1"]
    give_back(connection, ["CAM_1"])
    assert claimed(connection) == ["CAM_1"]
    assert claimed(connection, NOON + CLAIM_LASTS - MINUTE) == []
    assert claimed(connection, NOON + CLAIM_LASTS) == ["CAM_1"]


def test_two_who_claim_at_once_get_different_messages(engine: Engine) -> None:
    names = [f"{number:02}" for number in range(AT_ONCE + 3)]
    with engine.begin() as connection:
        add_messages(connection, [message(name) for name in names])
    try:
        with engine.begin() as one, engine.begin() as other:
            found = [claimed(one), claimed(other)]
        assert found == [names[:AT_ONCE], names[AT_ONCE:]]
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM operations_message")
