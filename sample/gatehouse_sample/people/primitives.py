"""Signed distances of simple solids, ways to blend them, and noise: the alphabet of a head.

Coordinates are the head's own: x to the viewer's right, y up, z towards the viewer; a face is about two
units high. Distances are estimates from below near the surface, which is what ray marching needs.
"""

from __future__ import annotations

from math import floor, sin, sqrt

from gatehouse_sample.people.compiled import compiled


@compiled
def clamp(value: float, low: float, high: float) -> float:
    """Return the value kept within two bounds."""
    return min(max(value, low), high)


@compiled
def step(low: float, high: float, value: float) -> float:
    """Rise smoothly from 0 at `low` to 1 at `high`; `low` > `high` falls instead."""
    t = clamp((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@compiled
def mix(a: float, b: float, share: float) -> float:
    """Return a weighted mean."""
    return a + (b - a) * share


@compiled
def join(a: float, b: float, radius: float) -> float:
    """Unite two solids with a fillet of a radius."""
    h = max(radius - abs(a - b), 0.0) / radius
    return min(a, b) - h * h * radius * 0.25


@compiled
def carve(a: float, b: float, radius: float) -> float:
    """Take solid b out of solid a with a rounded edge."""
    return -join(-a, b, radius)


@compiled
def ellipsoid(x: float, y: float, z: float, rx: float, ry: float, rz: float) -> float:
    """Return the distance to an ellipsoid around the origin."""
    ax, ay, az = x / rx, y / ry, z / rz
    outer = sqrt(ax * ax + ay * ay + az * az)
    bx, by, bz = ax / rx, ay / ry, az / rz
    inner = sqrt(bx * bx + by * by + bz * bz)
    return outer * (outer - 1.0) / max(inner, 1e-5)


@compiled
def ball(x: float, y: float, z: float, radius: float) -> float:
    """Return the distance to a ball around the origin."""
    return sqrt(x * x + y * y + z * z) - radius


@compiled
def rod(
    x: float, y: float, z: float, tx: float, ty: float, tz: float, radius: float, end_radius: float
) -> float:
    """Return the distance to a rod from the origin to a tip, tapering between two radii."""
    h = clamp((x * tx + y * ty + z * tz) / (tx * tx + ty * ty + tz * tz), 0.0, 1.0)
    return ball(x - tx * h, y - ty * h, z - tz * h, mix(radius, end_radius, h))


@compiled
def _lattice(x: float, y: float, z: float) -> float:
    """Return a value in 0..1 that looks random, fixed for each lattice point."""
    s = sin(x * 127.1 + y * 311.7 + z * 74.7) * 43758.5453
    return s - floor(s)


@compiled
def noise(x: float, y: float, z: float) -> float:
    """Return smooth noise in 0..1 of period one."""
    ix, iy, iz = floor(x), floor(y), floor(z)
    fx, fy, fz = x - ix, y - iy, z - iz
    fx, fy, fz = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy), fz * fz * (3 - 2 * fz)
    low = mix(
        mix(_lattice(ix, iy, iz), _lattice(ix + 1, iy, iz), fx),
        mix(_lattice(ix, iy + 1, iz), _lattice(ix + 1, iy + 1, iz), fx),
        fy,
    )
    high = mix(
        mix(_lattice(ix, iy, iz + 1), _lattice(ix + 1, iy, iz + 1), fx),
        mix(_lattice(ix, iy + 1, iz + 1), _lattice(ix + 1, iy + 1, iz + 1), fx),
        fy,
    )
    return mix(low, high, fz)
