"""Make the company's people from a folder of real photos.

    DIR/<identity>/*.jpg            and optionally   DIR/manifest.csv: identity,file,role,…

Who has several usable photos becomes an employee: the first ones are enrolled, the others are shown in the
video, so that no picture is both. The rest become strangers. A manifest's `role` (employee, non_employee)
decides instead where there is one. Ids in the company are numbers: no name leaves the folder, but to tell its
owner which files could not be used.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from gatehouse_sample.company.people import Cast, Person, ProbePair
from gatehouse_sample.errors import FacesError
from gatehouse_sample.people.engine import find_boxes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Say = Callable[[str], None]
    Refuse = Callable[[Path, str], None]

SUFFIXES = (".jpg", ".jpeg", ".png")
# What Pillow raises for files that are no pictures, broken, or absurdly large.
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
MAX_EMPLOYEES, MAX_STRANGERS = 14, 7
MAX_PHOTOS = 8
ENROLLED = 3
MIN_FACE = 60
"""Pixels across a face below which a photo isn't used."""
FACE_SIZE = 150
"""Pixels across a face as the videos show it."""
MAX_SIDE = 1000
_ROOM = 2.0
"""Side of the cut-out, in widths of the face."""
_FADE = 14
"""Pixels over which a cut-out's edges fade."""


@dataclass(frozen=True, slots=True)
class _Photo:
    """Hold a usable photo: its file and its only face's box (left, top, width) in pixels."""

    path: Path
    box: tuple[int, int, int]


def photographed_cast(folder: Path, looks: Path, say: Say, refuse: Refuse) -> Cast:
    """Choose employees and strangers from a folder of photos; cut-outs are written below `looks`.

    `refuse` is told of every file that was looked at and can't be used. Raises FacesError unless there
    are at least one employee with two usable photos and one stranger.
    """
    candidates = _identities(folder, refuse)
    roles = _roles(folder / "manifest.csv")
    employees: list[list[_Photo]] = []
    strangers: list[list[_Photo]] = []
    for name in sorted(candidates, key=lambda name: -len(candidates[name])):
        role = roles.get(name) or ("employee" if len(candidates[name]) > 1 else "non_employee")
        chosen, needed, most = (
            (employees, 2, MAX_EMPLOYEES) if role == "employee" else (strangers, 1, MAX_STRANGERS)
        )
        if len(chosen) >= most:
            continue
        photos = _usable(candidates[name], refuse)
        if len(photos) >= needed:
            chosen.append(photos)
        else:
            refuse(folder / name, f"{len(photos)} usable photos; as {role} it takes {needed}")
        say(f"{len(employees)} of {MAX_EMPLOYEES} employees, {len(strangers)} of {MAX_STRANGERS} strangers")
    if not employees or not strangers:
        raise FacesError(
            f"{folder}: at least one person with two usable photos (an employee) and one more with one (a "
            f"stranger) are needed; found {len(employees)} and {len(strangers)} in {len(candidates)} "
            f"folders. Usable is a photo of one frontal face, {MIN_FACE} pixels wide or more. Nothing was "
            "made; add photos, or leave GATEHOUSE_FACES unset for the drawn people"
        )
    known = [_employee(number, photos, looks) for number, photos in enumerate(employees)]
    unknown = [_stranger(number, photos, looks) for number, photos in enumerate(strangers)]
    # A probe's two are in no film, so the company must be able to spare them.
    spared = len(known) > 1 and len(unknown) > 1
    pair = ProbePair(known.pop(), unknown.pop()) if spared else None
    return Cast("photos", "real-faces", tuple(known), (), tuple(unknown), pair)


def _identities(folder: Path, refuse: Refuse) -> dict[str, list[Path]]:
    """List every identity's photos."""
    if not folder.is_dir():
        raise FacesError(f"{folder}: no such folder; GATEHOUSE_FACES names one with DIR/<identity>/*.jpg")
    return {child.name: _photos(child, refuse) for child in sorted(folder.iterdir()) if child.is_dir()}


