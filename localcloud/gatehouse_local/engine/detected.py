"""Describe a face that the engine found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gatehouse_local.engine.pose import Pose
    from gatehouse_local.engine.quality import Quality

# dlib's five points under AWS's names; left and right are the image's, as in AWS's answers.
LANDMARK_NAMES = ("rightEyeRight", "rightEyeLeft", "leftEyeLeft", "leftEyeRight", "nose")


@dataclass(frozen=True, slots=True)
class Box:
    """A face's box as shares of the image's width and height; it may reach beyond the image's edges."""

    left: float
    top: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Return the share of the image that the box covers."""
        return self.width * self.height


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One detected face.

    `confidence` is 0 to 100 from the detector's margin, not a calibrated probability. `landmarks` are five
    (x, y) ratios in the order of `LANDMARK_NAMES`. `pixels` is the box's height in the analysed image,
    which is scaled down to `model.MAX_SIDE`. `vector` is 128 float32, None where not asked for.
    """

    box: Box
    confidence: float
    landmarks: tuple[tuple[float, float], ...]
    pose: Pose
    quality: Quality
    pixels: float
    vector: NDArray[np.float32] | None
