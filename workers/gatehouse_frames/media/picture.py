"""Make of a decoded frame what is compared and what is sent to Rekognition."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from gatehouse.frames.crops import Crop
from gatehouse.frames.motion import THUMBNAIL_SIZE, Grey

# Rekognition's bound for a picture in the request (aws.md §1).
MOST_BYTES = 5_242_880
# JPEG quantizers of FFmpeg's encoder, best first; 2 is about quality 95.
_QUANTIZERS = (2, 5, 10, 20, 31)
_GREY = 128


def thumbnail(frame: av.VideoFrame) -> Grey:
    """Return the frame small and grey."""
    width, height = THUMBNAIL_SIZE
    return np.asarray(frame.reformat(width=width, height=height, format="gray").to_ndarray(), dtype=np.uint8)


def jpeg(frame: av.VideoFrame) -> bytes:
    """Encode a frame, as well as Rekognition's bound allows."""
    data = b""
    for quantizer in _QUANTIZERS:
        data = _encode(frame, quantizer)
        if len(data) <= MOST_BYTES:
            break
    return data


def cut(pixels: NDArray[np.uint8], crop: Crop) -> bytes:
    """Cut a face out of the frame's RGB pixels, as JPEG; other faces in it are grey."""
    part = pixels[crop.rect.top : crop.rect.bottom, crop.rect.left : crop.rect.right].copy()
    for mask in crop.masks:
        rows = slice(mask.top - crop.rect.top, mask.bottom - crop.rect.top)
        part[rows, mask.left - crop.rect.left : mask.right - crop.rect.left] = _GREY
    image = av.VideoFrame.from_ndarray(part, format="rgb24")
    if crop.scale > 1:
        image = image.reformat(width=image.width * crop.scale, height=image.height * crop.scale)
    return jpeg(image)


def _encode(frame: av.VideoFrame, quantizer: int) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 1)
    encoder.qmin = encoder.qmax = quantizer
    image = frame.reformat(format="yuvj420p")
    image.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(image), *encoder.encode(None)])