def _photos(folder: Path, refuse: Refuse) -> list[Path]:
    """List one identity's photos, by name."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    for path in files:
        if path.suffix.lower() not in SUFFIXES:
            refuse(path, f"not a photo by its name, which ends in none of {', '.join(SUFFIXES)}")
    return [path for path in files if path.suffix.lower() in SUFFIXES]


def _roles(manifest: Path) -> dict[str, str]:
    """Read the roles a manifest gives to identities."""
    if not manifest.is_file():
        return {}
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["identity"]: row["role"] for row in rows if row.get("identity") and row.get("role")}


def _usable(paths: Sequence[Path], refuse: Refuse) -> list[_Photo]:
    """Return the photos that show exactly one face, large enough."""
    photos: list[_Photo] = []
    for path in paths:
        if len(photos) == MAX_PHOTOS:
            break
        try:
            boxes = find_boxes(np.asarray(_read(path)))
        except _UNREADABLE as error:
            refuse(path, f"it can't be read: {error}")
            continue
        why = _unfit(boxes)
        if why:
            refuse(path, why)
        else:
            photos.append(_Photo(path, boxes[0]))
    return photos


def _unfit(boxes: Sequence[tuple[int, int, int]]) -> str:
    """Say why a photo with these faces isn't used; empty if it is."""
    if len(boxes) != 1:
        return f"{len(boxes) or 'no'} frontal faces found, one is needed"
    width = boxes[0][2]
    return f"its face is {width} pixels wide, {MIN_FACE} are needed" if width < MIN_FACE else ""


def _read(path: Path) -> Image.Image:
    """Read a photo upright and no larger than needed."""
    with Image.open(path) as file:
        picture = ImageOps.exif_transpose(file).convert("RGB")
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    return picture


def _employee(number: int, photos: list[_Photo], looks: Path) -> Person:
    """Enrol some photos of a person and show the others."""
    person_id = f"E{1001 + 37 * number}"
    enrolled = min(ENROLLED, len(photos) // 2)
    shown = _cut_outs(looks / person_id, photos[enrolled:])
    return Person(person_id, _portraits(looks / person_id, photos[:enrolled]), shown)


def _stranger(number: int, photos: list[_Photo], looks: Path) -> Person:
    """Show all photos of a person who is nowhere enrolled."""
    person_id = f"S{number + 1:02}"
    return Person(person_id, (), _cut_outs(looks / person_id, photos))


def _portraits(folder: Path, photos: Sequence[_Photo]) -> tuple[Path, ...]:
    """Write photos to enrol as JPEG, upright and of bearable size, whatever they were."""
    paths = []
    for number, photo in enumerate(photos, 1):
        path = folder / f"photo-{number}.jpg"
        _read(photo.path).save(path, "JPEG", quality=95)
        paths.append(path)
    return tuple(paths)


def _cut_outs(folder: Path, photos: Sequence[_Photo]) -> tuple[Path, ...]:
    """Cut faces out with soft edges at the size the videos show."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, photo in enumerate(photos, 1):
        path = folder / f"{number}.webp"
        Image.fromarray(_cut_out(_read(photo.path), photo.box)).save(path, "WEBP", quality=92)
        paths.append(path)
    return tuple(paths)


def _cut_out(picture: Image.Image, box: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Crop around a face, scale it to FACE_SIZE and fade the edges."""
    left, top, width = box
    half = _ROOM * width / 2
    middle_x, middle_y = left + width / 2, top + width / 2
    crop = (middle_x - half, middle_y - half * 1.1, middle_x + half, middle_y + half * 1.1)
    side = round(_ROOM * FACE_SIZE)
    size = (side, round(side * 1.1))
    face = picture.transform(size, Image.Transform.EXTENT, crop, Image.Resampling.BICUBIC)
    inside = Image.new("L", picture.size, 255).transform(size, Image.Transform.EXTENT, crop)
    cover = Image.new("L", size, 0)
    fade = (_FADE, _FADE, size[0] - _FADE, size[1])
    cover.paste(inside.crop(fade), fade)
    soft = np.minimum(np.asarray(inside), np.asarray(cover.filter(ImageFilter.GaussianBlur(_FADE / 2))))
    return np.dstack([np.asarray(face), soft]).astype(np.uint8)
