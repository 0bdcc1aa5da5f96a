"""Hold a sampled frame on its way from its camera's video to its record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import av

from gatehouse.frames.motion import Reference
from gatehouse.frames.record import Origin
from gatehouse.frames.sampling import Progress
from gatehouse_frames.office.status import CameraStatus


class Track:
    """Follow one camera's frames: what the next is compared with, and which are settled.

    A camera that is started again, with another start perhaps, gets a new track.
    """

    def __init__(self, stream_name: str, status: CameraStatus, progress: Progress) -> None:
        self.stream_name = stream_name
        self.status = status
        self.ended = False
        # Only the thread that has the camera's turn touches it.
        self.reference: Reference | None = None
        self._progress = progress
        self._lock = Lock()

    @property
    def camera_id(self) -> str:
        """Return the camera's id."""
        return self.status.camera_id

    @property
    def resume_ms(self) -> int:
        """Return the producer time before which everything is settled."""
        with self._lock:
            return self._progress.resume_ms

    @property
    def unsettled(self) -> int:
        """Count the frames that are neither recorded nor dropped."""
        with self._lock:
            return self._progress.unsettled

    def taken(self, at_ms: int) -> None:
        """Note that a frame was sampled."""
        with self._lock:
            self._progress.taken(at_ms)
        self.status.count("sampled")

    def recorded(self, at_ms: int) -> None:
        """Note that a frame's record is in the data stream."""
        self._settle(at_ms)
        self.status.recorded(at_ms)

    def dropped(self, at_ms: int, reason: str) -> None:
        """Note that a frame yields no record."""
        self._settle(at_ms)
        self.status.drop(reason)

    def _settle(self, at_ms: int) -> None:
        with self._lock:
            self._progress.settled(at_ms)


@dataclass(frozen=True, slots=True)
class Sample:
    """Hold one sampled frame."""

    track: Track
    origin: Origin
    frame: av.VideoFrame


Deliver = Callable[[Sample, bytes], None]
