"""Derive a similarity scale from faces of known people.

What a similarity promises is set by strangers: 80 is the distance at which 1 % of strangers would be taken
for somebody enrolled, 99 that at which 1 in 10,000 would. "Taken for" means nearest-person distance in a
gallery of one photo of everyone else (1:N); its distribution over strangers is fitted by a normal one,
because no folder of test photos holds 10,000 strangers. How many of the enrolled such thresholds then
recognise (TPIR) is measured, not chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from gatehouse_local.engine.scale import Scale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

# Similarity and the share of strangers that it would let pass, extrapolated by the normal fit.
ANCHORS = ((80.0, 0.01), (99.0, 0.0001))
REPORTED = (80, 90, 95, 99)
_LEAST_PEOPLE = 8
_DRAWS = 20


class CalibrationError(ValueError):
    """Refuse a set of faces that can't bear a scale."""


@dataclass(frozen=True, slots=True)
class Trials:
    """Distances measured: stranger to the nearest enrolled person, person to their own other photos."""

    people: int
    photos: int
    stranger_nearest: NDArray[np.float64]
    genuine: NDArray[np.float64]
    impostor_pairs: int


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares at a similarity threshold: `tpir` of genuine pairs and `fpir` of strangers accepted."""

    similarity: int
    distance: float
    tpir: float | None
    fpir: float


def run_trials(vectors: Mapping[str, NDArray[np.float32]], *, seed: int = 7) -> Trials:
    """Let every photo be a stranger to galleries of one random photo of each other person.

    `vectors` maps a person to an array of one row a photo. Each photo meets 20 galleries, drawn by `seed`.
    """
    names = sorted(name for name, rows in vectors.items() if len(rows))
    if len(names) < _LEAST_PEOPLE:
        raise CalibrationError(
            f"faces of {len(names)} people were found, {_LEAST_PEOPLE} are needed: no scale was derived"
        )
    random = np.random.default_rng(seed)
    nearest: list[float] = []
    genuine: list[float] = []
    for name in names:
        others = [other for other in names if other != name]
        for probe in vectors[name]:
            for _ in range(_DRAWS):
                gallery = np.stack([vectors[other][random.integers(len(vectors[other]))] for other in others])
                nearest.append(float(np.linalg.norm(gallery - probe, axis=1).min()))
        genuine.extend(_pair_distances(vectors[name]))
    photos = sum(len(vectors[name]) for name in names)
    pairs = photos * (photos - 1) // 2 - len(genuine)
    return Trials(len(names), photos, np.array(nearest), np.array(genuine), pairs)


def fit_scale(name: str, trials: Trials) -> Scale:
    """Lay the scale through the anchors."""
    mean, deviation = float(trials.stranger_nearest.mean()), float(trials.stranger_nearest.std(ddof=1))
    strangers = NormalDist(mean, max(deviation, 1e-6))
    first, second = ((strangers.inv_cdf(share), similarity) for similarity, share in ANCHORS)
    return Scale.through(name, first, second)


def measure(scale: Scale, trials: Trials) -> list[Rates]:
    """Return the rates at the reported similarities; TPIR is None without a second photo of anyone."""
    return [_rates(scale, trials, similarity) for similarity in REPORTED]


def _rates(scale: Scale, trials: Trials, similarity: int) -> Rates:
    distance = scale.distance(similarity)
    tpir = float((trials.genuine <= distance).mean()) if len(trials.genuine) else None
    return Rates(similarity, distance, tpir, float((trials.stranger_nearest <= distance).mean()))


def _pair_distances(rows: NDArray[np.float32]) -> Sequence[float]:
    return [
        float(np.linalg.norm(rows[first] - rows[second]))
        for first in range(len(rows))
        for second in range(first + 1, len(rows))
    ]
