"""Throw a drawn person's numbers from a seed.

The ranges are far wider than nature's: on ordinary ones dlib's network takes most drawn people for one
(reference measurement: different people 0.44 apart in the median, against 0.85 for real people).
The order of throws never changes: the cast is committed as seeds.
"""

from __future__ import annotations

import numpy as np

from gatehouse_sample.people.identity import (
    HATS,
    Colours,
    Eyes,
    Hair,
    Identity,
    Mouth,
    Nose,
    Rgb,
    Skin,
    Skull,
    Worn,
)

SKINS: tuple[Rgb, ...] = (
    (0.84, 0.62, 0.50),
    (0.78, 0.54, 0.40),
    (0.66, 0.42, 0.27),
    (0.50, 0.29, 0.17),
    (0.33, 0.18, 0.10),
    (0.22, 0.12, 0.07),
    (0.80, 0.60, 0.38),
)
HAIRS: tuple[Rgb, ...] = (
    (0.02, 0.018, 0.016),
    (0.07, 0.04, 0.022),
    (0.20, 0.10, 0.05),
    (0.55, 0.36, 0.14),
    (0.35, 0.10, 0.03),
    (0.45, 0.45, 0.46),
    (0.75, 0.74, 0.72),
)
IRISES: tuple[Rgb, ...] = ((0.06, 0.03, 0.015), (0.18, 0.09, 0.03), (0.10, 0.2, 0.32), (0.1, 0.2, 0.1))
CLOTHS: tuple[Rgb, ...] = (
    (0.04, 0.07, 0.2),
    (0.35, 0.05, 0.05),
    (0.05, 0.22, 0.12),
    (0.5, 0.5, 0.52),
    (0.03, 0.03, 0.035),
    (0.55, 0.38, 0.1),
    (0.28, 0.1, 0.32),
    (0.7, 0.68, 0.62),
)
FRAMES: tuple[Rgb, ...] = ((0.01, 0.01, 0.012), (0.12, 0.05, 0.02), (0.4, 0.4, 0.42), (0.25, 0.02, 0.03))


