"""An office's worker between its documents and a reel of video, with nothing of AWS behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

import pytest

from frame_search_rig import film, scene
from gatehouse.office.frames import (
    Checkpoint,
    FramesCamera,
    FramesCheckpoints,
    FramesDesired,
    FramesObserved,
    ObservedFrames,
)
from gatehouse_frames.analysis.calls import Rekognition
from gatehouse_frames.analysis.complaints import Complaints
from gatehouse_frames.analysis.desk import Desk
from gatehouse_frames.analysis.writer import RecordWriter
from gatehouse_frames.errors import DocumentError, VideoError
from gatehouse_frames.media.fragments import Fragment
from gatehouse_frames.media.source import Footage
from gatehouse_frames.office.worker import Engine, OfficeWorker, WorkerTimes

NOW_MS = int(time.time()) * 1000
START_MS = NOW_MS - 10_000
TIMES = WorkerTimes(poll_s=0.05, checkpoint_s=0.05, observe_s=0.05, drain_s=10)


@dataclass
class Papers:
    """Keep an office's documents in memory; `failing` is what S3 says instead."""

    office: str = "berlin"
    desired: FramesDesired | None = None
    checkpoints: FramesCheckpoints | None = None
    observed: FramesObserved | None = None
    failing: str = ""

    def read_desired(self, etag: str) -> tuple[FramesDesired, str] | None:
        self._fail()
        if self.desired is None or etag == str(self.desired.version):
            return None
        return self.desired, str(self.desired.version)

    def read_checkpoints(self) -> FramesCheckpoints | None:
        self._fail()
        return self.checkpoints

    def write_checkpoints(self, document: FramesCheckpoints) -> None:
        self.checkpoints = document

    def write_observed(self, document: FramesObserved) -> None:
        self.observed = document

    def camera(self, camera_id: str) -> ObservedFrames | None:
        cameras = self.observed.cameras if self.observed else ()
        return next((one for one in cameras if one.camera_id == camera_id), None)

    def _fail(self) -> None:
        if self.failing:
            raise DocumentError(self.failing)


@dataclass
class Reels:
    """Be Kinesis Video: play a stream's fragments from a time on, then stay silent until the end."""

    fragments: dict[str, list[Fragment]] = field(default_factory=dict)
    over: Event = field(default_factory=Event)

    @contextmanager
    def open(self, stream_name: str, from_ms: int) -> Iterator[Footage]:
        if stream_name not in self.fragments:
            raise VideoError(f"stream {stream_name} doesn't exist")
        yield Footage(f"arn:{stream_name}", self._play(stream_name, from_ms))

    def _play(self, stream_name: str, from_ms: int) -> Iterator[Fragment]:
        for fragment in self.fragments[stream_name]:
            if fragment.producer_ms + 1000 > from_ms:
                yield fragment
        self.over.wait(30)


class Shelf:
    """Be the data stream: keep the records' frame times."""

    def __init__(self) -> None:
        self.records: list[bytes] = []

    def put_records(self, **asked: Any) -> dict[str, Any]:
        self.records += [one["Data"] for one in asked["Records"]]
        return {"Records": [{} for _ in asked["Records"]]}


@dataclass
class Office:
    """A worker in a thread, and everything around it."""

    papers: Papers
    reels: Reels
    shelf: Any
    worker: OfficeWorker
    complaints: Complaints
    thread: Thread

    def stop(self) -> None:
        self.worker.stopping.set()
        self.thread.join(30)
        self.reels.over.set()
        assert not self.thread.is_alive()


@pytest.fixture(scope="module")
def second() -> bytes:
    """One fragment of a second, that starts at START_MS."""
    return b"".join(film(START_MS, [scene((), 160, 128)]))


@pytest.fixture
def start(
    rekognition: Rekognition, abandon: Event, complaints: Complaints
) -> Iterator[Callable[..., Office]]:
    running: list[Office] = []

    def run(papers: Papers, reels: Reels) -> Office:
        shelf: Any = Shelf()
        writer = RecordWriter(shelf, complaints)
        engine = Engine(reels, Desk(), rekognition, writer, complaints, abandon)
        worker = OfficeWorker(papers, engine, analysts=2, times=TIMES)
        thread = Thread(target=worker.run, daemon=True)
        thread.start()
        running.append(Office(papers, reels, shelf, worker, complaints, thread))
        return running[-1]

    yield run
    for office in running:
        office.stop()


