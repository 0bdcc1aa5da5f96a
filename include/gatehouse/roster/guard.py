"""Stop deletions that look like a broken source, before the first write.

Counted in people, not faces: a new photo deletes a face but loses nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatehouse.roster.diff import DesiredFace, FaceChanges, LedgerFace

MAX_SHARE = 0.2
# Below this many people a share says nothing: two leavers of six are a normal week.
ALWAYS_ALLOWED = 3


@dataclass(frozen=True, slots=True)
class Guarded:
    """Hold the changes that may happen, and per office why its deletions may not."""

    stopped: dict[str, str]
    allowed: tuple[DesiredFace, ...]


def guard_deletions(
    changes: FaceChanges, faces: Iterable[DesiredFace], ledger: Iterable[LedgerFace], *, allow_many: bool
) -> Guarded:
    """Stop an office's deletions if it would lose too many of its people; all if the company would."""
    wanted = {(face.office, face.employee_id) for face in faces}
    enrolled = {(entry.face.office, entry.face.employee_id) for entry in ledger if entry.state == "indexed"}
    losing = {(face.office, face.employee_id) for face in changes.delete} - wanted
    lost = losing & enrolled
    offices = sorted({face.office for face in changes.delete})
    stopped = {}
    for office in offices:
        here = sum(name == office for name, _ in lost)
        of = sum(name == office for name, _ in enrolled)
        if not allow_many and _too_many(here, of):
            stopped[office] = _explain(f"office {office}", here, of)
    people_lost, people = len({who for _, who in lost}), len({who for _, who in enrolled})
    if not allow_many and _too_many(people_lost, people):
        stopped = dict.fromkeys(offices, _explain("the company", people_lost, people))
    return Guarded(stopped, tuple(face for face in changes.delete if face.office not in stopped))


def _too_many(lost: int, of: int) -> bool:
    return lost > ALWAYS_ALLOWED and lost > MAX_SHARE * of


def _explain(whose: str, lost: int, of: int) -> str:
    return (
        f"{lost} of {of} enrolled people of {whose} would be deleted, more than {MAX_SHARE:.0%}; "
        "none of them was. Check the roster's source; if this is meant, run again with allow_mass_delete"
    )
