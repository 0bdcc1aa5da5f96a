"""Turn an image file's bytes into pixels, within bounds.

The header is read first, so a decompression bomb is refused by its declared size and never decoded.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from gatehouse_local.engine.errors import ImageTooLargeError, ImageTooSmallError, UnreadableImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# AWS's words: "Input image dimensions W x H exceed maximum dimension size of 10000 pixels".
MAX_SIDE = 10_000
# Two sides of 10,000 would be 300 MB of pixels; a 50-megapixel camera is the largest in use.
MAX_PIXELS = 50_000_000
# AWS Rekognition limits: at least 80 pixels high and wide.
MIN_SIDE = 80


def decode(data: bytes, *, max_side: int) -> NDArray[np.uint8]:
    """Decode a JPEG or PNG into an upright RGB array whose longer side is at most `max_side`.

    :raises UnreadableImageError: another format, a truncated or damaged file
    :raises ImageTooSmallError, ImageTooLargeError: a side or the area is out of bounds
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            check_dimensions(*image.size)
            # JPEG decoding at a half, quarter or eighth costs that much less; PNG ignores it.
            image.draft("RGB", (max_side, max_side))
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((max_side, max_side), Image.Resampling.BILINEAR)
            return np.asarray(upright.convert("RGB"))
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(f"Input image is too large to decode: {error}") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnreadableImageError(f"not a complete JPEG or PNG: {error}") from error


def check_dimensions(width: int, height: int) -> None:
    """Refuse an image that is smaller or larger than Rekognition looks at."""
    size = f"Input image dimensions {width} x {height}"
    if max(width, height) > MAX_SIDE:
        raise ImageTooLargeError(f"{size} exceed maximum dimension size of {MAX_SIDE} pixels")
    if width * height > MAX_PIXELS:
        raise ImageTooLargeError(f"{size} exceed {MAX_PIXELS} pixels in all")
    if min(width, height) < MIN_SIDE:
        raise ImageTooSmallError(f"{size} are below the minimum dimension size of {MIN_SIDE} pixels")
