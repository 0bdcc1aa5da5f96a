"""Notice a camera whose picture has stopped while its stream goes on.

Decoding every key frame would cost more than all the rest of the proxy, so it is asked only of streams
that look still: either the key frame is byte for byte the one before (a device repeating its buffer), or
the other pictures of the fragment are next to nothing beside it (an encoder fed the same image: every
macroblock skipped). Of such a stream one key frame each `check_s` is decoded and compared with the first
one. A real quiet scene shows sensor noise, light or an on-screen clock, and differs; after `frozen_s`
without a difference the camera counts as frozen, until the first fragment that moves.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from operator import sub

import av
from av.error import FFmpegError

_WIDTH, _HEIGHT = 160, 90


@dataclass(frozen=True, slots=True)
class FrozenLimits:
    """When a stream looks still, how often it is looked at, and when it counts as frozen."""

    quiet_share: float = 0.03
    check_s: float = 10.0
    frozen_s: float = 60.0
    pixel_difference: int = 6


class FrozenDetector:
    """Judge one camera's fragments in order; times are the fragments' own, in ms."""

    def __init__(self, limits: FrozenLimits = FrozenLimits()) -> None:
        self._limits = limits
        self._last_key = b""
        self._reference: bytes | None = None
        self._since_ms = self._checked_ms = 0
        self.frozen = False

    def wants_picture(self, start_ms: int, key_frame: bytes, other_bytes: int) -> bool:
        """Take a fragment's sizes; True when its key frame should be decoded and given to `compare`."""
        repeated = bool(key_frame) and key_frame == self._last_key
        quiet = bool(key_frame) and other_bytes <= len(key_frame) * self._limits.quiet_share
        self._last_key = key_frame
        if not repeated and not quiet:
            self._reference = None
            self.frozen = False
            return False
        return self._reference is None or start_ms - self._checked_ms >= self._limits.check_s * 1000

    def compare(self, start_ms: int, picture: bytes) -> None:
        """Take the decoded picture that `wants_picture` asked for."""
        self._checked_ms = start_ms
        if self._reference is None or self._differs(picture):
            self._reference, self._since_ms = picture, start_ms
        self.frozen = start_ms - self._since_ms >= self._limits.frozen_s * 1000

    def _differs(self, picture: bytes) -> bool:
        assert self._reference is not None  # noqa: S101 (the caller looked)
        most: int = max(map(abs, map(sub, picture, self._reference)))
        return most > self._limits.pixel_difference


def key_picture(document: bytes) -> bytes:
    """Decode a one-fragment document's key frame to a grid of single pixels; b"" when it doesn't decode.

    Pixels are picked, not averaged: averaging would hide the noise that tells a quiet scene from a frozen
    one. Takes 5–20 ms, in a thread.
    """
    try:
        with av.open(io.BytesIO(document), "r", format="matroska") as container:
            for frame in container.decode(video=0):
                small = frame.reformat(_WIDTH, _HEIGHT, format="gray", interpolation="POINT")
                plane = small.planes[0]
                rows = bytes(plane)
                return b"".join(
                    rows[at : at + _WIDTH] for at in range(0, plane.line_size * _HEIGHT, plane.line_size)
                )
    except FFmpegError:
        return b""
    return b""
