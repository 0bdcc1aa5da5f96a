"""Build a head from an identity: the distance from any point to it, and what it is made of there.

Features are anchored on the bare face (`anchors`), so a nose sits on its face whatever the face's shape.
"""

from __future__ import annotations

from math import sin
from typing import NamedTuple

from gatehouse_sample.people.compiled import compiled
from gatehouse_sample.people.identity import Identity
from gatehouse_sample.people.primitives import ball, carve, ellipsoid, join, rod

SKIN, HAIR, CLOTH, FRAME, HAT = range(5)

BALD, SHORT, CURLY, LONG, FRINGE, BUN, RECEDING = range(7)
NO_HAT, BEANIE, CAP, SCARF, BRIM = range(5)

_FEATURE_REACH = 0.6
"""How far nose, lips and eyes may stand out of the bare face; farther away they aren't looked at."""
_REACH = 1.75
"""Radius of a ball around everything but the shoulders."""


class Anchors(NamedTuple):
    """Hold depths (z) of the bare face under each feature, and the heights they hang at."""

    eye_z: float
    brow_in_z: float
    brow_out_z: float
    bridge_z: float
    tip_y: float
    tip_z: float
    wing_z: float
    mouth_y: float
    mouth_z: float
    corner_z: float


@compiled
def _skull(who: Identity, x: float, y: float, z: float) -> float:
    """Return the distance to the cranium alone, on which hair and hats sit."""
    s = who.skull
    return ellipsoid(x, y - 0.30 * s.height, z + 0.12, s.width, 0.80 * s.height, 0.88)


@compiled
def bare(who: Identity, x: float, y: float, z: float) -> float:
    """Return the distance to the head without eyes, nose and mouth."""
    s = who.skull
    ax = abs(x)
    d = _skull(who, x, y, z)
    d = join(d, ellipsoid(x, y + 0.12, z - 0.10, s.width * 0.90, 0.86 * s.height, 0.66), 0.15)
    d = join(d, ellipsoid(x, y + 0.50 * s.height, z - 0.14, s.jaw, 0.42, 0.52), 0.18)
    chin = ball(x, y + 0.84 * s.height, z - 0.40 - s.chin_out, s.chin_radius)
    d = join(d, chin, 0.22)
    cheek = ball(ax - s.cheek_x, y + 0.16, z - 0.46 - s.cheek_out, s.cheek_radius)
    return join(d, cheek, 0.18)


@compiled
def _depth(who: Identity, x: float, y: float) -> float:
    """March from the front onto the bare face and return z there."""
    z = 2.0
    for _ in range(40):
        z -= max(bare(who, x, y, z), 0.002) * 0.8
    return z


@compiled
def anchors(who: Identity) -> Anchors:
    """Find where on this face the features sit."""
    e, n, m = who.eyes, who.nose, who.mouth
    tip_y = e.level - n.tip_level
    mouth_y = tip_y - m.level
    return Anchors(
        eye_z=_depth(who, e.apart, e.level),
        brow_in_z=_depth(who, e.brow_inner, e.brow_level),
        brow_out_z=_depth(who, e.apart + e.brow_outer, e.brow_level),
        bridge_z=_depth(who, 0.0, e.level),
        tip_y=tip_y,
        tip_z=_depth(who, 0.0, tip_y),
        wing_z=_depth(who, n.wing_x, tip_y),
        mouth_y=mouth_y,
        mouth_z=_depth(who, 0.0, mouth_y),
        corner_z=_depth(who, m.width, mouth_y),
    )


@compiled
def _eyes(who: Identity, at: Anchors, d: float, x: float, y: float, z: float) -> float:
    """Sink sockets, lay brow ridges, and set the eyeballs into a face."""
    e = who.eyes
    ax = abs(x)
    socket = ellipsoid(ax - e.apart, y - e.level, z - at.eye_z - 0.10, 0.20, 0.13, 0.10 + e.deep)
    d = carve(d, socket, 0.10)
    ridge = rod(
        ax - e.brow_inner,
        y - e.brow_level + 0.03,
        z - at.brow_in_z + 0.07,
        e.apart + e.brow_outer - e.brow_inner,
        -0.04,
        at.brow_out_z - at.brow_in_z,
        0.05 + e.brow_ridge,
        0.05,
    )
    d = join(d, ridge, 0.10)
    return join(d, ball(ax - e.apart, y - e.level, z - at.eye_z + 0.15 + e.deep * 0.6, 0.17), 0.03)


