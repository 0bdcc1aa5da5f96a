"""People keep their opaque ids; faces go planned → indexed → doomed → deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from gatehouse.ledger import people
from gatehouse.ledger.tables import person, photo, receipt
from gatehouse.roster.diff import DesiredFace
from gatehouse.roster.model import COLUMNS, RosterEntry, parse_roster

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROW = "E1,active,berlin,2020-01-01,,day,1.jpg,2025-01-01T00:00:00Z,v1,,employee"
FACE = DesiredFace("berlin", "E1", "1.jpg", "a")
numbers = count()


def new_id() -> str:
    return f"id{next(numbers)}"


def entries(row: str = ROW) -> tuple[RosterEntry, ...]:
    return parse_roster(",".join(COLUMNS) + "\n" + row + "\n").entries


@pytest.fixture
def known(connection: Connection) -> Connection:
    people.record_people(connection, entries(), new_id, NOON)
    people.plan_index(connection, [FACE], new_id, NOON)
    return connection


def index(connection: Connection) -> people.FaceTask:
    (task,) = people.faces_to_index(connection, "berlin")
    people.mark_indexed(connection, "berlin", task, face_id="f1", model_version="7", sha256="00", at=NOON)
    return task


def test_a_known_person_keeps_their_id(known: Connection) -> None:
    before = known.execute(select(person.c.person_id)).scalar_one()
    people.record_people(known, entries(ROW.replace("employee", "vip")), new_id, NOON)
    row = known.execute(select(person)).one()
    assert (row.person_id, row.kind) == (before, "vip")


def test_a_planned_face_is_indexed_and_published(known: Connection) -> None:
    task = index(known)
    assert people.faces_to_index(known, "berlin") == []
    assert [(item.face, item.state) for item in people.ledger_faces(known, ["berlin"])] == [(FACE, "indexed")]
    assert people.enrolled_kinds(known, ["berlin"]) == {task.person_id: "employee"}
    assert people.enrolled_kinds(known, ["tokyo"]) == {}


def test_planning_again_keeps_the_photo(known: Connection) -> None:
    task = index(known)
    people.plan_index(known, [FACE], new_id, NOON)
    (again,) = people.faces_to_index(known, "berlin")
    assert (again.photo_id, again.face_id) == (task.photo_id, "f1")


def test_a_deleted_face_leaves_a_receipt(known: Connection) -> None:
    index(known)
    people.plan_delete(known, [FACE], NOON)
    doomed = people.faces_to_delete(known, "berlin")
    assert people.unfinished(known, ["berlin"]) == {("berlin", "doomed"): 1}
    people.mark_deleted(known, "berlin", doomed, "run-1", new_id, NOON)
    assert people.unfinished(known, ["berlin"]) == {}
    row = known.execute(select(receipt)).one()
    assert (row.deed, row.detail, row.run_id) == ("faces deleted", {"face_ids": ["f1"]}, "run-1")


def test_a_receipt_lists_the_orphans_deleted_with_a_lost_face(known: Connection) -> None:
    people.plan_delete(known, [FACE], NOON)
    (lost,) = people.faces_to_delete(known, "berlin")
    people.mark_deleted(known, "berlin", [lost], "run-1", new_id, NOON, {"f7": lost.person_id})
    assert known.execute(select(receipt)).one().detail == {"face_ids": [], "orphans": ["f7"]}


def test_a_quarantined_photo_waits_for_new_content(known: Connection) -> None:
    (task,) = people.faces_to_index(known, "berlin")
    people.quarantine(known, "berlin", task, "shows no face", NOON)
    assert people.faces_to_index(known, "berlin") == []
    row = known.execute(select(photo)).one()
    assert (row.state, row.reason) == ("quarantined", "shows no face")


def test_an_enrolled_person_is_found_by_hr_s_id_where_they_are_enrolled(known: Connection) -> None:
    assert people.enrolled_person(known, "E1", "berlin") is None
    task = index(known)
    assert people.enrolled_person(known, "E1", "berlin") == task.person_id
    assert people.enrolled_person(known, "E1", "tokyo") is None
    assert people.enrolled_person(known, "E2", "berlin") is None
