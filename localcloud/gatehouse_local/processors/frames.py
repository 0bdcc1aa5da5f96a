"""Decode the sampled frames of one fragment, and no frame after the last of them."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gatehouse_local.kinesisvideo.media import Fragment
    from gatehouse_local.processors.sampling import Sampler

# Every fragment says in its own header what it holds: looking for that in its frames takes longer than to
# decode the one that is sampled.
UNPROBED = {"analyzeduration": "0", "probesize": "32", "fpsprobesize": "0"}


class FragmentUndecodableError(Exception):
    """Raise for a fragment that holds no video that PyAV can decode."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One sampled frame: seconds into its fragment, and its pixels as RGB."""

    offset: float
    pixels: NDArray[np.uint8]


class Clip:
    """The packets of one open fragment, read but not decoded."""

    def __init__(self, fragment: Fragment, packets: list[Any]) -> None:
        timed = (packet for packet in packets if packet.pts is not None)
        self._shown = sorted(timed, key=lambda packet: int(packet.pts))
        self._offsets = [float(one.pts * one.time_base) - fragment.timecode for one in self._shown]
        self._packets = packets
        self._start = fragment.producer_timestamp

    @property
    def span(self) -> float:
        """Return the last frame's offset in seconds: a fragment can't be read before it is over."""
        return self._offsets[-1] if self._offsets else 0.0

    def frames(self, sampler: Sampler) -> Iterator[Frame]:
        """Yield the frames that the sampler chooses, in order of time; decodes up to the last of them."""
        chosen = sampler.choose(self._start + offset for offset in self._offsets)
        wanted = {self._shown[index].pts: self._offsets[index] for index in chosen}
        for picture in self._decoded() if wanted else ():
            offset = wanted.pop(picture.pts, None)
            if offset is not None:
                yield Frame(offset, picture.to_ndarray(format="rgb24"))
            if not wanted:
                return

    def _decoded(self) -> Iterator[Any]:
        for packet in self._packets:
            yield from packet.decode()
        yield from self._packets[0].stream.codec_context.decode(None)


@contextmanager
def open_clip(fragment: Fragment) -> Iterator[Clip]:
    """Open a fragment for sampling.

    :raises FragmentUndecodableError: no video track, or not decodable, also while frames are taken
    """
    try:
        with av.open(io.BytesIO(fragment.mkv), mode="r", format="matroska", options=UNPROBED) as container:
            if not container.streams.video:
                raise FragmentUndecodableError(f"fragment {fragment.number} holds no video track")
            container.streams.video[0].codec_context.thread_count = 1
            yield Clip(fragment, [packet for packet in container.demux(video=0) if packet.size])
    except av.FFmpegError as error:
        raise FragmentUndecodableError(f"fragment {fragment.number} can't be decoded: {error}") from error
