"""Read a probe's clip and lay it over an interval; decides which clip picture has which producer time.

A clip keeps the camera's track: its SPS and PPS go in-band, before each of its key frames, and the MKV
header stays the camera's. AWS allows no other way within a connection: "An MKV stream containing more than
one MKV segment or containing disallowed MKV elements (like track*) also results in the Error
acknowledgement" (PutMedia, Kinesis Video Streams developer guide), and every fragment is stored with the
header given at the connection's start. The producer SDK forbids a change of codec private data while it
streams for the same reason (`kinesisVideoStreamFormatChanged`). A viewer over HLS may show the clip badly;
what decodes H.264 (GetMedia, GetImages, Rekognition) follows the parameter sets it meets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
from av.error import FFmpegError

from gatehouse_edge.errors import ProbeError
from gatehouse_edge.media import mkv
from gatehouse_edge.media.h264 import PPS, SPS

# AWS takes fragments of 1–20 s; a cut waits for a key frame, so key frames may be no further apart.
MINIMUM_MS = 1_000
_LONGEST_GOP_MS = 9_000
_REMEDY = "make it anew: H.264 in MP4, a key frame first and at least every 9 s, no B-frames"


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """One coded picture: NAL units with 4-byte lengths; a key frame carries its parameter sets."""

    offset_ms: int
    key: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip, key frame first; `duration_ms` is where it begins again in an interval that is longer."""

    frames: tuple[ClipFrame, ...]
    duration_ms: int


@dataclass(frozen=True, slots=True)
class ClipCut:
    """The part of a clip that becomes one fragment."""

    start_ms: int
    end_ms: int
    blocks: tuple[mkv.Block, ...]


def cut_clip(clip: Clip, start_ms: int, end_ms: int) -> list[ClipCut]:
    """Lay a clip over [start_ms, end_ms), again and again, and cut it at key frames into fragments.

    The first cut starts at `start_ms`, the last ends at `end_ms`, and none is shorter than AWS takes.
    """
    cuts: list[ClipCut] = []
    opened, blocks = start_ms, list[mkv.Block]()
    for at_ms, frame in _laid(clip, start_ms, end_ms):
        if frame.key and at_ms - opened >= MINIMUM_MS and end_ms - at_ms >= MINIMUM_MS:
            cuts.append(ClipCut(opened, at_ms, tuple(blocks)))
            opened, blocks = at_ms, []
        blocks.append((at_ms - opened, frame.key, frame.data))
    return [*cuts, ClipCut(opened, end_ms, tuple(blocks))]


def _laid(clip: Clip, start_ms: int, end_ms: int) -> Iterator[tuple[int, ClipFrame]]:
    for turn in range(start_ms, end_ms, clip.duration_ms):
        for frame in clip.frames:
            if turn + frame.offset_ms >= end_ms:
                return
            yield turn + frame.offset_ms, frame


def read_clip(path: Path) -> Clip:
    """Read a clip's file; ProbeError says what is wrong with it. Takes a few ms, in a thread."""
    try:
        with av.open(str(path), "r") as container:
            frames, duration_ms = _frames(container)
    except FFmpegError as error:
        raise ProbeError(f"the clip can't be read ({type(error).__name__}): {_REMEDY}") from error
    keys = [frame.offset_ms for frame in frames if frame.key] + [duration_ms]
    if not frames or not frames[0].key or duration_ms <= frames[-1].offset_ms:
        raise ProbeError(f"the clip doesn't begin with a key frame, or tells no durations: {_REMEDY}")
    if max(later - earlier for earlier, later in pairwise(keys)) > _LONGEST_GOP_MS:
        raise ProbeError(f"the clip's key frames are over 9 s apart: {_REMEDY}")
    return Clip(frames, duration_ms)


def _frames(container: av.container.InputContainer) -> tuple[tuple[ClipFrame, ...], int]:
    video = container.streams.video[0] if container.streams.video else None
    extra = bytes(video.codec_context.extradata or b"") if video else b""
    if video is None or video.codec_context.name != "h264" or extra[:1] != b"\x01":
        raise ProbeError(f"the clip holds no H.264 video: {_REMEDY}")
    sets, width = _parameter_sets(extra), (extra[4] & 3) + 1
    frames: list[ClipFrame] = []
    first = end = 0.0
    for packet in container.demux(video):
        if packet.pts is None or packet.time_base is None or not packet.size:
            continue
        if packet.pts != packet.dts:
            raise ProbeError(f"the clip has B-frames: {_REMEDY}")
        at = float(packet.pts * packet.time_base)
        first = at if not frames else first
        end = at + float((packet.duration or 0) * packet.time_base)
        nals = b"".join(_sized(nal) for nal in _nals(bytes(packet), width) if nal[0] & 31 not in (SPS, PPS))
        data = sets + nals if packet.is_keyframe else nals
        frames.append(ClipFrame(round((at - first) * 1000), packet.is_keyframe, data))
    return tuple(frames), round((end - first) * 1000)


def _parameter_sets(extra: bytes) -> bytes:
    """Return the first SPS and PPS of an avcC box (ISO 14496-15 §5.3.3), each with its length."""
    length = int.from_bytes(extra[6:8], "big")
    sps, rest = extra[8 : 8 + length], extra[8 + length :]
    return _sized(sps) + _sized(rest[3 : 3 + int.from_bytes(rest[1:3], "big")])


def _nals(sample: bytes, width: int) -> Iterator[bytes]:
    at = 0
    while at + width < len(sample):
        size = int.from_bytes(sample[at : at + width], "big")
        yield sample[at + width : at + width + size]
        at += width + size


def _sized(nal: bytes) -> bytes:
    return len(nal).to_bytes(4, "big") + nal
