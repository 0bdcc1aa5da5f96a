"""Deleting a collection leaves no face in the ledger, and a receipt for each person in it, once."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from gatehouse.ledger import people, retired
from gatehouse.ledger.tables import hold, receipt
from gatehouse.roster.diff import DesiredFace
from gatehouse.roster.model import COLUMNS, parse_roster

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BERLIN = "gatehouse-berlin-g1"
numbers = count()


def new_id() -> str:
    return f"id{next(numbers)}"


@pytest.fixture
def enrolled(connection: Connection) -> dict[str, str]:
    """Enrol E1 in two offices and E2 in one, plan E3, and return their ids."""
    rows = [
        f"E{n},active,berlin,2020-01-01,,day,{n}.jpg,2025-01-01T00:00:00Z,v1,,employee" for n in (1, 2, 3)
    ]
    entries = parse_roster("\n".join([",".join(COLUMNS), *rows]) + "\n").entries
    people.record_people(connection, entries, new_id, NOON)
    faces = [DesiredFace("berlin", f"E{n}", f"{n}.jpg", "a") for n in (1, 2, 3)]
    people.plan_index(connection, [*faces, DesiredFace("tokyo", "E1", "1.jpg", "a")], new_id, NOON)
    ids = {}
    for office in ("berlin", "tokyo"):
        for task in people.faces_to_index(connection, office):
            employee = f"E{task.s3_key[0]}"
            ids[employee] = task.person_id
            if employee != "E3":
                people.mark_indexed(
                    connection,
                    office,
                    task,
                    face_id=f"{office}-{employee}",
                    model_version="7",
                    sha256="00",
                    at=NOON,
                )
    return ids


def close(connection: Connection, held: dict[str, str]) -> None:
    retired.close_collection(connection, "berlin", BERLIN, held, "run-1", new_id, NOON)


def test_everybody_gets_one_receipt_and_no_face_is_left(
    connection: Connection, enrolled: dict[str, str]
) -> None:
    held = {"berlin-E1": enrolled["E1"], "berlin-E2": enrolled["E2"], "lost": "stranger"}
    retired.doom_collection(connection, BERLIN, NOON)
    close(connection, held)
    close(connection, held)
    states = {(face.face.employee_id, face.state) for face in people.ledger_faces(connection, ["berlin"])}
    assert states == {("E1", "deleted"), ("E2", "deleted"), ("E3", "deleted")}
    told = {row.person_id: row.detail["face_ids"] for row in connection.execute(select(receipt))}
    assert told == {
        enrolled["E1"]: ["berlin-E1"],
        enrolled["E2"]: ["berlin-E2"],
        enrolled["E3"]: ["never indexed"],
        "stranger": ["lost"],
    }
    assert len(connection.execute(select(receipt)).all()) == 4


def test_who_is_enrolled_elsewhere_is_not_forgotten(connection: Connection, enrolled: dict[str, str]) -> None:
    retired.doom_collection(connection, BERLIN, NOON)
    close(connection, {})
    told = retired.people_with_receipt(connection, "run-1", BERLIN)
    assert retired.enrolled_nowhere(connection, told) == {enrolled["E2"], enrolled["E3"]}
    assert people.enrolled_kinds(connection, ["tokyo"]) == {enrolled["E1"]: "employee"}


def test_people_under_legal_hold_are_counted_until_it_is_released(
    connection: Connection, enrolled: dict[str, str]
) -> None:
    placed = {"hold_id": "h", "person_id": enrolled["E2"], "reason": "court", "placed_at": NOON}
    connection.execute(hold.insert(), [placed])
    assert retired.people_on_hold(connection, "berlin") == 1
    assert retired.people_on_hold(connection, "tokyo") == 0
    connection.execute(hold.update().values(released_at=NOON))
    assert retired.people_on_hold(connection, "berlin") == 0
