"""Read a camera's MP4 once into H.264 access units, ready to be sent for ever without transcoding."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av

from gatehouse_sample.errors import FilmError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLOCK_RATE = 90_000
"""Ticks a second of every RTP timestamp of video."""

_SPS, _PPS, _AUD = 7, 8, 9


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """Hold one coded picture: its place in the film (ticks from the start) and its NAL units."""

    ticks: int
    key: bool
    nals: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Film:
    """Hold one loop of a camera's picture; `ticks` is the loop's length."""

    sps: bytes
    pps: bytes
    units: tuple[AccessUnit, ...]
    ticks: int


def read_film(path: Path) -> Film:
    """Read a video; its first picture must be a key frame and none may be out of order (no B-frames)."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if stream.codec_context.name != "h264" or stream.codec_context.extradata is None:
            raise FilmError(f"{path}: is {stream.codec_context.name}, cameras serve H.264; make it again")
        sps, pps, size = _parameter_sets(bytes(stream.codec_context.extradata), path)
        units, end = [], 0
        for packet in container.demux(stream):
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue
            if packet.pts != packet.dts:
                raise FilmError(f"{path}: has B-frames, which cameras don't send; encode with bf=0")
            ticks = round(packet.pts * packet.time_base * CLOCK_RATE)
            end = ticks + round((packet.duration or 0) * packet.time_base * CLOCK_RATE)
            units.append(AccessUnit(ticks, packet.is_keyframe, tuple(_picture_nals(bytes(packet), size))))
    if not units or not units[0].key or end <= units[-1].ticks:
        raise FilmError(f"{path}: doesn't start with a key frame or tells no durations; make it again")
    return Film(sps, pps, tuple(units), end)


def _parameter_sets(extradata: bytes, path: Path) -> tuple[bytes, bytes, int]:
    """Return SPS, PPS and the size of NAL length fields from an avcC box (ISO 14496-15 §5.3.3)."""
    if extradata[:1] != b"\x01":
        raise FilmError(f"{path}: has no avcC header; only MP4 or MKV files can be served")
    size = (extradata[4] & 3) + 1
    (sps_length,) = struct.unpack_from(">H", extradata, 6)
    sps = extradata[8 : 8 + sps_length]
    (pps_length,) = struct.unpack_from(">H", extradata, 9 + sps_length)
    pps_at = 11 + sps_length
    return sps, extradata[pps_at : pps_at + pps_length], size


def _picture_nals(data: bytes, size: int) -> Iterator[bytes]:
    """Split a sample into NAL units, without those that the stream carries elsewhere."""
    at = 0
    while at + size <= len(data):
        length = int.from_bytes(data[at : at + size], "big")
        nal = data[at + size : at + size + length]
        at += size + length
        if nal and nal[0] & 0x1F not in (_SPS, _PPS, _AUD):
            yield nal
