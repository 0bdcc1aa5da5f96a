from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from threading import Event
from typing import Any

import av
import numpy as np
import pytest
from botocore.exceptions import ClientError

from gatehouse.frames.record import Origin
from gatehouse.frames.sampling import Grid, Progress
from gatehouse_frames.analysis.calls import Rekognition
from gatehouse_frames.analysis.complaints import Complaints
from gatehouse_frames.analysis.sample import Sample, Track
from gatehouse_frames.office.status import CameraStatus

START_MS = 1_795_000_000_000


def refusal(code: str) -> ClientError:
    """Build an AWS answer that is an error."""
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Operation")


class FakeRekognition:
    """Answer as the image API does: `boxes` are the faces, the first a search's own; errors come first."""

    def __init__(self) -> None:
        self.boxes: list[dict[str, float]] = []
        self.errors: list[str] = []
        self.searched: dict[str, float] = {"Left": 0.25, "Top": 0.25, "Width": 0.5, "Height": 0.5}
        self.calls: list[str] = []

    def detect_faces(self, **asked: Any) -> dict[str, Any]:
        self._answer("DetectFaces", asked)
        return {"FaceDetails": [{"BoundingBox": box, "Confidence": 99.0} for box in self.boxes]}

    def search_faces_by_image(self, **asked: Any) -> dict[str, Any]:
        self._answer("SearchFacesByImage", asked)
        face = {"ExternalImageId": "p1", "FaceId": "f"}
        matches = [{"Similarity": 97.0, "Face": face}]
        return {"SearchedFaceBoundingBox": self.searched, "FaceMatches": matches}

    def _answer(self, operation: str, asked: dict[str, Any]) -> None:
        assert asked["Image"]["Bytes"].startswith(b"\xff\xd8")
        self.calls.append(operation)
        if self.errors:
            raise refusal(self.errors.pop(0))


@pytest.fixture
def aws() -> FakeRekognition:
    return FakeRekognition()


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def abandon() -> Event:
    return Event()


@pytest.fixture
def rekognition(aws: Any, abandon: Event, complaints: Complaints) -> Rekognition:
    made = Rekognition(aws, abandon, complaints)
    for gauge in made.gauges.values():
        gauge.set_rate(1000)
    return made


@pytest.fixture
def track() -> Track:
    grid = Grid.of(1)
    return Track("gatehouse-CAM_A", CameraStatus("CAM_A"), Progress(grid, grid.first_whole(START_MS)))


@pytest.fixture
def sample(track: Track) -> Callable[..., Sample]:
    """Make the sample of a second, all of one grey."""

    def make(second: int = 0, grey: int = 100, of: Track = track) -> Sample:
        pixels = np.full((240, 320, 3), grey, dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.time_base = Fraction(1, 1000)
        of.taken(START_MS + second * 1000)
        origin = Origin("arn", str(second), START_MS + second * 1000, START_MS + second * 1000 + 90, 0)
        return Sample(of, origin, frame)

    return make
