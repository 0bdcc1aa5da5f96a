"""Describe a drawn person as numbers."""

from __future__ import annotations

from typing import NamedTuple

Rgb = tuple[float, float, float]

HATS = ("none", "beanie", "cap", "scarf", "brim")
HAIRCUTS = ("bald", "short", "curly", "long", "fringe", "bun", "receding")


class Skull(NamedTuple):
    """Size the head; units are those of `primitives`."""

    width: float
    height: float
    jaw: float
    chin_radius: float
    chin_out: float
    cheek_x: float
    cheek_radius: float
    cheek_out: float
    ear: float
    neck: float


class Eyes(NamedTuple):
    """Place and shape eyes and brows; `open` is half the height of the lids' opening."""

    apart: float
    level: float
    width: float
    open: float
    tilt: float
    deep: float
    iris: float
    brow_level: float
    brow_thick: float
    brow_arch: float
    brow_tilt: float
    brow_ridge: float
    brow_inner: float
    brow_outer: float
    lash: float
    bag: float


class Nose(NamedTuple):
    """Shape the nose; `tip_level` is below the eyes."""

    tip_level: float
    out: float
    tip_radius: float
    bridge_radius: float
    bridge_out: float
    wing_x: float
    wing_radius: float


class Mouth(NamedTuple):
    """Shape the lips; `smile` lifts the corners."""

    level: float
    width: float
    upper: float
    lower: float
    smile: float
    redness: float


class Hair(NamedTuple):
    """Style hair and beard; `cut` indexes HAIRCUTS, beard parts are densities 0..1."""

    cut: int
    line: float
    thick: float
    part: float
    grain: float
    beard: float
    beard_line: float
    moustache: float
    stubble: float


class Worn(NamedTuple):
    """Say what a person wears; `hat` indexes HATS, glasses 0 is none."""

    hat: int
    hat_level: float
    glasses: float
    lens_width: float
    lens_height: float
    lens_square: float
    frame: float


class Skin(NamedTuple):
    """Tell age and texture of the skin."""

    freckles: float
    blush: float
    lines: float
    shine: float
    shadow: float


class Colours(NamedTuple):
    """Colour a person; linear RGB 0..1."""

    skin: Rgb
    lips: Rgb
    hair: Rgb
    beard: Rgb
    brow: Rgb
    iris: Rgb
    shirt: Rgb
    hat: Rgb
    frame: Rgb


class Identity(NamedTuple):
    """Hold everything that makes one drawn person."""

    skull: Skull
    eyes: Eyes
    nose: Nose
    mouth: Mouth
    hair: Hair
    worn: Worn
    skin: Skin
    colours: Colours
