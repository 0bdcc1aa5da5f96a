"""Make an office's cameras be analysed as its desired document says, and say how that goes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Protocol

from gatehouse.frames.motion import MotionGate
from gatehouse.ingest.instant import moment
from gatehouse.office.frames import (
    Checkpoint,
    FramesCamera,
    FramesCheckpoints,
    FramesDesired,
    FramesObserved,
)
from gatehouse_frames.analysis.analyst import Analyst, Search
from gatehouse_frames.analysis.calls import Rekognition
from gatehouse_frames.analysis.complaints import Complaints
from gatehouse_frames.analysis.desk import Desk
from gatehouse_frames.analysis.writer import RecordWriter
from gatehouse_frames.errors import DocumentError
from gatehouse_frames.office.camera import Camera, Sampling, Source
from gatehouse_frames.office.status import CameraStatus

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerTimes:
    """Seconds between two looks at desired.json, two checkpoints, two observed.json, and for draining."""

    poll_s: float = 2.0
    checkpoint_s: float = 2.0
    observe_s: float = 3.0
    drain_s: float = 20.0


class Documents(Protocol):
    """Where an office's documents are kept."""

    @property
    def office(self) -> str:
        """The office they are of."""

    def read_desired(self, etag: str) -> tuple[FramesDesired, str] | None:
        """Return the desired document and its ETag; None when there is no other than `etag`."""

    def read_checkpoints(self) -> FramesCheckpoints | None:
        """Return the stored checkpoints."""

    def write_checkpoints(self, document: FramesCheckpoints) -> None:
        """Store checkpoints."""

    def write_observed(self, document: FramesObserved) -> None:
        """Store the observed document."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts through which a sampled frame goes; `abandon` ends calls that are being repeated."""

    source: Source
    desk: Desk
    rekognition: Rekognition
    writer: RecordWriter
    complaints: Complaints
    abandon: Event


class OfficeWorker:
    """One office: `run` until `stopping` is set, then drain."""

    def __init__(
        self, documents: Documents, engine: Engine, analysts: int, times: WorkerTimes = WorkerTimes()
    ) -> None:
        self._documents = documents
        self._engine = engine
        self._times = times
        self._cameras: dict[str, Camera] = {}
        self._checkpoints: dict[str, Checkpoint] | None = None
        self._stored: dict[str, Checkpoint] = {}
        self._etag = ""
        self._search = Search("", 80, MotionGate())
        self._started_at = datetime.now(UTC)
        self.version = 0
        self.stopping = Event()
        work = Analyst(engine.desk, engine.rekognition, engine.writer.deliver, lambda: self._search).run
        self._analysts = [Thread(target=work, name=f"analyst {n}", daemon=True) for n in range(analysts)]
        self._writer = Thread(target=engine.writer.run, name="writer", daemon=True)

    @property
    def cameras(self) -> list[CameraStatus]:
        """The state of every camera, by id."""
        cameras = dict(self._cameras)
        return [cameras[name].status for name in sorted(cameras)]

    def run(self) -> None:
        """Serve until told to stop; ends with what was sampled recorded, as far as time allows."""
        for thread in (self._writer, *self._analysts):
            thread.start()
        rounds = (
            (self._times.poll_s, "desired", self._poll),
            (self._times.checkpoint_s, "checkpoints", self._write_checkpoints),
            (self._times.observe_s, "observed", self._write_observed),
        )
        due = [0.0] * len(rounds)
        while not self.stopping.is_set():
            for index, (every_s, part, work) in enumerate(rounds):
                if time.monotonic() >= due[index]:
                    self._guarded(part, work)
                    due[index] = time.monotonic() + every_s
            self.stopping.wait(max(0.0, min(due) - time.monotonic()))
        self._drain()

    def _poll(self) -> None:
        if self._checkpoints is None:
            # Without them a start would repeat everything since `start_at`, so S3 is waited for.
            stored = self._documents.read_checkpoints()
            self._checkpoints = dict(stored.cameras) if stored else {}
        found = self._documents.read_desired(self._etag)
        if found is not None:
            self._apply(found[0])
            self._etag = found[1]

    def _apply(self, desired: FramesDesired) -> None:
        """End what is gone or changed, then start what is new; a camera that stays isn't touched."""
        self._search = Search(desired.collection, desired.threshold, desired.gate)
        self._engine.rekognition.obey(desired.rates)
        self._engine.writer.stream = desired.record_stream
        wanted = {camera.camera_id: camera for camera in desired.cameras}
        sampling = Sampling(desired.fps, desired.most_behind_s)
        for name, camera in list(self._cameras.items()):
            if wanted.get(name) != camera.desired or camera.sampling != sampling:
                self._note(name, camera)
                self._cameras.pop(name).end()
        for name, camera_wanted in wanted.items():
            if name not in self._cameras:
                self._cameras[name] = self._start(camera_wanted, sampling)
        self.version = desired.version
        log.info("office %s: version %d, %d cameras", desired.office, desired.version, len(wanted))

    def _start(self, desired: FramesCamera, sampling: Sampling) -> Camera:
        known = (self._checkpoints or {}).get(desired.camera_id)
        mine = known is not None and known.stream_name == desired.stream_name
        resume_ms = round(known.resume_at.timestamp() * 1000) if known and mine else 0
        camera = Camera(desired, sampling, resume_ms, self._engine.source, self._engine.desk)
        camera.start()
        return camera

    def _note(self, name: str, camera: Camera) -> None:
        at = moment(camera.track.resume_ms)
        if self._checkpoints is not None:
            self._checkpoints[name] = Checkpoint(stream_name=camera.desired.stream_name, resume_at=at)

    def _write_checkpoints(self) -> None:
        """Store how far each camera is; one that left stays, as it may come back."""
        for name, camera in self._cameras.items():
            self._note(name, camera)
        if self._checkpoints and self._checkpoints != self._stored:
            noted = dict(self._checkpoints)
            self._documents.write_checkpoints(FramesCheckpoints(office=self._documents.office, cameras=noted))
            self._stored = noted

    def _write_observed(self) -> None:
        self._documents.write_observed(
            FramesObserved(
                office=self._documents.office,
                at=datetime.now(UTC),
                started_at=self._started_at,
                version_applied=self.version,
                cameras=tuple(status.observed() for status in self.cameras),
                complaints=self._engine.complaints.all(),
            )
        )

    def _drain(self) -> None:
        log.info("office %s: stopping, %d cameras to drain", self._documents.office, len(self._cameras))
        until = time.monotonic() + self._times.drain_s
        for camera in self._cameras.values():
            camera.stop_reading()
        self._engine.desk.close()
        _join(self._analysts, until)
        self._engine.abandon.set()
        self._engine.writer.close()
        _join([*self._analysts, self._writer], max(until, time.monotonic() + 2))
        self._engine.writer.give_up()
        for camera in self._cameras.values():
            if camera.track.unsettled:
                log.warning("camera %s: left frames to the next start", camera.desired.camera_id)
            camera.status.turn("stopped")
        self._guarded("checkpoints", self._write_checkpoints)
        self._guarded("observed", self._write_observed)

    def _guarded(self, part: str, work: Callable[[], None]) -> None:
        """Do work that AWS may refuse: the cameras go on, and what is wrong is named."""
        try:
            work()
        except DocumentError as error:
            self._engine.complaints.set(part, str(error))
        else:
            self._engine.complaints.clear(part)


def _join(threads: list[Thread], until: float) -> None:
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
