"""Decode the sampled frames of one fragment, and no frame after the last of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import av

from gatehouse_frames.errors import FragmentError
from gatehouse_frames.media.fragments import Fragment

# A fragment's header says what it holds: looking for that in its frames takes longer than to decode one.
UNPROBED = {"analyzeduration": "0", "probesize": "32", "fpsprobesize": "0"}


@dataclass(frozen=True, slots=True)
class Picture:
    """Hold one decoded frame, its milliseconds into the fragment, and where the fragment's last one is."""

    offset_ms: int
    span_ms: int
    frame: av.VideoFrame


def pictures(fragment: Fragment, choose: Callable[[Sequence[int]], Sequence[int]]) -> Iterator[Picture]:
    """Yield the frames that `choose` picks of the fragment's frame times (producer time, ascending).

    :raises FragmentError: no video in it, or not decodable, also while frames are taken
    """
    try:
        with av.open(io.BytesIO(fragment.mkv), mode="r", format="matroska", options=UNPROBED) as container:
            if not container.streams.video:
                raise FragmentError(f"fragment {fragment.number} holds no video track")
            codec = container.streams.video[0].codec_context
            if codec is None:  # PyAV's stubs don't say so
                raise FragmentError(f"fragment {fragment.number} holds video of a codec that isn't known")
            codec.thread_count = 1
            packets = [packet for packet in container.demux(video=0) if packet.size]
            yield from _chosen(fragment, packets, choose)
    except av.FFmpegError as error:
        raise FragmentError(f"fragment {fragment.number} can't be decoded: {error}") from error


def _chosen(
    fragment: Fragment, packets: list[Any], choose: Callable[[Sequence[int]], Sequence[int]]
) -> Iterator[Picture]:
    offsets = {
        packet.pts: max(0, round(packet.pts * packet.time_base * 1000) - fragment.timecode_ms)
        for packet in packets
        if packet.pts is not None
    }
    if not offsets:
        raise FragmentError(f"fragment {fragment.number} holds no frame")
    shown = sorted(offsets)
    wanted = {shown[at] for at in choose([fragment.producer_ms + offsets[pts] for pts in shown])}
    for frame in _decoded(packets) if wanted else ():
        if frame.pts in wanted:
            wanted.remove(frame.pts)
            yield Picture(offsets[frame.pts], offsets[shown[-1]], frame)
        if not wanted:
            return
    if wanted:
        raise FragmentError(f"{len(wanted)} frames of fragment {fragment.number} can't be decoded")


def _decoded(packets: list[Any]) -> Iterator[av.VideoFrame]:
    for packet in packets:
        yield from packet.decode()
    yield from packets[0].stream.codec_context.decode(None)
