from __future__ import annotations

import json
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from gatehouse.frames.motion import MotionGate
from gatehouse_frames.analysis.analyst import Analyst, Search
from gatehouse_frames.analysis.calls import Rekognition
from gatehouse_frames.analysis.complaints import Complaints
from gatehouse_frames.analysis.desk import Desk
from gatehouse_frames.analysis.sample import Sample, Track

FACE = {"Left": 0.3, "Top": 0.3, "Width": 0.3, "Height": 0.4}
OTHER = {"Left": 0.7, "Top": 0.3, "Width": 0.2, "Height": 0.2}
Make = Callable[..., Sample]


class Room:
    """An analyst between a desk and a list of what it delivered."""

    def __init__(self, rekognition: Rekognition) -> None:
        self.desk = Desk(depth=10)
        self.delivered: list[list[dict[str, Any]]] = []
        search = Search("gatehouse-berlin-g1", 85, MotionGate())
        self.analyst = Analyst(self.desk, rekognition, self.deliver, lambda: search)

    def deliver(self, sample: Sample, data: bytes) -> None:
        sample.track.recorded(sample.origin.at_ms)
        self.delivered.append(json.loads(data)["FaceSearchResponse"])

    def work(self, *samples: Sample) -> list[list[dict[str, Any]]]:
        for sample in samples:
            assert self.desk.offer(sample, lambda: "in_order")
        self.desk.close()
        self.analyst.run()
        return self.delivered


@pytest.fixture
def room(rekognition: Rekognition) -> Room:
    return Room(rekognition)


def test_every_face_is_searched_once_and_a_gated_frame_costs_nothing(
    room: Room, aws: Any, sample: Make, track: Track
) -> None:
    aws.boxes = []
    assert room.work(sample(0), sample(1)) == [[], []]
    assert aws.calls == ["DetectFaces"]
    observed = track.status.observed()
    assert (observed.frames_gated_face, observed.frames_gated_motion, observed.records) == (1, 1, 2)


def test_twelve_faces_are_twelve_searches(room: Room, aws: Any, sample: Make) -> None:
    aws.boxes = [FACE] * 12
    (faces,) = room.work(sample())
    assert len(faces) == 12
    assert aws.calls == ["DetectFaces", *["SearchFacesByImage"] * 12]


def test_a_face_that_the_search_does_not_find_again_matches_nobody(
    room: Room, aws: Any, sample: Make
) -> None:
    aws.boxes = [FACE]
    detect = aws.detect_faces

    def refuse_next(**picture: Any) -> Any:
        answer = detect(**picture)
        aws.errors = ["InvalidParameterException"]
        return answer

    aws.detect_faces = refuse_next
    ((face,),) = room.work(sample())
    assert face["MatchedFaces"] == []


def test_a_search_that_looked_for_another_face_matches_nobody(room: Room, aws: Any, sample: Make) -> None:
    aws.boxes = [FACE]
    aws.searched = {"Left": 0.0, "Top": 0.0, "Width": 0.1, "Height": 0.1}
    ((face,),) = room.work(sample())
    assert face["MatchedFaces"] == []


def test_a_frame_that_rekognition_refuses_is_dropped_and_counted(
    room: Room, aws: Any, sample: Make, track: Track
) -> None:
    aws.errors = ["InvalidImageFormatException"]
    assert room.work(sample(0), sample(1)) == [[]]
    assert track.status.drops == {"refused": 1}
    assert track.unsettled == 0


def test_throttling_a_500_and_a_missing_collection_are_waited_out(
    room: Room, aws: Any, sample: Make, complaints: Complaints, rekognition: Rekognition
) -> None:
    aws.boxes = [FACE]
    aws.errors = ["ThrottlingException", "InternalServerError", "ResourceNotFoundException"]
    ((face,),) = room.work(sample())
    assert face["MatchedFaces"]
    assert rekognition.gauges["DetectFaces"].throttled == 1
    assert rekognition.gauges["DetectFaces"].made == 4
    assert complaints.all() == {}


def test_a_frame_in_hand_at_the_end_is_left_to_the_next_start(
    room: Room, aws: Any, sample: Make, track: Track, abandon: Event
) -> None:
    abandon.set()
    assert room.work(sample()) == []
    assert track.unsettled == 1
    assert track.status.drops == {}
