"""Hand sampled frames from the cameras' threads to the analysts', fairly."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition

from gatehouse.frames.fairness import FairQueue, Order
from gatehouse_frames.analysis.sample import Sample, Track

DEPTH = 4  # frames per camera: a decoded 1080p frame takes 3 MB
_LOOK_S = 0.5


class Desk:
    """A FairQueue between threads."""

    def __init__(self, depth: int = DEPTH) -> None:
        self._queue: FairQueue[Sample] = FairQueue(depth)
        self._changed = Condition()
        self._closed = False

    def offer(self, sample: Sample, order: Callable[[], Order]) -> bool:
        """Put a frame in, waiting for room where none may be lost; `order` is asked at each look.

        False if the camera ended or the desk closed first: the frame stays unsettled, for the next start.
        """
        with self._changed:
            while not (self._closed or sample.track.ended):
                taken, displaced = self._queue.offer(sample.track.camera_id, sample, order())
                if displaced is not None:
                    displaced.track.dropped(displaced.origin.at_ms, "overload")
                if taken:
                    self._changed.notify_all()
                    return True
                self._changed.wait(_LOOK_S)
        return False

    def take(self) -> Sample | None:
        """Wait for the next frame; None once the desk is closed and empty."""
        with self._changed:
            while True:
                turn = self._queue.take()
                if turn is not None:
                    self._changed.notify_all()
                    return turn[1]
                if self._closed and not len(self._queue):
                    return None
                self._changed.wait(_LOOK_S)

    def done(self, sample: Sample) -> None:
        """Give the frame's camera its next turn."""
        with self._changed:
            self._queue.done(sample.track.camera_id)
            self._changed.notify_all()

    def discard(self, track: Track) -> None:
        """Forget the waiting frames of a camera that ended."""
        with self._changed:
            self._queue.discard(lambda sample: sample.track is track)
            self._changed.notify_all()

    def close(self) -> None:
        """Take nothing more in; what waits is still handed out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
