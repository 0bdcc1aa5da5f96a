"""Hold what a camera sends: pictures already cut into RTP payloads, and how its SDP describes them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from gatehouse_sample.cameras.film import CLOCK_RATE, Film
from gatehouse_sample.cameras.rtp import aggregate, h265_payloads, payloads


@dataclass(frozen=True, slots=True)
class Picture:
    """Hold one picture: ticks from the start of the loop and its payloads, in order."""

    ticks: int
    key: bool
    payloads: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Reel:
    """Hold one loop as groups of pictures, each starting with a key frame; `ticks` is the loop's length."""

    coding: str
    parameters: str
    gops: tuple[tuple[Picture, ...], ...]
    ticks: int

    @property
    def seconds(self) -> float:
        """Return the loop's length in seconds."""
        return self.ticks / CLOCK_RATE


def h264_reel(film: Film) -> Reel:
    """Cut a film into payloads; parameter sets go before every key frame, as cameras send them."""
    sets = aggregate((film.sps, film.pps))
    pictures = [
        Picture(unit.ticks, unit.key, (*((sets,) if unit.key else ()), *payloads(unit.nals)))
        for unit in film.units
    ]
    encoded = ",".join(base64.b64encode(nal).decode() for nal in (film.sps, film.pps))
    profile = film.sps[1:4].hex().upper()
    return Reel(
        "H264",
        f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={encoded}",
        _gops(pictures),
        film.ticks,
    )


def h265_reel(fps: int = 12) -> Reel:
    """Encode one second of grey as H.265: what a camera sends whose codec someone changed."""
    encoder = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 320, 240, "yuv420p"
    encoder.time_base = Fraction(1, fps)
    encoder.options = {"preset": "ultrafast", "x265-params": f"bframes=0:keyint={fps}:log-level=none:pools=1"}
    grey = av.VideoFrame.from_ndarray(np.full((240, 320, 3), 128, np.uint8), format="rgb24")
    packets = []
    for index in range(fps):
        grey.pts = index
        packets += encoder.encode(grey)
    packets += encoder.encode(None)
    pictures = [
        Picture(index * CLOCK_RATE // fps, packet.is_keyframe, tuple(h265_payloads(_annex_b(bytes(packet)))))
        for index, packet in enumerate(packets)
    ]
    return Reel("H265", "level-id=93", _gops(pictures), CLOCK_RATE)


def _gops(pictures: list[Picture]) -> tuple[tuple[Picture, ...], ...]:
    """Group pictures at their key frames."""
    groups: list[list[Picture]] = []
    for picture in pictures:
        if picture.key:
            groups.append([])
        groups[-1].append(picture)
    return tuple(map(tuple, groups))


def _annex_b(data: bytes) -> list[bytes]:
    """Split an encoder's raw output at its start codes."""
    return [nal.rstrip(b"\0") for nal in data.split(b"\0\0\1") if nal.rstrip(b"\0")]
