"""Write what the engine saw in AWS's structures.

Only what is measured is written: five landmarks give both eyes' corners and the nose, so there are no
mouth corners; age, emotions and other attributes are never estimated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse_local.engine.detected import LANDMARK_NAMES

if TYPE_CHECKING:
    from collections.abc import Collection

    from gatehouse_local.engine.faces import Box, Face


def bounding_box(box: Box) -> dict[str, float]:
    """Write AWS's `BoundingBox`."""
    return {"Width": box.width, "Height": box.height, "Left": box.left, "Top": box.top}


def compared_face(face: Face, attributes: Collection[str] = ()) -> dict[str, Any]:
    """Write the members that `FaceDetail`, `ComparedFace` and a record's `DetectedFace` share."""
    return {
        "BoundingBox": bounding_box(face.box),
        "Confidence": face.confidence,
        "Landmarks": landmarks(face, every="ALL" in attributes),
        "Pose": {"Roll": face.pose.roll, "Yaw": face.pose.yaw, "Pitch": face.pose.pitch},
        "Quality": {"Brightness": face.quality.brightness, "Sharpness": face.quality.sharpness},
    }


def landmarks(face: Face, *, every: bool) -> list[dict[str, Any]]:
    """Write eye centres and nose; with `every` the eyes' corners too."""
    points = dict(zip(LANDMARK_NAMES, face.landmarks, strict=True))
    chosen = {
        "eyeLeft": _middle(points["leftEyeLeft"], points["leftEyeRight"]),
        "eyeRight": _middle(points["rightEyeLeft"], points["rightEyeRight"]),
        "nose": points["nose"],
    }
    if every:
        chosen |= points
    return [{"Type": kind, "X": x, "Y": y} for kind, (x, y) in chosen.items()]


def _middle(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    return (first[0] + second[0]) / 2, (first[1] + second[1]) / 2
