"""Judge whether a detected face is good enough, as the parameter QualityFilter asks.

AWS publishes neither its bars nor what it measures; these are the local engine's. AUTO lets every face of
149 real portrait photos pass but clear profiles, near-black and smeared ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatehouse_local.engine.faces import Face


@dataclass(frozen=True, slots=True)
class Bar:
    """Least confidence, brightness and sharpness (0 to 100), most turn (degrees), least height (pixels)."""

    confidence: float
    brightness: float
    sharpness: float
    turn: float
    pixels: float


_BARS = {
    "LOW": Bar(confidence=90, brightness=12, sharpness=5, turn=60, pixels=35),
    "AUTO": Bar(confidence=92, brightness=15, sharpness=8, turn=56, pixels=40),
    "MEDIUM": Bar(confidence=95, brightness=20, sharpness=14, turn=45, pixels=60),
    "HIGH": Bar(confidence=99, brightness=25, sharpness=22, turn=35, pixels=80),
}


def shortcomings(face: Face, quality_filter: str) -> list[str]:
    """Return AWS's reasons why the face fails the filter (NONE: it never does)."""
    bar = _BARS.get(quality_filter)
    if bar is None:
        return []
    turn = max(abs(face.pose.yaw), abs(face.pose.pitch), abs(face.pose.roll))
    failed = {
        "EXTREME_POSE": turn > bar.turn,
        "LOW_BRIGHTNESS": face.quality.brightness < bar.brightness,
        "LOW_SHARPNESS": face.quality.sharpness < bar.sharpness,
        "LOW_CONFIDENCE": face.confidence < bar.confidence,
        "SMALL_BOUNDING_BOX": face.pixels < bar.pixels,
    }
    return [reason for reason, fails in failed.items() if fails]
