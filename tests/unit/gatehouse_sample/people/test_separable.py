"""Hold the drawn people to what the sample company promises, on the face engine's own vectors.

Frames are what cameras film (scene, noise, walking size), photos are what is enrolled. The quick test looks
at one turned pose of everybody, the full one at every pose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from gatehouse_local.engine.scale import load_scale
from gatehouse_sample.company.people import drawn_cast
from gatehouse_sample.company.scene import Scene
from gatehouse_sample.company.schedule import Visit
from gatehouse_sample.company.walk import Walk, load_looks
from gatehouse_sample.people.draw import PICTURES
from gatehouse_sample.people.engine import faces

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from gatehouse_sample.company.people import Cast, Person

MIN_FACE_PIXELS = 100
MATCH = load_scale("drawn-people").distance(80.0)
"""Distance at which the local cloud takes two faces for one person."""
APART = MATCH + 0.04
"""Distance that any two people keep, whatever the poses."""


@dataclass(frozen=True)
class Measured:
    """Hold vectors by person, and how many frames showed no single face."""

    photos: dict[str, NDArray[np.float64]]
    frames: dict[str, NDArray[np.float64]]
    missed: int
    smallest: int


def film(person: Person, looks: Sequence[int]) -> list[NDArray[np.uint8]]:
    """Return one frame of a visit for each of some looks."""
    visit, pictures = Visit("v", person.person_id, "employee", 0.0, 9.0), load_looks(person.looks)
    walk, scene = Walk(visit, pictures, rightwards=True), Scene("CAM_TEST", "lobby")
    inside = np.clip((np.asarray(looks) + 0.5) * 9.0 / len(pictures), 0.9, 8.1)
    steps = [step for at in inside if (step := walk.at(float(at)))]
    return [scene.frame(step.picture, step.left, step.top) for step in steps]


def measure(cast: Cast, photos: slice, looks: Sequence[int]) -> Measured:
    """Embed photos of employees and frames of everybody who is filmed."""
    enrolled, seen, missed, smallest = {}, {}, 0, 1000
    assert cast.probe
    for person in (*cast.employees, *cast.without_consent, cast.probe.enrolled):
        enrolled[person.person_id] = np.stack([embed(path) for path in person.photos[photos]])
    for person in (*cast.employees, *cast.strangers, cast.probe.enrolled, cast.probe.stranger):
        found = [faces(frame) for frame in film(person, looks)]
        single = [one[0] for one in found if len(one) == 1]
        missed += len(found) - len(single)
        smallest = min([smallest, *(face.width for face in single)])
        seen[person.person_id] = np.stack([face.vector for face in single])
    return Measured(enrolled, seen, missed, smallest)


def embed(path: Path) -> NDArray[np.float64]:
    """Return the vector of a photo's only face."""
    (face,) = faces(np.asarray(Image.open(path).convert("RGB")))
    return face.vector


def check(measured: Measured) -> None:
    """Assert that everybody is found, matched to nobody else, and (95 %) matched to themselves."""
    assert measured.missed <= 0.02 * sum(map(len, measured.frames.values()))
    assert measured.smallest >= MIN_FACE_PIXELS
    own: list[float] = []
    others: list[float] = []
    for name, vectors in measured.frames.items():
        for enrolled, photos in measured.photos.items():
            distances = np.linalg.norm(vectors[:, None] - photos[None], axis=2)
            (own if name == enrolled else others).extend(distances.min(axis=1).tolist())
    everybody = [
        np.concatenate([vectors, measured.photos.get(name, vectors)])
        for name, vectors in measured.frames.items()
    ]
    between = [
        float(np.linalg.norm(a[:, None] - b[None], axis=2).min())
        for index, a in enumerate(everybody)
        for b in everybody[:index]
    ]
    print(
        f"own median {np.median(own):.3f} p95 {np.quantile(own, 0.95):.3f} max {max(own):.3f};"
        f" others min {min(others):.3f}; any two people {min(between):.3f}"
    )
    assert np.mean(np.array(own) <= MATCH) >= 0.95
    assert min(others) >= APART
    assert min(between) >= APART


def test_drawn_people_are_apart_and_recognised_in_one_pose() -> None:
    check(measure(drawn_cast(PICTURES), slice(1, 2), (6,)))


@pytest.mark.full
def test_drawn_people_are_apart_and_95_percent_recognised_in_every_pose() -> None:
    check(measure(drawn_cast(PICTURES), slice(0, 3), range(8)))


def test_there_are_enough_people_and_they_are_small_to_clone() -> None:
    cast = drawn_cast(PICTURES)
    assert len(cast.employees) >= 12
    assert all(len(person.photos) >= 3 for person in cast.employees)
    assert len(cast.strangers) >= 6
    assert sum(path.stat().st_size for path in PICTURES.rglob("*.*")) < 4_000_000
