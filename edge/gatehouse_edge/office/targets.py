"""Remember each camera's address, so that a reconnect works while AWS is out of reach."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from gatehouse.office.edge import DesiredCamera
from gatehouse_edge.errors import CameraError, CameraRefusedError
from gatehouse_edge.rtsp.target import RtspTarget


class TargetCache:
    """Read secrets by `read` at most every `fresh_s`; a stale one serves when AWS doesn't answer."""

    def __init__(self, read: Callable[[str], str], fresh_s: float = 4.0) -> None:
        self._read = read
        self._fresh_s = fresh_s
        self._known: dict[str, tuple[float, RtspTarget]] = {}

    async def get(self, camera: DesiredCamera) -> RtspTarget:
        """Return where the camera is; CameraRefusedError for a missing or unusable secret."""
        name = camera.rtsp_secret
        read_at, known = self._known.get(name, (0.0, None))
        if known is not None and time.monotonic() - read_at < self._fresh_s:
            return known
        try:
            text = await asyncio.to_thread(self._read, name)
        except CameraRefusedError:
            raise
        except CameraError:
            if known is None:
                raise
            return known
        target = RtspTarget.from_secret(text, name)
        self._known[name] = (time.monotonic(), target)
        return target
