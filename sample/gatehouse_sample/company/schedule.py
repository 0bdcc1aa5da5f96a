"""Decide who walks past which camera when: the ground truth.

Every loop of a camera shows the same visits, one person at a time. The demo's judge allows three quarters of
a second around a visit, so even visits back to back leave two seconds between them; a stranger comes back
only 39 s later, past every alert window of 15 s and the one it suppresses. The loop is no longer than that
takes: whoever runs the demo waits for one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOOP_SECONDS = 48.0
VISIT_SECONDS = 9.0
GAP_SECONDS = 5.0
BACK_TO_BACK_SECONDS = 2.0
_FIRST, _LAST = 1.0, 10.0
"""Seconds into the loop at which a camera's first visit may start."""

Role = Literal["employee", "stranger"]


@dataclass(frozen=True, slots=True)
class Visit:
    """Hold one person's uninterrupted presence; seconds from the loop's start."""

    visit_id: str
    subject: str
    role: Role
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class CameraPlace:
    """Name a camera and where it hangs."""

    camera_id: str
    office: str
    zone: str


def assign_offices(employees: Sequence[str], places: Sequence[CameraPlace]) -> dict[str, tuple[str, ...]]:
    """Give every employee an office, in turn by camera so that bigger offices get more; some get two."""
    offices = list(dict.fromkeys(place.office for place in places))
    assigned: dict[str, tuple[str, ...]] = {}
    for index, employee in enumerate(employees):
        home = places[index % len(places)].office
        second = offices[(offices.index(home) + 1) % len(offices)]
        travels = index % 5 == 2 or len(employees) < len(places)
        assigned[employee] = (home, second) if travels and second != home else (home,)
    for number, office in enumerate(offices):
        if employees and not any(office in places for places in assigned.values()):
            who = employees[number % len(employees)]
            assigned[who] = (*assigned[who], office)
    return assigned


def plan_visits(
    places: Sequence[CameraPlace], offices: Mapping[str, Sequence[str]], strangers: Sequence[str]
) -> dict[str, tuple[Visit, ...]]:
    """Plan each camera's loop: two employees of its office (at home first) and a stranger."""
    met: dict[str, int] = {}
    plan = {}
    for index, place in enumerate(places):
        at_home = [who for who, where in offices.items() if where[0] == place.office]
        visiting = [who for who, where in offices.items() if place.office in where[1:]]
        pool = at_home + visiting
        turn = met.get(place.office, 0)
        met[place.office] = turn + 2
        subjects: list[tuple[str, Role]] = [(pool[(turn + n) % len(pool)], "employee") for n in (0, 1)]
        subjects.insert(index % 3, (strangers[index % len(strangers)], "stranger"))
        start = _FIRST + (_LAST - _FIRST) * index / max(len(places) - 1, 1)
        plan[place.camera_id] = _visits(place.camera_id, subjects, start, close=index == 1)
    return plan


def _visits(
    camera_id: str, subjects: Sequence[tuple[str, Role]], start: float, *, close: bool
) -> tuple[Visit, ...]:
    """Place visits one after the other; `close` leaves only the shortest gap before the second."""
    visits = []
    for number, (subject, role) in enumerate(subjects, 1):
        at = round(start, 2)
        visits.append(Visit(f"{camera_id}-v{number}", subject, role, at, at + VISIT_SECONDS))
        start += VISIT_SECONDS + (BACK_TO_BACK_SECONDS if close and number == 1 else GAP_SECONDS)
    return tuple(visits)


def truth(camera_id: str, fps: int, visits: Sequence[Visit]) -> dict[str, Any]:
    """Return what truth/<camera_id>.json says."""
    return {
        "camera_id": camera_id,
        "duration_s": LOOP_SECONDS,
        "fps": fps,
        "visits": [asdict(visit) for visit in visits],
    }
