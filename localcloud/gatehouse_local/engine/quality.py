"""Measure how bright and how sharp a face is, each from 0 to 100."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# Laplacian variances of an aligned 150-pixel face: a smear is near the first, a crisp photo near the second.
_BLURRED, _CRISP = 5.0, 2000.0


@dataclass(frozen=True, slots=True)
class Quality:
    """`brightness`: mean luma; `sharpness`: log-scaled variance of the Laplacian. Not AWS's scales."""

    brightness: float
    sharpness: float


def measure_quality(chip: NDArray[np.uint8]) -> Quality:
    """Measure an aligned face crop (RGB); all crops must have the same size to be comparable."""
    luma = chip.astype(np.float32) @ _LUMA
    inner = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * inner
    variance = max(float(laplacian.var()), _BLURRED)
    share = math.log(variance / _BLURRED) / math.log(_CRISP / _BLURRED)
    return Quality(
        brightness=round(float(luma.mean()) / 255 * 100, 2), sharpness=round(100 * min(share, 1.0), 2)
    )
