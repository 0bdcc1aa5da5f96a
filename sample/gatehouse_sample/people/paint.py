"""Paint a head: the colour of every point of skin, eyes, lips, brows, beard, hair and cloth.

Eyes, brows, lips and wrinkles are painted on the relief by their place in the front view.
"""

from __future__ import annotations

from math import exp, sqrt

from gatehouse_sample.people.compiled import compiled
from gatehouse_sample.people.head import CLOTH, FRAME, HAIR, HAT, Anchors
from gatehouse_sample.people.identity import Identity, Rgb
from gatehouse_sample.people.primitives import clamp, mix, noise, step


@compiled
def _blend(a: Rgb, b: Rgb, share: float) -> Rgb:
    """Mix two colours."""
    return mix(a[0], b[0], share), mix(a[1], b[1], share), mix(a[2], b[2], share)


@compiled
def _times(a: Rgb, factor: float) -> Rgb:
    """Darken or brighten a colour."""
    return a[0] * factor, a[1] * factor, a[2] * factor


@compiled
def _eye(who: Identity, base: Rgb, x: float, y: float, gaze: float) -> Rgb:
    """Paint one eye and its lids over the skin; `gaze` shifts the iris sideways."""
    e = who.eyes
    u = abs(x) - e.apart
    v = y - e.level - e.tilt * u
    across = u / e.width
    if abs(across) > 1.4 or abs(v) > 0.2:
        return base
    arc = max(1.0 - across * across, 0.0)
    top, bottom = e.open * arc, -0.75 * e.open * arc
    soft = 0.008
    inside = step(top + soft, top - soft, v) * step(bottom - soft, bottom + soft, v)
    inside *= step(1.02, 0.96, abs(across))
    radius = sqrt((u - (gaze if x > 0 else -gaze)) ** 2 + (v - e.open * 0.2) ** 2)
    eye = _blend((0.62, 0.60, 0.58), who.colours.iris, step(e.iris + 0.006, e.iris - 0.006, radius))
    eye = _blend(eye, (0.005, 0.005, 0.005), step(e.iris * 0.5, e.iris * 0.38, radius))
    eye = _times(eye, mix(1.0, 0.55, step(top - 0.03, top, v)))
    near = step(1.25, 0.9, abs(across))
    lash = exp(-(((v - top - e.lash * 0.4) / (e.lash + 0.004)) ** 2)) * near
    crease = exp(-(((v - top - 0.045) / 0.012) ** 2)) * near * 0.35
    under = exp(-(((v - bottom + 0.07) / 0.025) ** 2)) * near * 0.4 * e.bag
    skin = _times(base, 1.0 - min(crease + under, 0.8))
    return _blend(_blend(skin, eye, inside), (0.01, 0.008, 0.008), clamp(lash, 0.0, 0.95))


@compiled
def _brow(who: Identity, base: Rgb, x: float, y: float) -> Rgb:
    """Paint the eyebrows."""
    e = who.eyes
    ax = abs(x)
    inner, outer = e.brow_inner, e.apart + e.brow_outer
    t = (ax - inner) / (outer - inner)
    if t < -0.1 or t > 1.1:
        return base
    middle = e.brow_level + e.brow_arch * (1.0 - (2.0 * t - 1.1) ** 2) + e.brow_tilt * (ax - e.apart) * 0.6
    thick = e.brow_thick * (1.0 - 0.55 * t) + 0.006
    cover = step(thick * 1.5, thick * 0.6, abs(y - middle)) * step(-0.08, 0.08, t) * step(1.05, 0.85, t)
    cover *= 0.65 + 0.35 * noise(x * 70.0, y * 30.0, 1.0)
    return _blend(base, _times(who.colours.brow, 0.8), cover)


@compiled
def _lips(who: Identity, at: Anchors, base: Rgb, x: float, y: float) -> Rgb:
    """Paint the lips and the line between them."""
    m = who.mouth
    ax = abs(x) / m.width
    if ax > 1.2:
        return base
    v = y - at.mouth_y - m.smile * ax * ax
    fall = max(1.0 - ax**2.2, 0.0)
    dip = 1.0 - 0.3 * exp(-((ax / 0.18) ** 2))
    top, bottom = (m.upper * 2.0 + 0.008) * fall * dip, -(m.lower * 2.0 + 0.008) * fall
    soft = 0.012
    inside = step(top + soft, top - soft, v) * step(bottom - soft, bottom + soft, v)
    painted = _blend(base, who.colours.lips, inside * (0.35 + 0.65 * m.redness))
    line = exp(-((v / 0.012) ** 2)) * step(1.1, 0.95, ax)
    return _times(painted, 1.0 - 0.75 * line)


