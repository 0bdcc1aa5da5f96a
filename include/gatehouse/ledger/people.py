"""Remember people, their photos and what became of their faces.

Indexing and deleting go through states, so that a crash between AWS's answer and the ledger's write is
healed by the next run: planned → indexed or quarantined, doomed → deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import and_, func, select
from sqlalchemy.dialects.postgresql import insert

from gatehouse.ledger.tables import consent, face, permission, person, photo, receipt
from gatehouse.office import naming
from gatehouse.roster.diff import DesiredFace, LedgerFace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from gatehouse.ingest.snapshot import Kind
    from gatehouse.roster.model import RosterEntry


@dataclass(frozen=True, slots=True)
class FaceTask:
    """Name one face to index or delete, without saying whose it is."""

    photo_id: str
    person_id: str
    s3_key: str
    face_id: str | None
    etag: str = ""


def record_people(
    connection: Connection, entries: Iterable[RosterEntry], new_id: Callable[[], str], at: datetime
) -> None:
    """Record everyone of the roster, with consent and permissions; known people keep their id."""
    for entry in entries:
        facts = {
            "kind": entry.kind,
            "status": entry.status,
            "permission_profile": entry.permission_profile,
            "updated_at": at,
        }
        person_id = connection.execute(
            insert(person)
            .values(person_id=new_id(), employee_id=entry.employee_id, **facts)
            .on_conflict_do_update(index_elements=["employee_id"], set_=facts)
            .returning(person.c.person_id)
        ).scalar_one()
        _record_consent(connection, person_id, entry)
        _record_permissions(connection, person_id, entry)


def _record_consent(connection: Connection, person_id: str, entry: RosterEntry) -> None:
    if entry.consent_given_at is None:
        return
    key = {
        "person_id": person_id,
        "text_version": entry.consent_text_version,
        "given_at": entry.consent_given_at,
    }
    withdrawn = {"withdrawn_at": entry.consent_withdrawn_at}
    connection.execute(
        insert(consent)
        .values(**key, **withdrawn)
        .on_conflict_do_update(index_elements=list(key), set_=withdrawn)
    )


def _record_permissions(connection: Connection, person_id: str, entry: RosterEntry) -> None:
    connection.execute(permission.delete().where(permission.c.person_id == person_id))
    rows = [
        {"person_id": person_id, "office": office, "profile": entry.permission_profile}
        for office in dict.fromkeys(entry.offices)
    ]
    if rows:
        connection.execute(permission.insert(), rows)


def ledger_faces(connection: Connection, offices: Collection[str]) -> list[LedgerFace]:
    """Return every face the ledger remembers in these offices, with whose it is."""
    rows = connection.execute(
        select(
            face.c.office, person.c.employee_id, photo.c.s3_key, photo.c.etag, face.c.state, face.c.face_id
        )
        .select_from(face.join(photo, face.c.photo_id == photo.c.photo_id).join(person))
        .where(face.c.office.in_(offices))
    )
    return [
        LedgerFace(DesiredFace(row.office, row.employee_id, row.s3_key, row.etag), row.state, row.face_id)
        for row in rows
    ]


def plan_index(
    connection: Connection, faces: Iterable[DesiredFace], new_id: Callable[[], str], at: datetime
) -> None:
    """Mark faces to be indexed; a photo already known keeps its id."""
    for wanted in faces:
        person_id = _person_id(connection, wanted.employee_id)
        key = {"person_id": person_id, "s3_key": wanted.photo_key, "etag": wanted.etag}
        photo_id = connection.execute(
            insert(photo)
            .values(photo_id=new_id(), state="usable", updated_at=at, **key)
            .on_conflict_do_update(index_elements=list(key), set_={"updated_at": at})
            .returning(photo.c.photo_id)
        ).scalar_one()
        planned = {"state": "planned", "updated_at": at}
        connection.execute(
            insert(face)
            .values(
                office=wanted.office,
                collection_id=naming.collection_id(wanted.office),
                photo_id=photo_id,
                person_id=person_id,
                **planned,
            )
            .on_conflict_do_update(index_elements=["collection_id", "photo_id"], set_=planned)
        )


def plan_delete(connection: Connection, faces: Iterable[DesiredFace], at: datetime) -> None:
    """Mark faces to be deleted."""
    for unwanted in faces:
        photos = (
            select(photo.c.photo_id)
            .join(person)
            .where(
                person.c.employee_id == unwanted.employee_id,
                photo.c.s3_key == unwanted.photo_key,
                photo.c.etag == unwanted.etag,
            )
        )
        connection.execute(
            face.update()
            .where(face.c.office == unwanted.office, face.c.photo_id.in_(photos))
            .values(state="doomed", updated_at=at)
        )


def _person_id(connection: Connection, employee_id: str) -> str:
    query = select(person.c.person_id).where(person.c.employee_id == employee_id)
    return cast("str", connection.execute(query).scalar_one())


def faces_to_index(connection: Connection, office: str) -> list[FaceTask]:
    """Return the faces of an office that wait to be indexed."""
    return _tasks(connection, _tasks_in(office, "planned"))


def faces_to_delete(connection: Connection, office: str) -> list[FaceTask]:
    """Return the faces of an office that wait to be deleted; some may never have reached AWS."""
    return _tasks(connection, _tasks_in(office, "doomed"))


def _tasks_in(office: str, state: str) -> Select[Any]:
    return (
        select(face.c.photo_id, face.c.person_id, photo.c.s3_key, face.c.face_id, photo.c.etag)
        .join(photo, face.c.photo_id == photo.c.photo_id)
        .where(face.c.office == office, face.c.state == state)
        .order_by(face.c.photo_id)
    )


def _tasks(connection: Connection, query: Select[Any]) -> list[FaceTask]:
    return [
        FaceTask(row.photo_id, row.person_id, row.s3_key, row.face_id, row.etag)
        for row in connection.execute(query)
    ]


def mark_indexed(
    connection: Connection,
    office: str,
    task: FaceTask,
    *,
    face_id: str,
    model_version: str,
    sha256: str,
    at: datetime,
) -> None:
    """Record that AWS stored a face."""
    connection.execute(
        face.update()
        .where(face.c.office == office, face.c.photo_id == task.photo_id)
        .values(state="indexed", face_id=face_id, model_version=model_version, updated_at=at)
    )
    connection.execute(photo.update().where(photo.c.photo_id == task.photo_id).values(sha256=sha256))


def quarantine(connection: Connection, office: str, task: FaceTask, reason: str, at: datetime) -> None:
    """Set a photo aside: it isn't tried again until its content changes."""
    connection.execute(
        photo.update()
        .where(photo.c.photo_id == task.photo_id)
        .values(state="quarantined", reason=reason, updated_at=at)
    )
    connection.execute(
        face.update()
        .where(face.c.office == office, face.c.photo_id == task.photo_id)
        .values(state="quarantined", updated_at=at)
    )


