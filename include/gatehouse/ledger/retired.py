"""Remember the end of a whole face collection: every face it held is gone, and each person has a receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from gatehouse.ledger.tables import face, hold, receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

DEED = "faces deleted"


def people_on_hold(connection: Connection, office: str) -> int:
    """Count the people under legal hold with a face in an office."""
    query = (
        select(func.count(face.c.person_id.distinct()))
        .join(hold, hold.c.person_id == face.c.person_id)
        .where(face.c.office == office, face.c.state.in_(["indexed", "doomed"]), hold.c.released_at.is_(None))
    )
    return int(connection.execute(query).scalar_one())


def doom_collection(connection: Connection, collection_id: str, at: datetime) -> None:
    """Mark every face of a collection to be deleted; commit before deleting it."""
    connection.execute(
        face.update()
        .where(face.c.collection_id == collection_id, face.c.state.in_(["planned", "indexed"]))
        .values(state="doomed", updated_at=at)
    )


def close_collection(
    connection: Connection,
    office: str,
    collection_id: str,
    held: Mapping[str, str],
    run_id: str,
    new_id: Callable[[], str],
    at: datetime,
) -> None:
    """Record that AWS no longer has a collection, with a receipt for each person in it; once a run.

    `held` is `{face id: person id}` as AWS listed it before: faces that the ledger doesn't know are among
    them. Quarantined photos stay quarantined: they never had a face there.
    """
    doomed = (face.c.collection_id == collection_id) & (face.c.state == "doomed")
    rows = connection.execute(select(face.c.person_id, face.c.face_id).where(doomed)).all()
    faces: dict[str, set[str]] = {row.person_id: set() for row in rows}
    for row in rows:
        faces[row.person_id] |= {row.face_id} if row.face_id else set()
    for face_id, person_id in held.items():
        faces.setdefault(person_id, set()).add(face_id)
    connection.execute(face.update().where(doomed).values(state="deleted", face_id=None, updated_at=at))
    told = set(people_with_receipt(connection, run_id, collection_id))
    receipts = [
        {
            "receipt_id": new_id(),
            "person_id": person_id,
            "office": office,
            "deed": DEED,
            "run_id": run_id,
            "detail": {"collection": collection_id, "face_ids": sorted(face_ids) or ["never indexed"]},
            "at": at,
        }
        for person_id, face_ids in sorted(faces.items())
        if person_id not in told
    ]
    if receipts:
        connection.execute(receipt.insert(), receipts)


def people_with_receipt(connection: Connection, run_id: str, collection_id: str) -> list[str]:
    """Return whose faces a run deleted with a collection."""
    rows = connection.execute(
        select(receipt.c.person_id, receipt.c.detail).where(
            receipt.c.run_id == run_id, receipt.c.deed == DEED
        )
    )
    return [row.person_id for row in rows if row.detail.get("collection") == collection_id]


def enrolled_nowhere(connection: Connection, people: Collection[str]) -> set[str]:
    """Return those of some people who have no face in any collection."""
    rows = connection.execute(select(face.c.person_id).where(face.c.state == "indexed").distinct())
    return set(people) - set(rows.scalars())
