"""Decide which faces of an office may be deleted while others of it are being indexed.

Deleting and indexing an office run side by side, and AWS stores the same picture of a person only once:
a face that looks left over may be the one that was indexed a moment ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse.roster.diff import orphans

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from gatehouse.ledger.people import FaceTask
    from gatehouse.roster.diff import LedgerFace


@dataclass(frozen=True, slots=True)
class Deletions:
    """Hold what to delete now, and whom to leave alone until their photos are indexed.

    `moved` are faces that another photo of the ledger holds by now: their photo is forgotten, AWS keeps
    the face. `orphans` are `{face id: person id}`, of people with a photo in `delete`.
    """

    delete: tuple[FaceTask, ...]
    moved: tuple[FaceTask, ...]
    orphans: dict[str, str]
    waiting: frozenset[str]

    @property
    def face_ids(self) -> list[str]:
        """Return every face AWS shall delete."""
        return [task.face_id for task in self.delete if task.face_id] + list(self.orphans)


def people_of_lost_faces(doomed: Iterable[FaceTask]) -> frozenset[str]:
    """Return the people with a face of which AWS's answer, if there was one, never was written down."""
    return frozenset(task.person_id for task in doomed if task.face_id is None)


def decide_deletions(
    doomed: Collection[FaceTask],
    stored: Mapping[str, str],
    known: Collection[LedgerFace],
    planned: Collection[FaceTask],
) -> Deletions:
    """Decide what to delete; a face that this run indexed is never among it.

    `stored` is `{face id: person id}` as AWS lists it, and must be read before `known` and `planned`: a
    face indexed in between then either is in the ledger, or its photo still counts as planned.
    """
    left = orphans(stored, {face.face_id or "" for face in known}, people_of_lost_faces(doomed))
    contents = {(task.person_id, task.etag) for task in planned}
    waiting = {stored[face_id] for face_id in left} & {task.person_id for task in planned}
    waiting |= {task.person_id for task in doomed if (task.person_id, task.etag) in contents}
    held = {face.face_id for face in known if face.state == "indexed"}
    ready = [task for task in doomed if task.person_id not in waiting]
    return Deletions(
        delete=tuple(task for task in ready if task.face_id is None or task.face_id not in held),
        moved=tuple(task for task in ready if task.face_id is not None and task.face_id in held),
        orphans={face_id: stored[face_id] for face_id in left if stored[face_id] not in waiting},
        waiting=frozenset(waiting),
    )