def mark_deleted(
    connection: Connection,
    office: str,
    tasks: Collection[FaceTask],
    run_id: str,
    new_id: Callable[[], str],
    at: datetime,
    orphans: Mapping[str, str] | None = None,
) -> None:
    """Record that AWS no longer has these faces, with a receipt for each person.

    `orphans` are `{face id: person id}` deleted along with them, that the ledger didn't know.
    """
    if not tasks:
        return
    forget(connection, office, tasks, at)
    found: dict[str, list[str]] = {}
    for face_id, person_id in sorted((orphans or {}).items()):
        found.setdefault(person_id, []).append(face_id)
    faces: dict[str, list[str]] = {}
    for task in tasks:
        mine = faces.setdefault(task.person_id, [])
        # Where an orphan was found, nobody can say any more which photo it was of.
        if task.face_id or task.person_id not in found:
            mine.append(task.face_id or "never indexed")
    connection.execute(
        receipt.insert(),
        [
            {
                "receipt_id": new_id(),
                "person_id": person_id,
                "office": office,
                "deed": "faces deleted",
                "run_id": run_id,
                "detail": {"face_ids": face_ids}
                | ({"orphans": found[person_id]} if person_id in found else {}),
                "at": at,
            }
            for person_id, face_ids in sorted(faces.items())
        ],
    )


def forget(connection: Connection, office: str, tasks: Iterable[FaceTask], at: datetime) -> None:
    """Record that doomed photos have no face here any more."""
    photos = [task.photo_id for task in tasks]
    connection.execute(
        face.update()
        .where(and_(face.c.office == office, face.c.photo_id.in_(photos), face.c.state == "doomed"))
        .values(state="deleted", face_id=None, updated_at=at)
    )


def enrolled_kinds(connection: Connection, offices: Collection[str]) -> dict[str, Kind]:
    """Return `{person_id: kind}` of everyone with a face indexed in one of these offices."""
    rows = connection.execute(
        select(person.c.person_id, person.c.kind)
        .join(face, face.c.person_id == person.c.person_id)
        .where(face.c.office.in_(offices), face.c.state == "indexed")
        .distinct()
    )
    return {row.person_id: row.kind for row in rows}


def enrolled_person(connection: Connection, employee_id: str, office: str) -> str | None:
    """Return the opaque id of an employee with a face indexed in an office; None without one."""
    return connection.execute(
        select(person.c.person_id)
        .join(face, face.c.person_id == person.c.person_id)
        .where(person.c.employee_id == employee_id, face.c.office == office, face.c.state == "indexed")
        .limit(1)
    ).scalar()


def unfinished(connection: Connection, offices: Collection[str]) -> Mapping[tuple[str, str], int]:
    """Count the faces still planned or doomed, by office and state."""
    rows = connection.execute(
        select(face.c.office, face.c.state, func.count())
        .where(face.c.office.in_(offices), face.c.state.in_(["planned", "doomed"]))
        .group_by(face.c.office, face.c.state)
    )
    return {(office, state): count for office, state, count in rows}