def reel(second: bytes, count: int, first_ms: int = START_MS) -> list[Fragment]:
    """Repeat one second as fragments that follow each other."""
    return [Fragment(str(index), first_ms + index * 1000, NOW_MS, START_MS, second) for index in range(count)]


def desired(*names: str, version: int = 1, start_ms: int = START_MS) -> FramesDesired:
    at = datetime.fromtimestamp(start_ms / 1000, UTC)
    return FramesDesired(
        office="berlin",
        region="eu-central-1",
        version=version,
        fps=1,
        collection="gatehouse-berlin-g1",
        threshold=85,
        record_stream="gatehouse-records-berlin",
        cameras=tuple(FramesCamera(camera_id=name, stream_name=f"s-{name}", start_at=at) for name in names),
    )


def eventually(check: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_every_second_of_every_camera_is_recorded_and_the_checkpoint_follows(
    start: Callable[..., Office], second: bytes
) -> None:
    papers = Papers(desired=desired("A", "B"))
    office = start(papers, Reels({"s-A": reel(second, 5), "s-B": reel(second, 3)}))
    eventually(lambda: len(office.shelf.records) == 8)
    office.stop()
    assert papers.checkpoints is not None
    resume = {name: one.resume_at.timestamp() * 1000 for name, one in papers.checkpoints.cameras.items()}
    assert resume == {"A": START_MS + 5000, "B": START_MS + 3000}
    seen = papers.camera("A")
    assert seen is not None
    assert (seen.phase, seen.frames_sampled, seen.records) == ("stopped", 5, 5)


def test_a_start_goes_on_where_the_last_one_was(start: Callable[..., Office], second: bytes) -> None:
    at = datetime.fromtimestamp((START_MS + 3000) / 1000, UTC)
    known = {"A": Checkpoint(stream_name="s-A", resume_at=at), "B": Checkpoint(stream_name="x", resume_at=at)}
    papers = Papers(desired=desired("A", "B"), checkpoints=FramesCheckpoints(office="berlin", cameras=known))
    office = start(papers, Reels({"s-A": reel(second, 5), "s-B": reel(second, 5)}))
    # B's checkpoint is of another stream, and says nothing of this one.
    eventually(lambda: len(office.shelf.records) == 2 + 5)


def test_a_missing_stream_is_named_and_the_rest_goes_on(start: Callable[..., Office], second: bytes) -> None:
    papers = Papers(desired=desired("A", "B"))
    office = start(papers, Reels({"s-A": reel(second, 2)}))
    eventually(lambda: len(office.shelf.records) == 2)
    eventually(lambda: (camera := papers.camera("B")) and camera.phase == "retrying")
    assert "s-B doesn't exist" in papers.camera("B").reason  # type: ignore[union-attr]
    office.reels.fragments["s-B"] = reel(second, 1)
    eventually(lambda: len(office.shelf.records) == 3)


def test_a_fragment_that_can_not_be_decoded_costs_only_itself(
    start: Callable[..., Office], second: bytes
) -> None:
    played = reel(second, 3)
    broken = Fragment("1", played[1].producer_ms, NOW_MS, START_MS, second[:200])
    papers = Papers(desired=desired("A"))
    office = start(papers, Reels({"s-A": [played[0], broken, played[2]]}))
    eventually(lambda: len(office.shelf.records) == 2)
    eventually(lambda: (camera := papers.camera("A")) and camera.drops == {"undecodable": 1})


def test_a_camera_that_leaves_is_ended_and_a_new_one_begins(
    start: Callable[..., Office], second: bytes
) -> None:
    papers = Papers(desired=desired("A"))
    office = start(papers, Reels({"s-A": reel(second, 2), "s-B": reel(second, 2)}))
    eventually(lambda: len(office.shelf.records) == 2)
    papers.desired = desired("B", version=2)
    eventually(lambda: papers.observed and papers.observed.version_applied == 2)
    eventually(lambda: papers.camera("A") is None and len(office.shelf.records) == 4)
    assert papers.checkpoints is not None
    assert set(papers.checkpoints.cameras) == {"A", "B"}


def test_without_its_documents_the_worker_waits_and_says_so(
    start: Callable[..., Office], second: bytes
) -> None:
    papers = Papers(desired=desired("A"), failing="can't reach S3")
    office = start(papers, Reels({"s-A": reel(second, 1)}))
    eventually(lambda: papers.observed and papers.observed.complaints == {"desired": "can't reach S3"})
    assert office.shelf.records == []
    papers.failing = ""
    eventually(lambda: len(office.shelf.records) == 1)
    eventually(lambda: papers.observed and papers.observed.complaints == {})
