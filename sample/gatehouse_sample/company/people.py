"""Say who is in the company and how they look, wherever the pictures come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse_sample.errors import CompanyError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Person:
    """Hold one person: photos to enrol (JPEG files) and cut-outs shown in videos (RGBA pictures)."""

    person_id: str
    photos: tuple[Path, ...]
    looks: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class ProbePair:
    """Hold the two whom only the probe clip shows: one is enrolled in every office, one nowhere."""

    enrolled: Person
    stranger: Person


@dataclass(frozen=True, slots=True)
class Cast:
    """Hold the company's people; `without_consent` are employees who are never enrolled nor filmed.

    `people` tells where the faces come from, `similarity_scale` which scale of the local engine fits them.
    """

    people: str
    similarity_scale: str
    employees: tuple[Person, ...]
    without_consent: tuple[Person, ...]
    strangers: tuple[Person, ...]
    probe: ProbePair | None = None


def drawn_cast(pictures: Path) -> Cast:
    """Return the people that `gatehouse_sample.people.draw` drew; the last employee gives no consent."""
    employees = [_drawn(folder) for folder in _folders(pictures / "employee")]
    strangers = [_drawn(folder) for folder in _folders(pictures / "stranger")]
    (enrolled,), (unknown,) = (
        [_drawn(folder) for folder in _folders(pictures / role)]
        for role in ("probe_employee", "probe_stranger")
    )
    return Cast(
        "drawn",
        "drawn-people",
        tuple(employees[:-1]),
        tuple(employees[-1:]),
        tuple(strangers),
        ProbePair(enrolled, unknown),
    )


def _folders(role: Path) -> list[Path]:
    """Return a role's people."""
    folders = sorted(path for path in role.iterdir() if path.is_dir()) if role.is_dir() else []
    if not folders:
        raise CompanyError(f"{role}: nobody is drawn; run `python -m gatehouse_sample.people.draw` first")
    return folders


def _drawn(folder: Path) -> Person:
    """Find one drawn person's pictures."""
    return Person(
        folder.name, tuple(sorted(folder.glob("photo-*.jpg"))), tuple(sorted(folder.glob("video-*.webp")))
    )
