"""Follow one camera's video in a thread, sample it and queue its frames."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Protocol

from gatehouse.frames.fairness import Order
from gatehouse.frames.pace import Pace, Standing
from gatehouse.frames.record import Origin
from gatehouse.frames.sampling import Grid, Progress, Sampler
from gatehouse.office.frames import FramesCamera
from gatehouse_frames.analysis.desk import Desk
from gatehouse_frames.analysis.sample import Sample, Track
from gatehouse_frames.backoff import Backoff
from gatehouse_frames.errors import FragmentError, VideoError
from gatehouse_frames.media.decode import Picture, pictures
from gatehouse_frames.media.fragments import Fragment
from gatehouse_frames.media.source import Footage
from gatehouse_frames.office.status import CameraStatus

log = logging.getLogger(__name__)


class Source(Protocol):
    """Where video comes from."""

    def open(self, stream_name: str, from_ms: int) -> AbstractContextManager[Footage]:
        """Follow a stream from a producer time on."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Say how many frames a second are taken, and how late one may be analysed."""

    fps: float
    most_behind_s: float


class Camera:
    """One camera of the desired document, from `resume_ms` on where that is later than its start."""

    def __init__(
        self,
        desired: FramesCamera,
        sampling: Sampling,
        resume_ms: int,
        source: Source,
        desk: Desk,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.desired = desired
        self.sampling = sampling
        grid = Grid.of(sampling.fps)
        due = grid.first_whole(max(round(desired.start_at.timestamp() * 1000), resume_ms))
        self.status = CameraStatus(desired.camera_id)
        self.track = Track(desired.stream_name, self.status, Progress(grid, due))
        self._grid = grid
        self._sampler = Sampler(grid, due)
        self._source = source
        self._desk = desk
        self._now = now
        self._stop = Event()
        self._backoff = Backoff()
        self._thread = Thread(target=self._run, name=f"camera {desired.camera_id}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop_reading(self) -> None:
        """Take no further frame; those that wait are still analysed.

        The thread ends with the next fragment, or when the connection has been silent for long.
        """
        self._stop.set()

    def end(self) -> None:
        """Forget the camera, also what waits of it."""
        self._stop.set()
        self.track.ended = True
        self._desk.discard(self.track)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except VideoError as error:
                self._retry(str(error))
            except Exception:  # a defect of ours must show, and the other cameras go on
                log.exception("camera %s broke", self.desired.camera_id)
                self._retry("the worker has a defect: see its log")
            self._stop.wait(self._backoff.next_delay())

    def _follow(self) -> None:
        with self._source.open(self.desired.stream_name, self._grid.start_ms(self._sampler.due)) as footage:
            pace = Pace(self.sampling.most_behind_s)
            for fragment in footage.fragments:
                if self._stop.is_set():
                    return
                self._backoff.reset()
                self._sample(footage.stream_arn, fragment, pace)

    def _sample(self, stream_arn: str, fragment: Fragment, pace: Pace) -> None:
        """Queue a fragment's sampled frames; one that can't be decoded is named and passed by."""
        try:
            for picture in pictures(fragment, self._sampler.choose):
                self._queue(stream_arn, fragment, picture, pace)
        except FragmentError as error:
            self.status.drop("undecodable")
            if self.status.phase != "retrying":
                self._retry(str(error))

    def _queue(self, stream_arn: str, fragment: Fragment, picture: Picture, pace: Pace) -> None:
        origin = Origin(
            stream_arn, fragment.number, fragment.producer_ms, fragment.server_ms, picture.offset_ms
        )

        def order() -> Order:
            behind_s = self._now() - (fragment.server_ms + picture.span_ms) / 1000
            judged = pace.judge(behind_s, (fragment.server_ms - fragment.producer_ms) / 1000)
            self.status.behind_s = max(0.0, behind_s)
            late = pace.standing is Standing.CATCHING_UP
            self.status.turn("catching_up" if late else "analysing")
            return judged

        if not self._stop.is_set():
            self.track.taken(origin.at_ms)
            self._desk.offer(Sample(self.track, origin, picture.frame), order)

    def _retry(self, reason: str) -> None:
        if not self._stop.is_set():
            self.status.turn("retrying", reason)
