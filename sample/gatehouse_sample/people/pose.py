"""Say how a person is seen: pose and light, one set for enrolment photos and another for video.

The two sets share no yaw, no pitch and no light, so a match across them is recognition and not recall.
"""

from __future__ import annotations

from typing import NamedTuple

from gatehouse_sample.people.identity import Rgb


class Light(NamedTuple):
    """Light a scene: a key lamp (direction to it, colour), a fill from the front, the room's own light."""

    key: tuple[float, float, float]
    key_colour: Rgb
    fill: float
    room: float


class Pose(NamedTuple):
    """Turn a head; degrees. Yaw turns to the viewer's right, pitch up, roll clockwise."""

    yaw: float
    pitch: float
    roll: float
    gaze: float
    light: Light


STUDIO = Light(key=(-0.35, 0.55, 1.0), key_colour=(1.0, 0.98, 0.95), fill=0.45, room=0.35)
WINDOW = Light(key=(0.75, 0.45, 0.85), key_colour=(0.95, 1.0, 1.08), fill=0.35, room=0.35)
CEILING = Light(key=(0.15, 1.0, 0.75), key_colour=(1.06, 1.0, 0.9), fill=0.45, room=0.35)
LOBBY = Light(key=(-0.8, 0.35, 0.8), key_colour=(1.08, 1.0, 0.88), fill=0.4, room=0.3)

ENROLMENT = (
    Pose(-13.0, 0.0, 0.0, 0.0, STUDIO),
    Pose(0.0, 0.0, 0.0, 0.0, STUDIO),
    Pose(13.0, 0.0, 0.0, 0.0, STUDIO),
)

# In the order a visitor turns the head while walking past: neighbours are close.
VIDEO = (
    Pose(-18.0, 3.0, -2.0, 0.02, LOBBY),
    Pose(-10.0, 4.0, -1.5, 0.015, LOBBY),
    Pose(-5.0, -3.0, 1.0, 0.01, CEILING),
    Pose(-2.0, 5.0, 2.0, 0.0, CEILING),
    Pose(4.0, -4.0, -1.0, -0.01, CEILING),
    Pose(7.0, 3.0, 1.5, -0.01, WINDOW),
    Pose(11.0, -2.0, 2.0, -0.015, WINDOW),
    Pose(17.0, 2.0, 1.0, -0.02, WINDOW),
)
