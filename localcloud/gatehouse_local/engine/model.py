"""Run dlib's models: what happens inside a worker process.

Detector: HOG, frontal. Landmarks: the 5-point model (the 68-point file's training set forbids commercial
use, so it is never loaded). Vector: dlib's face recognition ResNet v1, compared by Euclidean distance.
"""

from __future__ import annotations

import importlib.util
import math
import multiprocessing
import os
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gatehouse_local.engine.detected import Box, Face
from gatehouse_local.engine.errors import ModelMissingError
from gatehouse_local.engine.images import decode
from gatehouse_local.engine.pose import estimate_pose
from gatehouse_local.engine.quality import measure_quality

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Longer sides are scaled down to this: at 1920x1080 Rekognition finds faces from 40 pixels, and so do we.
MAX_SIDE = 1920
_WEIGHTS_PACKAGE = "face_recognition_models"
_LANDMARKS = "shape_predictor_5_face_landmarks.dat"
_VECTORS = "dlib_face_recognition_resnet_model_v1.dat"


@dataclass(frozen=True, slots=True)
class _Models:
    detector: Any
    landmarks: Any
    vectors: Any
    chip: Any


def weights(name: str) -> str:
    """Find a weights file without importing its package, which needs the removed pkg_resources."""
    spec = importlib.util.find_spec(_WEIGHTS_PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / "models" / name
        if path.is_file():
            return str(path)
    raise ModelMissingError(f"{name} was not found: install the package {_WEIGHTS_PACKAGE} (uv sync)")


@cache
def models() -> _Models:
    """Load the models once a process (0.6 s)."""
    import dlib  # here, so that the front door's process never loads it

    return _Models(
        detector=dlib.get_frontal_face_detector(),
        landmarks=dlib.shape_predictor(weights(_LANDMARKS)),
        vectors=dlib.face_recognition_model_v1(weights(_VECTORS)),
        chip=dlib.get_face_chip,
    )


def load() -> None:
    """Prepare a worker: load the models and follow the parent into its end."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    models()


def _end_with(parent: Any) -> None:
    """Exit when the parent is gone: a killed parent can't close the pool, and nobody else would."""
    parent.join()
    os._exit(1)


def ready() -> bool:
    """Answer once this worker has its models."""
    return models() is not None


def analyse(image: bytes | NDArray[np.uint8], embed_largest: int | None, upsample: int) -> list[Face]:
    """Detect faces, largest first; the first `embed_largest` (None: all) get a vector."""
    pixels = decode(image, max_side=MAX_SIDE) if isinstance(image, bytes) else np.ascontiguousarray(image)
    boxes, scores, _ = models().detector.run(pixels, upsample, 0.0)
    found = sorted(zip(boxes, scores, strict=True), key=lambda pair: -pair[0].area())
    limit = len(found) if embed_largest is None else embed_largest
    return [_describe(pixels, box, score, embed=rank < limit) for rank, (box, score) in enumerate(found)]


def _describe(pixels: NDArray[np.uint8], rectangle: Any, score: float, *, embed: bool) -> Face:
    height, width = pixels.shape[:2]
    shape = models().landmarks(pixels, rectangle)
    points = np.array([(point.x, point.y) for point in shape.parts()], dtype=np.float64)
    chip = models().chip(pixels, shape, 150)
    vector = None
    if embed:
        vector = np.asarray(models().vectors.compute_face_descriptor(chip), dtype=np.float32)
    return Face(
        box=Box(
            left=rectangle.left() / width,
            top=rectangle.top() / height,
            width=rectangle.width() / width,
            height=rectangle.height() / height,
        ),
        confidence=confidence_of(score),
        landmarks=tuple((float(x) / width, float(y) / height) for x, y in points),
        pose=estimate_pose(points),
        quality=measure_quality(chip),
        pixels=float(rectangle.height()),
        vector=vector,
    )


def confidence_of(score: float) -> float:
    """Map the detector's margin (0: barely, 1: clearly, 3: the best) to 90, 99.5 and 100.

    A monotonous reading of the margin, not a probability.
    """
    return 100 / (1 + math.exp(-(2.2 + 3.1 * score)))
