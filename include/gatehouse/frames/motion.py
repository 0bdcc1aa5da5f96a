"""Decide cheaply whether a frame may show somebody new: compare it, small and grey, with an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Grey = NDArray[np.uint8]
Passage = Literal["first", "faces", "due", "motion"]
# A face of 80 pixels in a 1080p frame covers about three of these cells, its owner many more.
THUMBNAIL_SIZE = (64, 36)


class MotionGate(BaseModel):
    """Set how much must change: `share` of the thumbnail's pixels, each by more than `level` of 255.

    Every `every_s` seconds of the stream a frame passes whatever it shows, for those who come in slowly.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Annotated[int, Field(ge=1, le=255)] = 10
    share: Annotated[float, Field(ge=0, le=1)] = 0.0013
    every_s: Annotated[float, Field(gt=0)] = 10.0


@dataclass(frozen=True, slots=True)
class Reference:
    """Keep of a camera's last analysed frame what the next is compared with."""

    at_ms: int
    thumbnail: Grey
    faces: bool


def passage(gate: MotionGate, reference: Reference | None, thumbnail: Grey, at_ms: int) -> Passage | None:
    """Say why a frame is to be analysed; None gates it.

    While the reference shows a face every frame passes: somebody who stands still is there all the same.
    The order of the two frames doesn't matter.
    """
    if reference is None:
        return "first"
    if reference.faces:
        return "faces"
    if abs(at_ms - reference.at_ms) >= gate.every_s * 1000:
        return "due"
    return "motion" if changed_share(reference.thumbnail, thumbnail, gate.level) > gate.share else None


def changed_share(before: Grey, after: Grey, level: int) -> float:
    """Return the share of pixels that differ by more than `level`; all do where the sizes differ."""
    if before.shape != after.shape:
        return 1.0
    difference = np.abs(before.astype(np.int16) - after.astype(np.int16))
    return float(np.count_nonzero(difference > level)) / max(difference.size, 1)