@compiled
def _nose(who: Identity, at: Anchors, d: float, x: float, y: float, z: float) -> float:
    """Put a nose on a face."""
    n = who.nose
    root_y = who.eyes.level + 0.06
    root_z = at.bridge_z - 0.02 + n.bridge_out
    tip_z = at.tip_z + n.out - n.tip_radius
    d = join(
        d,
        rod(x, y - root_y, z - root_z, 0.0, at.tip_y - root_y, tip_z - root_z, n.bridge_radius, n.tip_radius),
        0.07,
    )
    wing = ball(abs(x) - n.wing_x, y - at.tip_y + 0.02, z - at.wing_z - n.out * 0.35, n.wing_radius)
    return join(d, wing, 0.07)


@compiled
def _mouth(who: Identity, at: Anchors, d: float, x: float, y: float, z: float) -> float:
    """Put lips on a face."""
    m = who.mouth
    ax = abs(x)
    rise = m.smile
    back = at.corner_z - at.mouth_z
    v, w = y - at.mouth_y, z - at.mouth_z
    upper = rod(ax, v - m.upper * 0.8, w, m.width, rise, back, m.upper + 0.02, 0.01)
    lower = rod(ax, v + m.lower * 0.8, w, m.width, rise, back, m.lower + 0.015, 0.01)
    d = join(d, upper, 0.05)
    d = join(d, lower, 0.05)
    crease = rod(ax, v, w - 0.06, m.width, rise, back, 0.012, 0.005)
    return carve(d, crease, 0.03)


@compiled
def skin(who: Identity, at: Anchors, x: float, y: float, z: float) -> float:
    """Return the distance to the body's skin: face, ears and neck."""
    s = who.skull
    d = bare(who, x, y, z)
    if z > 0.2 and d < _FEATURE_REACH * 1.5:
        d = _eyes(who, at, d, x, y, z)
        d = _nose(who, at, d, x, y, z)
        d = _mouth(who, at, d, x, y, z)
    elif z > 0.2:
        d -= _FEATURE_REACH
    ear = ellipsoid(abs(x) - s.width * 0.98 - s.ear * 0.5, y - 0.02, z + 0.08, 0.05 + s.ear, 0.20, 0.12)
    d = join(d, ear, 0.05)
    return join(d, rod(x, y + 0.6, z + 0.18, 0.0, -1.4, -0.2, s.neck, s.neck * 1.1), 0.15)


@compiled
def _hairline(who: Identity, x: float) -> float:
    """Return the height of the hairline over the forehead at a place across it."""
    h = who.hair
    across = x / who.skull.width
    if h.cut == FRINGE:
        return who.eyes.brow_level + 0.10 + 0.10 * h.part * across + 0.02 * sin(x * 30.0)
    if h.cut == RECEDING:
        return h.line + 0.16 + 0.30 * (across * across) * (1.0 - across * across)
    return h.line * who.skull.height - 0.25 * across * across + 0.10 * h.part * across


@compiled
def _long_hair(who: Identity, x: float, y: float, z: float) -> float:
    """Return the distance to hair that falls beside and behind the face."""
    w = who.skull.width
    fall = ellipsoid(x, y + 0.25, z + 0.35, w + 0.22, 1.25 * who.skull.height, 0.70)
    return carve(fall, -(max(z - 0.12, -z - 1.5)), 0.05) if fall < 0.3 else fall


@compiled
def hair(who: Identity, x: float, y: float, z: float) -> float:
    """Return the distance to the hair on the head; far away for the bald and the wrapped."""
    h = who.hair
    if h.cut == BALD or who.worn.hat == SCARF:
        return 1e3
    rough = 0.012 * sin(x * h.grain * 1.7 + z * 9.0) * sin(z * h.grain + y * 5.0)
    if h.cut == CURLY:
        rough = 0.05 + 0.05 * sin(x * 14.0) * sin(y * 14.0) * sin(z * 14.0)
    thick = 0.03 if who.worn.hat != NO_HAT else h.thick
    cap = _skull(who, x, y, z) - thick - rough
    front = _hairline(who, x) - y if z > 0.0 else -1.0
    # Behind the ears the hair comes down to the nape; before them it stops at the temple.
    side = max(-0.45 - y, z - 0.05) if y < 0.3 else -1.0
    d = max(cap, max(front, side) * 0.7)
    if h.cut == LONG or h.cut == FRINGE:
        d = join(d, _long_hair(who, x, y, z) - rough, 0.08)
    if h.cut == BUN:
        d = join(d, ball(x, y - 1.05 * who.skull.height - 0.12, z + 0.20, 0.26) - rough, 0.05)
    return d


