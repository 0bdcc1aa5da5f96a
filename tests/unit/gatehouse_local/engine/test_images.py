"""Images are decoded within bounds or refused by what is wrong with them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gatehouse_local.engine.errors import ImageTooLargeError, ImageTooSmallError, UnreadableImageError
from gatehouse_local.engine.images import decode


def encoded(width: int, height: int, kind: str = "JPEG", **options: object) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds next to nothing: what a decompression bomb looks like."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_jpeg_and_png_become_rgb_arrays(kind: str) -> None:
    pixels = decode(encoded(120, 90, kind), max_side=1920)
    assert (pixels.shape, pixels.dtype) == ((90, 120, 3), np.uint8)


def test_grey_and_transparent_images_become_rgb() -> None:
    for mode in ("L", "RGBA", "P"):
        buffer = io.BytesIO()
        Image.new(mode, (100, 100)).save(buffer, "PNG")
        assert decode(buffer.getvalue(), max_side=1920).shape == (100, 100, 3)


def test_a_large_photo_is_scaled_to_the_longest_side() -> None:
    assert decode(encoded(3000, 1500), max_side=1000).shape == (500, 1000, 3)


def test_a_photo_is_turned_as_its_exif_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encoded(200, 100, exif=exif), max_side=1920).shape == (200, 100, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.7\n1 0 obj",
        encoded(200, 200)[:3000],
        encoded(200, 200, "PNG")[:3000],
        encoded(200, 200, "BMP"),
        encoded(200, 200, "GIF"),
        encoded(200, 200, "WEBP"),
    ],
    ids=["empty", "pdf", "truncated jpeg", "truncated png", "bmp", "gif", "webp"],
)
def test_what_is_no_complete_jpeg_or_png_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        decode(data, max_side=1920)


def test_an_image_below_80_pixels_is_too_small() -> None:
    with pytest.raises(ImageTooSmallError, match="30 x 30"):
        decode(encoded(30, 30), max_side=1920)


@pytest.mark.parametrize("size", [(10_001, 100), (9_000, 9_000), (50_000, 50_000)])
def test_a_decompression_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(ImageTooLargeError):
        decode(png_header(*size), max_side=1920)