class _Dice:
    """Throw an identity's numbers from its seed."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def between(self, low: float, high: float) -> float:
        return float(self._generator.uniform(low, high))

    def chance(self, share: float) -> bool:
        return bool(self._generator.uniform() < share)

    def index(self, weights: tuple[float, ...]) -> int:
        total = sum(weights)
        return int(self._generator.choice(len(weights), p=[weight / total for weight in weights]))

    def colour(self, palette: tuple[Rgb, ...], spread: float) -> Rgb:
        chosen = palette[int(self._generator.integers(len(palette)))]
        factor = self.between(1 - spread, 1 + spread)
        red, green, blue = (min(part * factor * self.between(0.95, 1.05), 0.95) for part in chosen)
        return red, green, blue


def identity(seed: int) -> Identity:
    """Return the person of a seed; the same for ever, so seeds can be committed instead of numbers."""
    dice = _Dice(seed)
    who = _thrown(dice)
    if HATS[who.worn.hat] != "scarf":
        return who
    shaved = who.hair._replace(beard=0.0, moustache=0.0, stubble=0.0)
    return who._replace(hair=shaved)


def _thrown(dice: _Dice) -> Identity:
    """Throw all numbers, in an order that never changes."""
    return Identity(
        skull=_skull(dice),
        eyes=_eyes(dice),
        nose=_nose(dice),
        mouth=_mouth(dice),
        hair=_hair(dice),
        worn=_worn(dice),
        skin=_skin(dice),
        colours=_colours(dice),
    )


def _skull(dice: _Dice) -> Skull:
    width = dice.between(0.6, 0.92)
    return Skull(
        width=width,
        height=dice.between(0.92, 1.24),
        jaw=min(dice.between(0.34, 0.78), width * 0.92),
        chin_radius=dice.between(0.10, 0.26),
        chin_out=dice.between(-0.06, 0.12),
        cheek_x=dice.between(0.34, 0.52),
        cheek_radius=dice.between(0.14, 0.28),
        cheek_out=dice.between(-0.06, 0.08),
        ear=dice.between(0.0, 0.12),
        neck=dice.between(0.32, 0.52),
    )


def _eyes(dice: _Dice) -> Eyes:
    level = dice.between(0.02, 0.16)
    return Eyes(
        apart=dice.between(0.25, 0.38),
        level=level,
        width=dice.between(0.115, 0.19),
        open=dice.between(0.03, 0.085),
        tilt=dice.between(-0.22, 0.28),
        deep=dice.between(0.0, 0.1),
        iris=dice.between(0.054, 0.08),
        brow_level=level + dice.between(0.15, 0.29),
        brow_thick=dice.between(0.012, 0.06),
        brow_arch=dice.between(0.0, 0.09),
        brow_tilt=dice.between(-0.3, 0.25),
        brow_ridge=dice.between(0.0, 0.1),
        brow_inner=dice.between(0.03, 0.16),
        brow_outer=dice.between(0.17, 0.28),
        lash=dice.between(0.006, 0.03),
        bag=dice.between(0.0, 0.5),
    )


def _nose(dice: _Dice) -> Nose:
    return Nose(
        tip_level=dice.between(0.30, 0.56),
        out=dice.between(0.12, 0.42),
        tip_radius=dice.between(0.07, 0.15),
        bridge_radius=dice.between(0.04, 0.10),
        bridge_out=dice.between(-0.02, 0.09),
        wing_x=dice.between(0.07, 0.19),
        wing_radius=dice.between(0.05, 0.10),
    )


def _mouth(dice: _Dice) -> Mouth:
    return Mouth(
        level=dice.between(0.16, 0.30),
        width=dice.between(0.17, 0.36),
        upper=dice.between(0.015, 0.075),
        lower=dice.between(0.025, 0.10),
        smile=dice.between(-0.05, 0.10),
        redness=dice.between(0.2, 1.0),
    )


def _hair(dice: _Dice) -> Hair:
    bearded, moustached = dice.chance(0.28), dice.chance(0.22)
    return Hair(
        cut=dice.index((0.14, 0.24, 0.14, 0.18, 0.12, 0.08, 0.10)),
        line=dice.between(0.50, 0.78),
        thick=dice.between(0.05, 0.16),
        part=dice.between(-0.5, 0.5),
        grain=dice.between(6.0, 26.0),
        beard=dice.between(0.6, 1.0) if bearded else 0.0,
        beard_line=dice.between(0.0, 0.5),
        moustache=dice.between(0.6, 1.0) if moustached or bearded else 0.0,
        stubble=dice.between(0.1, 0.5) if dice.chance(0.25) else 0.0,
    )


def _worn(dice: _Dice) -> Worn:
    return Worn(
        hat=dice.index((0.62, 0.12, 0.09, 0.10, 0.07)),
        hat_level=dice.between(0.44, 0.62),
        glasses=1.0 if dice.chance(0.3) else 0.0,
        lens_width=dice.between(0.17, 0.26),
        lens_height=dice.between(0.11, 0.21),
        lens_square=dice.between(2.0, 6.0),
        frame=dice.between(0.012, 0.034),
    )


def _skin(dice: _Dice) -> Skin:
    return Skin(
        freckles=dice.between(0.2, 0.8) if dice.chance(0.2) else 0.0,
        blush=dice.between(0.0, 0.6),
        lines=dice.between(0.3, 1.0) if dice.chance(0.4) else 0.0,
        shine=dice.between(0.03, 0.25),
        shadow=dice.between(0.0, 0.6),
    )


def _colours(dice: _Dice) -> Colours:
    skin = dice.colour(SKINS, 0.15)
    red = dice.between(0.75, 1.15)
    hair = dice.colour(HAIRS, 0.3)
    return Colours(
        skin=skin,
        lips=(min(skin[0] * red, 0.9), skin[1] * 0.55, skin[2] * 0.6),
        hair=hair,
        beard=hair if dice.chance(0.7) else dice.colour(HAIRS, 0.2),
        brow=hair if dice.chance(0.6) else dice.colour(HAIRS[:3], 0.2),
        iris=dice.colour(IRISES, 0.3),
        shirt=dice.colour(CLOTHS, 0.3),
        hat=dice.colour(CLOTHS, 0.3),
        frame=dice.colour(FRAMES, 0.2),
    )
