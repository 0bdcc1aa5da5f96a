"""Compare who shall be enrolled where with what the ledger and AWS have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from gatehouse.roster.model import Roster

FaceState = Literal["planned", "indexed", "doomed", "deleted", "quarantined"]


@dataclass(frozen=True, slots=True, order=True)
class DesiredFace:
    """Want one photo's face in one office's collection; `etag` names the photo's content."""

    office: str
    employee_id: str
    photo_key: str
    etag: str


@dataclass(frozen=True, slots=True)
class LedgerFace:
    """Remember what became of one photo in one office; `face_id` is None until AWS gave one."""

    face: DesiredFace
    state: FaceState
    face_id: str | None = None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Hold who shall be enrolled, who not and why, and what must be left alone for lack of knowledge.

    `unknown_people` and `unknown_photos` (employee id, key) may be neither added nor removed: their
    row or photo can't be read today.
    """

    faces: frozenset[DesiredFace]
    reasons: dict[str, int]
    unknown_people: frozenset[str]
    unknown_photos: frozenset[tuple[str, str]]
    absence_proves_nothing: bool


@dataclass(frozen=True, slots=True)
class FaceChanges:
    """Hold what to index and what to delete; both sorted."""

    index: tuple[DesiredFace, ...]
    delete: tuple[DesiredFace, ...]

    def of(self, office: str) -> FaceChanges:
        """Return one office's part."""
        return FaceChanges(
            tuple(face for face in self.index if face.office == office),
            tuple(face for face in self.delete if face.office == office),
        )

    def __bool__(self) -> bool:
        return bool(self.index or self.delete)


def desired_enrolment(
    roster: Roster, etags: Mapping[str, str], offices: Collection[str], at: datetime
) -> Enrolment:
    """Derive who shall be enrolled in these offices; `etags` are the photos in the bucket by key."""
    faces: set[DesiredFace] = set()
    reasons: dict[str, int] = {}
    lost: set[tuple[str, str]] = set()
    for entry in roster.entries:
        if reason := entry.why_not_enrolled(at):
            reasons[reason] = reasons.get(reason, 0) + 1
            continue
        for key in entry.photo_keys:
            if key not in etags:
                lost.add((entry.employee_id, key))
                reasons["photo is not in the bucket"] = reasons.get("photo is not in the bucket", 0) + 1
                continue
            here = (office for office in entry.offices if office in offices)
            faces.update(DesiredFace(office, entry.employee_id, key, etags[key]) for office in here)
    unknown = frozenset(row.employee_id for row in roster.rejected if row.employee_id)
    return Enrolment(frozenset(faces), reasons, unknown, frozenset(lost), roster.unnamed_rows)


def diff_faces(
    enrolment: Enrolment,
    listed: Collection[str],
    ledger: Iterable[LedgerFace],
    observed: Mapping[str, Collection[str]],
) -> FaceChanges:
    """Return what changes; syncing what was just synced changes nothing.

    `listed` are all employee ids of the roster, `observed` the face ids in each office's collection.
    A face the ledger believes indexed but AWS doesn't have is indexed again. A quarantined photo is
    tried again only when its content changes.
    """
    settled: set[DesiredFace] = set()
    delete: set[DesiredFace] = set()
    for entry in ledger:
        if entry.state == "quarantined" or (
            entry.state == "indexed" and entry.face_id in observed.get(entry.face.office, ())
        ):
            settled.add(entry.face)
        unwanted = entry.face not in enrolment.faces and entry.state in {"planned", "indexed", "doomed"}
        if unwanted and not _protected(enrolment, listed, entry.face):
            delete.add(entry.face)
    return FaceChanges(tuple(sorted(enrolment.faces - settled)), tuple(sorted(delete)))


def _protected(enrolment: Enrolment, listed: Collection[str], face: DesiredFace) -> bool:
    return (
        face.employee_id in enrolment.unknown_people
        or (face.employee_id, face.photo_key) in enrolment.unknown_photos
        or (enrolment.absence_proves_nothing and face.employee_id not in listed)
    )


def orphans(stored: Mapping[str, str], known: Collection[str], people: Collection[str]) -> tuple[str, ...]:
    """Return the faces AWS holds of these people that the ledger doesn't know.

    `stored` is `{face id: person id}`. Such a face is left when a run dies between AWS's answer to
    IndexFaces and the ledger's write.
    """
    return tuple(sorted(face for face, who in stored.items() if who in people and face not in known))
