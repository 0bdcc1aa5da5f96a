"""Turn the distance of two face vectors into a similarity from 0 to 100.

The scale is this engine's own, not Rekognition's: a 99 here and a 99 there are different promises. Each
file in `scales/` says how it was derived (`bench/calibrate_similarity.py`) and what it measured.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_SCALE = "real-faces"


class UnknownScaleError(LookupError):
    """Name a scale that no file describes, and those that exist."""


@dataclass(frozen=True, slots=True)
class Scale:
    """similarity = 100 / (1 + exp((distance - midpoint) / width))."""

    name: str
    midpoint: float
    width: float

    @classmethod
    def through(cls, name: str, first: tuple[float, float], second: tuple[float, float]) -> Scale:
        """Lay a scale through two (distance, similarity) points."""
        width = (second[0] - first[0]) / (_logit(second[1]) - _logit(first[1]))
        return cls(name, first[0] - width * _logit(first[1]), width)

    def similarity(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return similarities, element by element."""
        exponent = np.clip((distance - self.midpoint) / self.width, -60, 60)
        return 100 / (1 + np.exp(exponent))

    def distance(self, similarity: float) -> float:
        """Return the distance at which this similarity lies (0 < similarity < 100)."""
        return self.midpoint + self.width * _logit(similarity)


def _logit(similarity: float) -> float:
    """Return (distance - midpoint) / width at a similarity."""
    return math.log(100 / similarity - 1)


@cache
def load_scale(name: str = DEFAULT_SCALE) -> Scale:
    """Read `scales/<name>.json`."""
    folder = resources.files(__package__) / "scales"
    known = sorted(
        item.name.removesuffix(".json") for item in folder.iterdir() if item.name.endswith(".json")
    )
    if name not in known:
        raise UnknownScaleError(f"similarity_scale {name!r} is unknown: choose one of {known}")
    data = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return Scale(data["name"], float(data["midpoint"]), float(data["width"]))
