"""Move a visitor: in from one side, slowly across with a turning head, out on the other."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sin
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gatehouse_sample.company.scene import HEIGHT, WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from gatehouse_sample.company.schedule import Visit

ENTER_SECONDS = 0.8
STEP_HERTZ, STEP_PIXELS = 1.5, 3.0
NEAR_SCALES = (0.94, 1.0)
_SINK = 6
"""Pixels a cut-out hangs below the frame's edge, so that a step up shows no gap."""


@dataclass(frozen=True, slots=True)
class Step:
    """Place a cut-out in a frame."""

    picture: NDArray[np.uint8]
    left: int
    top: int


class Walk:
    """Show one visit; `rightwards` says from which side the visitor comes."""

    def __init__(self, visit: Visit, looks: Sequence[NDArray[np.uint8]], *, rightwards: bool) -> None:
        self._visit = visit
        ordered = list(looks) if rightwards else list(reversed(looks))
        scales = np.linspace(*NEAR_SCALES, len(ordered))
        self._looks = [_scaled(look, float(scale)) for look, scale in zip(ordered, scales, strict=True)]
        self._rightwards = rightwards

    def at(self, seconds: float) -> Step | None:
        """Return where the visitor is at a moment of the loop; None when absent."""
        since, until = seconds - self._visit.start_s, self._visit.end_s - seconds
        if since < 0 or until <= 0:
            return None
        share = since / (since + until)
        look = self._looks[min(int(share * len(self._looks)), len(self._looks) - 1)]
        rows, columns = look.shape[:2]
        middle = self._middle(since, until, columns)
        lift = STEP_PIXELS * abs(sin(pi * STEP_HERTZ * since))
        return Step(look, round(middle - columns / 2), round(HEIGHT - rows + _SINK - lift))

    def _middle(self, since: float, until: float, columns: int) -> float:
        """Return the horizontal place of the visitor's middle."""
        near, far = columns / 2, WIDTH - columns / 2
        if since < ENTER_SECONDS:
            x = -near + 2 * near * since / ENTER_SECONDS
        elif until < ENTER_SECONDS:
            x = WIDTH + near - 2 * near * until / ENTER_SECONDS
        else:
            stroll = self._visit.end_s - self._visit.start_s - 2 * ENTER_SECONDS
            x = near + (far - near) * (since - ENTER_SECONDS) / stroll
        return x if self._rightwards else WIDTH - x


def load_looks(paths: Sequence[Path]) -> list[NDArray[np.uint8]]:
    """Read cut-outs (RGBA)."""
    return [np.asarray(Image.open(path).convert("RGBA")) for path in paths]


def _scaled(look: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Resize a cut-out."""
    rows, columns = look.shape[:2]
    size = (round(columns * scale), round(rows * scale))
    return np.asarray(Image.fromarray(look).resize(size, Image.Resampling.LANCZOS))
