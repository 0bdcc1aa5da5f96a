"""Build fragments of real H.264 without a front door."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest

from gatehouse_local.kinesisvideo.media import Fragment


@pytest.fixture
def fragment() -> Callable[..., Fragment]:
    """Make a fragment of `frames` frames whose first pixel column's brightness is the frame's number."""

    def make(frames: int, *, fps: int = 10, producer: float = 1000.0, b_frames: int = 0) -> Fragment:
        sink = io.BytesIO()
        with av.open(sink, "w", format="matroska") as output:
            options = {"preset": "ultrafast", "x264-params": f"bframes={b_frames}:b-adapt=0:keyint=250"}
            stream = output.add_stream("libx264", rate=fps, options=options)
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000)
            for number in range(frames):
                pixels = np.full((64, 64, 3), 40 + number * 6, np.uint8)
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, frame.time_base = number * 1000 // fps, Fraction(1, 1000)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return Fragment(
            "91343852333179544392790137598077231385372247322",
            producer,
            round(producer + 0.1, 3),
            0,
            sink.getvalue(),
        )

    return make
