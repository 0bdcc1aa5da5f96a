"""Draw the place a camera looks at, and put the person in front of it."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH, HEIGHT = 640, 480
NOISE = 2.0
"""Standard deviation of the sensor's noise, in grey levels."""
_NOISE_FRAMES = 12
_WALLS = ((196, 190, 178), (178, 188, 196), (190, 196, 182), (200, 184, 176), (182, 180, 192))
_FLOOR_Y = 360


def background(camera_id: str, zone: str) -> NDArray[np.uint8]:
    """Draw an empty room, the same for ever for a camera."""
    random = np.random.default_rng(zlib.crc32(camera_id.encode()))
    image = Image.new("RGB", (WIDTH, HEIGHT), _WALLS[int(random.integers(len(_WALLS)))])
    draw = ImageDraw.Draw(image)
    _floor(draw, random)
    _window(draw, int(random.integers(20, 80)))
    _door(draw, int(random.integers(420, 500)))
    _shelf(draw, int(random.integers(180, 260)), random)
    soft = image.filter(ImageFilter.GaussianBlur(1.6))
    ImageDraw.Draw(soft).text(
        (8, 6), f"{camera_id}  {zone}", fill=(245, 245, 245), font=ImageFont.load_default(13)
    )
    shade = 1.0 - 0.25 * np.linspace(0, 1, HEIGHT)[:, None, None]
    return (np.asarray(soft) * shade).astype(np.uint8)


def _floor(draw: ImageDraw.ImageDraw, random: np.random.Generator) -> None:
    """Lay floorboards running to the back wall."""
    tone = int(random.integers(90, 130))
    draw.rectangle((0, _FLOOR_Y, WIDTH, HEIGHT), fill=(tone + 20, tone + 4, tone - 14))
    for x in range(-600, WIDTH + 600, 90):
        draw.line(
            (WIDTH // 2 + (x - WIDTH // 2) // 2, _FLOOR_Y, x, HEIGHT), fill=(tone, tone - 12, tone - 26)
        )
    draw.rectangle((0, _FLOOR_Y - 7, WIDTH, _FLOOR_Y), fill=(226, 222, 214))


def _window(draw: ImageDraw.ImageDraw, x: int) -> None:
    """Hang a window with sky."""
    draw.rectangle((x, 60, x + 120, 230), fill=(238, 238, 234))
    for left, top in ((x + 6, 66), (x + 64, 66), (x + 6, 150), (x + 64, 150)):
        draw.rectangle((left, top, left + 50, top + 74), fill=(186, 212, 230))


def _door(draw: ImageDraw.ImageDraw, x: int) -> None:
    """Set a door with a glass pane."""
    draw.rectangle((x, 90, x + 120, _FLOOR_Y), fill=(122, 98, 78))
    draw.rectangle((x + 22, 115, x + 98, 220), fill=(168, 186, 190))
    draw.rectangle((x + 100, 236, x + 112, 242), fill=(214, 208, 190))


def _shelf(draw: ImageDraw.ImageDraw, x: int, random: np.random.Generator) -> None:
    """Put up a shelf with books."""
    for y in (150, 215):
        draw.rectangle((x, y, x + 170, y + 6), fill=(110, 84, 62))
        left = x + 6
        while left < x + 150:
            width, tall = int(random.integers(7, 16)), int(random.integers(26, 46))
            red, green, blue = (int(value) for value in random.integers(60, 190, 3))
            draw.rectangle((left, y - tall, left + width, y - 1), fill=(red, green, blue))
            left += width + 2


class Scene:
    """Give a camera's frames one by one, with a sensor's noise drawn from a few fields at random."""

    def __init__(self, camera_id: str, zone: str) -> None:
        self._random = np.random.default_rng(zlib.crc32(camera_id.encode()) + 1)
        grain = self._random.normal(0, NOISE, (_NOISE_FRAMES, HEIGHT, WIDTH, 1))
        self._grain = np.round(grain).astype(np.int16)
        empty = background(camera_id, zone).astype(np.int16)
        self._empty = [_shown(empty + field) for field in self._grain]

    def frame(
        self, person: NDArray[np.uint8] | None = None, left: int = 0, top: int = 0
    ) -> NDArray[np.uint8]:
        """Return one RGB frame, with a cut-out (RGBA) at a place that may lie partly outside."""
        field = int(self._random.integers(_NOISE_FRAMES))
        picture = self._empty[field].copy()
        if person is not None:
            _paste(picture, person, left, top, self._grain[field])
        return picture


def _shown(levels: NDArray[np.int16] | NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return grey levels as a camera would: whole and within range."""
    shown: NDArray[np.uint8] = np.clip(levels, 0, 255).astype(np.uint8)
    return shown


def _paste(
    picture: NDArray[np.uint8], person: NDArray[np.uint8], left: int, top: int, grain: NDArray[np.int16]
) -> None:
    """Blend the visible part of a cut-out, with its own noise, into a picture."""
    rows, columns = person.shape[:2]
    x0, x1 = max(left, 0), min(left + columns, WIDTH)
    y0, y1 = max(top, 0), min(top + rows, HEIGHT)
    if x0 >= x1 or y0 >= y1:
        return
    part = person[y0 - top : y1 - top, x0 - left : x1 - left].astype(np.float32)
    cover = part[..., 3:] / 255.0
    under = picture[y0:y1, x0:x1]
    noisy = part[..., :3] + grain[y0:y1, x0:x1]
    picture[y0:y1, x0:x1] = _shown(noisy * cover + under * (1.0 - cover))