@compiled
def _beard(who: Identity, at: Anchors, base: Rgb, x: float, y: float, z: float) -> Rgb:
    """Paint beard, moustache and stubble."""
    h, m = who.hair, who.mouth
    if h.beard + h.moustache + h.stubble <= 0.0 or z < -0.1:
        return base
    grain = 0.55 + 0.45 * noise(x * 45.0, y * 28.0, z * 45.0)
    ax = abs(x)
    # The beard's upper edge climbs from below the mouth to the ears.
    edge = at.mouth_y - 0.10 + h.beard_line * 0.25 + 0.75 * max(ax - 0.18, 0.0)
    area = step(edge + 0.06, edge - 0.06, y)
    around = step(m.width + 0.10, m.width - 0.02, ax)
    u, v = ax / (m.width * 1.02), (y - at.mouth_y) / ((m.upper + m.lower) * 1.1 + 0.02)
    lip = step(0.7, 1.3, u * u + v * v)
    chin = -0.84 * who.skull.height - who.skull.chin_radius
    area *= step(chin - 0.04, chin + 0.02, y) if z < 0.3 else 1.0
    above = at.mouth_y + m.upper * 2.0 + 0.06
    moustache = around * step(0.09, 0.03, abs(y - above + 0.10 * ax))
    cover = max(h.beard * area * lip, h.moustache * moustache) * grain
    painted = _blend(base, who.colours.beard, clamp(cover * 1.25, 0.0, 0.97))
    shade = h.stubble * max(area * lip, moustache) * (0.5 + 0.5 * grain)
    return _blend(painted, _times(who.colours.beard, 1.2), shade * 0.7)


@compiled
def _age(who: Identity, at: Anchors, base: Rgb, x: float, y: float) -> Rgb:
    """Draw folds beside the mouth and across the forehead."""
    s = who.skin
    ax = abs(x)
    t = clamp((at.tip_y - y) / (at.tip_y - at.mouth_y + 0.1), 0.0, 1.2)
    fold_x = who.nose.wing_x + 0.06 + 0.14 * t
    fold = exp(-(((ax - fold_x) / 0.018) ** 2)) * step(-0.05, 0.1, t) * step(1.2, 0.9, t)
    dark = 0.45 * s.lines * fold
    over = y - who.eyes.brow_level - 0.12
    if 0.0 < over < 0.3 and ax < 0.42:
        wave = over * 10.0 + 0.3 * noise(x * 4.0, 0.0, 3.0)
        near = abs(wave - float(int(wave)) - 0.5)
        dark += 0.28 * s.lines * step(0.12, 0.02, near)
    return _times(base, 1.0 - min(dark, 0.7))


@compiled
def _complexion(who: Identity, x: float, y: float, z: float) -> Rgb:
    """Return the bare skin's colour: blush, freckles, shadow around the eyes, mottling."""
    s, e = who.skin, who.eyes
    base = _times(who.colours.skin, 0.94 + 0.12 * noise(x * 5.0, y * 5.0, z * 5.0))
    ax = abs(x)
    cheek = exp(-(((ax - who.skull.cheek_x) / 0.18) ** 2) - (((y + 0.2) / 0.16) ** 2))
    base = (
        base[0] * (1.0 + 0.10 * s.blush * cheek),
        base[1] * (1.0 - 0.25 * s.blush * cheek),
        base[2] * (1.0 - 0.22 * s.blush * cheek),
    )
    socket = exp(-(((ax - e.apart) / 0.2) ** 2) - (((y - e.level) / 0.13) ** 2))
    base = _times(base, 1.0 - 0.45 * s.shadow * socket)
    if s.freckles > 0.0 and z > 0.2:
        spot = step(0.68, 0.78, noise(x * 26.0, y * 26.0, z * 13.0)) * step(0.5, 0.1, abs(y + 0.15))
        base = _times(base, 1.0 - 0.5 * s.freckles * spot)
    return base


@compiled
def _nostrils(who: Identity, at: Anchors, base: Rgb, x: float, y: float) -> Rgb:
    """Darken the nostrils."""
    u = (abs(x) - who.nose.wing_x * 0.62) / 0.045
    v = (y - at.tip_y + 0.055 + who.nose.tip_radius * 0.3) / 0.028
    return _times(base, 1.0 - 0.8 * exp(-u * u - v * v))


@compiled
def _strands(colour: Rgb, grain: float, x: float, y: float, z: float) -> Rgb:
    """Streak hair along its fall."""
    streak = noise(x * grain * 2.0, y * 3.0, z * grain * 2.0)
    return _times(colour, 0.6 + 0.8 * streak)


@compiled
def colour(who: Identity, at: Anchors, kind: int, x: float, y: float, z: float, gaze: float) -> Rgb:
    """Return the colour of a point on a surface of the given kind."""
    c = who.colours
    if kind == HAIR:
        return _strands(c.hair, who.hair.grain, x, y, z)
    if kind == FRAME:
        return c.frame
    if kind == HAT:
        return _times(c.hat, 0.85 + 0.3 * noise(x * 30.0, y * 30.0, z * 30.0))
    if kind == CLOTH:
        return _times(c.shirt, 0.9 + 0.2 * noise(x * 20.0, y * 20.0, z * 20.0))
    base = _complexion(who, x, y, z)
    if z < 0.1:
        return _beard(who, at, base, x, y, z)
    base = _age(who, at, base, x, y)
    base = _beard(who, at, base, x, y, z)
    base = _nostrils(who, at, base, x, y)
    base = _lips(who, at, base, x, y)
    base = _brow(who, base, x, y)
    return _eye(who, base, x, y, gaze)