@compiled
def hat(who: Identity, x: float, y: float, z: float) -> float:
    """Return the distance to headgear."""
    w = who.worn
    if w.hat == NO_HAT:
        return 1e3
    level = w.hat_level * who.skull.height + 0.08
    crown = _skull(who, x, y, z)
    if w.hat == SCARF:
        shell = min(crown - 0.08, ellipsoid(x, y + 0.35, z + 0.22, who.skull.width + 0.12, 1.15, 0.72))
        opening = ellipsoid(x, y - 0.02, 0.0, who.skull.width * 0.86, 0.84 * who.skull.height, 1.0)
        return max(shell, -opening) if z > 0.05 else shell
    if w.hat == BEANIE:
        return max(crown - 0.11 - 0.012 * sin(x * 40.0), (level - 0.12 * z - y) * 0.9)
    top = max(crown - 0.09, level - y)
    if w.hat == CAP:
        brim = max(ellipsoid(x, 0.0, z - 0.62, 0.62, 1.0, 0.55), abs(y - level - 0.02) - 0.025)
    else:
        brim = max(ellipsoid(x, 0.0, z, who.skull.width + 0.55, 1.0, 1.30), abs(y - level - 0.02) - 0.025)
    return join(top, brim, 0.04)


@compiled
def glasses(who: Identity, at: Anchors, x: float, y: float, z: float) -> float:
    """Return the distance to the frame of a pair of glasses; the lenses are clear."""
    w = who.worn
    if w.glasses < 0.5:
        return 1e3
    e = who.eyes
    ax = abs(x)
    plane = at.bridge_z + 0.10 + who.nose.bridge_out
    curve = plane - 0.25 * ax * ax
    u, v = abs(ax - e.apart) / w.lens_width, abs(y - e.level + 0.02) / w.lens_height
    p = w.lens_square
    rim: float = abs((u**p + v**p) ** (1.0 / p) - 1.0) * min(w.lens_width, w.lens_height)
    d = max(rim, abs(z - curve)) - w.frame
    bridge = max(max(ax - e.apart + w.lens_width, abs(y - e.level - 0.03)), abs(z - plane)) - w.frame
    side = e.apart + w.lens_width
    temple_x = side + (who.skull.width - side) * min(max((curve - z) * 2.0, 0.0), 1.0)
    temple = max(max(abs(ax - temple_x), abs(y - e.level - 0.02)), abs(z - curve * 0.5) - curve * 0.5)
    return min(d, min(bridge, temple - w.frame)) * 0.8


@compiled
def shirt(x: float, y: float, z: float) -> float:
    """Return the distance to the shoulders."""
    return ellipsoid(x, y + 2.15, z + 0.30, 1.45, 0.62, 0.62)


@compiled
def distance(who: Identity, at: Anchors, x: float, y: float, z: float) -> float:
    """Return the distance from a point to the person."""
    outside = ball(x, y, z, _REACH)
    if outside > 0.5:
        return min(outside, shirt(x, y, z))
    d = min(skin(who, at, x, y, z), hair(who, x, y, z))
    d = min(d, hat(who, x, y, z))
    d = min(d, glasses(who, at, x, y, z))
    return min(d, shirt(x, y, z))


@compiled
def material(who: Identity, at: Anchors, x: float, y: float, z: float) -> int:
    """Return what the nearest surface is made of."""
    best, kind = skin(who, at, x, y, z), SKIN
    d = hair(who, x, y, z)
    if d < best:
        best, kind = d, HAIR
    d = hat(who, x, y, z)
    if d < best:
        best, kind = d, HAT
    d = glasses(who, at, x, y, z)
    if d < best:
        best, kind = d, FRAME
    return CLOTH if shirt(x, y, z) < best else kind
