"""Cut every face out so that it is the one that SearchFacesByImage searches: the largest of its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

# Rekognition refuses a picture with a side below this (aws.md §1).
LEAST_SIDE = 80
# Detection wants some forehead and chin around its own box.
MARGIN = 0.4
# How much of the smaller of two boxes must be in both for them to be one face.
SAME_FACE = 0.3


@dataclass(frozen=True, slots=True)
class Box:
    """Locate a face in fractions of a picture; at its edge a box may reach below 0 or above 1."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Rect:
    """Locate a part of a picture in whole pixels; right and bottom are the first ones outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Return the width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Return the height in pixels."""
        return self.bottom - self.top

    @property
    def area(self) -> int:
        """Return the number of pixels; 0 for a rectangle turned inside out."""
        return max(self.width, 0) * max(self.height, 0)

    def within(self, other: Rect) -> Rect:
        """Return the part that lies in another rectangle, perhaps without area."""
        return Rect(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def without(self, other: Rect) -> tuple[Rect, ...]:
        """Return the parts that lie outside another rectangle: at most four that don't overlap."""
        hole = other.within(self)
        if not hole.area:
            return (self,)
        parts = (
            Rect(self.left, self.top, self.right, hole.top),
            Rect(self.left, hole.bottom, self.right, self.bottom),
            Rect(self.left, hole.top, hole.left, hole.bottom),
            Rect(hole.right, hole.top, self.right, hole.bottom),
        )
        return tuple(part for part in parts if part.area)


@dataclass(frozen=True, slots=True)
class Crop:
    """Say what to cut out, which parts of it (in the frame's pixels) to grey out, and how to enlarge it."""

    rect: Rect
    face: Rect
    masks: tuple[Rect, ...]
    scale: int


def crop_of(faces: Sequence[Box], index: int, width: int, height: int) -> Crop | None:
    """Cut out one face of a frame of this many pixels; None if none of it lies in the frame.

    Other people's faces are greyed out where they don't cover this one, or a larger neighbour would be
    searched in its place.
    """
    frame = Rect(0, 0, width, height)
    face = _pixels(faces[index], width, height).within(frame)
    if not face.area:
        return None
    rect = _around(face, frame)
    others = [_pixels(box, width, height).within(rect) for at, box in enumerate(faces) if at != index]
    masks = tuple(part for other in others if other.area for part in other.without(face))
    return Crop(rect, face, masks, ceil(LEAST_SIDE / min(rect.width, rect.height)))


def is_of(crop: Crop, searched: Box) -> bool:
    """Tell whether the face that was searched, a box in the crop, is the one it was cut out for."""
    found = _pixels(searched, crop.rect.width, crop.rect.height)
    moved = Rect(
        found.left + crop.rect.left,
        found.top + crop.rect.top,
        found.right + crop.rect.left,
        found.bottom + crop.rect.top,
    )
    return moved.within(crop.face).area >= SAME_FACE * max(1, min(moved.area, crop.face.area))


def _pixels(box: Box, width: int, height: int) -> Rect:
    return Rect(
        floor(box.left * width),
        floor(box.top * height),
        ceil((box.left + box.width) * width),
        ceil((box.top + box.height) * height),
    )


def _around(face: Rect, frame: Rect) -> Rect:
    left, right = _stretch(face.left, face.right, frame.right)
    top, bottom = _stretch(face.top, face.bottom, frame.bottom)
    return Rect(left, top, right, bottom)


def _stretch(low: int, high: int, limit: int) -> tuple[int, int]:
    """Widen a span by the margin and to the least side, as far as the frame goes."""
    margin = ceil((high - low) * MARGIN)
    low, high = max(0, low - margin), min(limit, high + margin)
    missing = min(LEAST_SIDE, limit) - (high - low)
    if missing > 0:
        low = min(max(0, low - missing // 2), limit - (high - low) - missing)
        high = low + min(LEAST_SIDE, limit)
    return low, high
