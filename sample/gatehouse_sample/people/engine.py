"""Measure faces as the local cloud's engine does: dlib's HOG detector, landmarks, 128-d vectors.

A second, independent user of the same weights: the drawn people are chosen and tested by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FoundFace:
    """Hold a face's box (pixels) and its vector; the distance between vectors tells people apart."""

    left: int
    top: int
    width: int
    height: int
    vector: NDArray[np.float64]


def faces(image: NDArray[np.uint8]) -> list[FoundFace]:
    """Return the faces of an RGB picture, largest first, found without upsampling."""
    detector, landmarks, network = _models()
    found = []
    for box in detector(image, 0):
        chip = landmarks(image, box)
        vector = np.asarray(network.compute_face_descriptor(image, chip), np.float64)
        found.append(FoundFace(box.left(), box.top(), box.width(), box.height(), vector))
    return sorted(found, key=lambda face: face.width, reverse=True)


def find_boxes(image: NDArray[np.uint8]) -> list[tuple[int, int, int]]:
    """Return left, top and width of the faces of an RGB picture; small ones too, so it is slower."""
    detector, _, _ = _models()
    return [(box.left(), box.top(), box.width()) for box in detector(image, 1)]


@cache
def _models() -> tuple[Any, Any, Any]:
    """Load detector, landmarks and network once (0.6 s)."""
    import dlib

    folder = _weights()
    return (
        dlib.get_frontal_face_detector(),
        dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat")),
        dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat")),
    )


def _weights() -> Path:
    """Find the weights without importing their package, which needs the retired pkg_resources."""
    spec = find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("face_recognition_models is not installed; run `uv sync` (group local)")
    return Path(next(iter(spec.submodule_search_locations))) / "models"
