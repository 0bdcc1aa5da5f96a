"""Estimate where a face looks from five landmarks.

An approximation, not a measurement. Five points (four eye corners, the base of the nose) cannot tell a
turned head from a crooked nose, so single faces are off by 10° and more; the sign and the order of
magnitude are what to use. Roll, from the line through the eyes, is good to a few degrees. It is what the
quality filter needs to refuse profiles, and no more.

Model: the nose base stands before the plane of the eyes. Turning the head moves it sideways by
depth·tan(yaw) and up by depth·tan(pitch), in units of the distance between the eyes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Distance from the nose base to the plane of the eyes, in inter-eye distances: about 22 of 63 mm.
NOSE_DEPTH = 0.35
# Height of the eyes above the nose base on a level face, in inter-eye distances: the median over
# 79 real photos, as the landmark model places the points.
NOSE_DROP = 0.78


@dataclass(frozen=True, slots=True)
class Pose:
    """Angles in degrees.

    Positive roll: clockwise; positive yaw: towards the image's right; positive pitch: upwards.
    """

    roll: float
    yaw: float
    pitch: float


def estimate_pose(landmarks: NDArray[np.float64]) -> Pose:
    """Estimate the pose from five points in pixels, in dlib's order (see `faces.LANDMARK_NAMES`)."""
    right = landmarks[0:2].mean(axis=0)
    left = landmarks[2:4].mean(axis=0)
    along = right - left
    distance = max(float(np.hypot(*along)), 1e-6)
    axis = along / distance
    nose = (landmarks[4] - (left + right) / 2) / distance
    sideways = float(nose @ axis)
    down = float(nose @ np.array([-axis[1], axis[0]]))
    return Pose(
        roll=math.degrees(math.atan2(axis[1], axis[0])),
        yaw=math.degrees(math.atan(sideways / NOSE_DEPTH)),
        pitch=math.degrees(math.atan((NOSE_DROP - down) / NOSE_DEPTH)),
    )
