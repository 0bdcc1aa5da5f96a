"""Lay drawn people over a backdrop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BACKDROP = (128, 135, 142)
"""A photographer's grey, on which candidates are measured."""


def on_backdrop(
    person: NDArray[np.uint8], backdrop: tuple[int, int, int] | NDArray[np.uint8] = BACKDROP
) -> NDArray[np.uint8]:
    """Return an RGB picture of a person (RGBA) over a colour or a picture of the same size."""
    cover = person[..., 3:].astype(np.float32) / 255.0
    mixed: NDArray[np.uint8] = (person[..., :3] * cover + np.asarray(backdrop) * (1.0 - cover)).astype(
        np.uint8
    )
    return mixed
