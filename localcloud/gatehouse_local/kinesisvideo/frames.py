"""Decode single frames out of a stored fragment and encode them as pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import av
from PIL import Image

# Times on the wire are rounded to a millisecond, so a frame may be asked for by that much too early.
_ROUNDING_MS = 1


@dataclass(frozen=True, slots=True)
class Picture:
    """Say how a frame is encoded; no size means the video's own, a height alone keeps the shape."""

    kind: str
    quality: int
    width: int | None
    height: int | None

    def encode(self, image: Image.Image) -> bytes:
        """Encode one image as JPEG or PNG."""
        if self.height is not None:
            width = self.width or max(1, round(image.width * self.height / image.height))
            image = image.resize((width, self.height), Image.Resampling.BILINEAR)
        out = io.BytesIO()
        options = {"quality": self.quality} if self.kind == "JPEG" else {}
        image.save(out, self.kind, **options)
        return out.getvalue()


@dataclass(frozen=True, slots=True)
class Shown:
    """Hold the frame on show at an offset: its own offset, both in milliseconds into the fragment."""

    asked_ms: int
    offset_ms: int
    image: Image.Image


class NoPictureError(Exception):
    """Say that a fragment holds no video that can be decoded."""


def frames_at(mkv: bytes, timecode_ms: int, offsets_ms: Sequence[int]) -> Iterator[Shown]:
    """Yield, for ascending offsets into a fragment, the last frame that started by then.

    The first frame stands for offsets before it. Decodes once, no further than the last offset.
    Raises NoPictureError where there is no frame at all.
    """
    wanted = list(offsets_ms)
    held: tuple[int, av.VideoFrame] | None = None
    for offset_ms, frame in _decoded(mkv, timecode_ms):
        while held and wanted and offset_ms > wanted[0] + _ROUNDING_MS:
            yield Shown(wanted.pop(0), held[0], _image(held[1]))
        if not wanted:
            return
        held = (offset_ms, frame)
    if held is None:
        raise NoPictureError("the fragment holds no video frame")
    for asked_ms in wanted:
        yield Shown(asked_ms, held[0], _image(held[1]))


def _image(frame: av.VideoFrame) -> Image.Image:
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    return image


def _decoded(mkv: bytes, timecode_ms: int) -> Iterator[tuple[int, av.VideoFrame]]:
    try:
        with av.open(io.BytesIO(mkv), mode="r", format="matroska") as container:
            if not container.streams.video:
                raise NoPictureError("the fragment holds no video track")
            container.streams.video[0].codec_context.thread_count = 1
            for frame in container.decode(video=0):
                if frame.pts is not None and frame.time_base is not None:
                    yield round(frame.pts * frame.time_base * 1000) - timecode_ms, frame
    except av.FFmpegError as error:
        raise NoPictureError(f"the fragment can't be decoded: {error}") from error
