"""Give the camera tests a company of two cameras with three seconds of picture each."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

FPS, SECONDS = 10, 3


def write_film(path: Path, *, bframes: int = 0) -> None:
    """Encode noise with a moving square, one key frame a second."""
    generator = np.random.default_rng(1)
    options = {"bf": str(bframes), "g": str(FPS), "sc_threshold": "0", "preset": "ultrafast"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        for index in range(FPS * SECONDS):
            image = generator.integers(0, 60, (240, 320, 3), np.uint8)
            image[100:140, 5 * index : 5 * index + 40] = 250
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_film(path)
    return path


@pytest.fixture
def company(tmp_path: Path, film: Path) -> Path:
    folder = tmp_path / "company"
    (folder / "videos").mkdir(parents=True)
    for name in ("CAM_A", "CAM_B"):
        (folder / "videos" / f"{name}.mp4").write_bytes(film.read_bytes())
    secret = {"url": "rtsp://{host}:{port}/CAM", "username": "gate", "password": "h0use"}
    (folder / "secrets.json").write_text(json.dumps({"CAM_A": secret, "CAM_B": secret}))
    return folder
