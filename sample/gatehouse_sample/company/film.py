"""Encode a camera's loop as its encoder would: H.264, a key frame each second, no B-frames."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av

from gatehouse_sample.company.scene import HEIGHT, WIDTH, Scene
from gatehouse_sample.company.schedule import LOOP_SECONDS, CameraPlace, Visit
from gatehouse_sample.company.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

FPS = 12
BIT_RATE = 600_000
_OPTIONS = {
    "preset": "veryfast",
    "x264-params": f"keyint={FPS}:min-keyint={FPS}:scenecut=0:bframes=0:vbv-maxrate=900:vbv-bufsize=900",
}


def make_film(
    path: Path,
    place: CameraPlace,
    visits: Sequence[Visit],
    looks: Mapping[str, Sequence[NDArray[np.uint8]]],
) -> None:
    """Write one loop's MP4; it appears complete or not at all."""
    encode(path, _pictures(place, visits, looks))


def encode(path: Path, pictures: Iterable[NDArray[np.uint8]], profile: str = "main") -> None:
    """Write pictures as an MP4, a key frame first and each second; complete or not at all."""
    part = path.with_name(f".{path.name}")
    with av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options=_OPTIONS | {"profile": profile})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = BIT_RATE
        stream.codec_context.time_base = Fraction(1, FPS)
        stream.codec_context.thread_count = 1
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    part.replace(path)


def frame_count() -> int:
    """Return how many frames a loop has."""
    return round(LOOP_SECONDS * FPS)


def _pictures(
    place: CameraPlace, visits: Sequence[Visit], looks: Mapping[str, Sequence[NDArray[np.uint8]]]
) -> Iterator[NDArray[np.uint8]]:
    """Give a loop's frames in order."""
    scene = Scene(place.camera_id, place.zone)
    walks = [
        Walk(visit, looks[visit.subject], rightwards=number % 2 == 0) for number, visit in enumerate(visits)
    ]
    for index in range(frame_count()):
        steps = [step for walk in walks if (step := walk.at(index / FPS)) is not None]
        if steps:
            yield scene.frame(steps[0].picture, steps[0].left, steps[0].top)
        else:
            yield scene.frame()
