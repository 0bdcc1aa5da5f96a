from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gatehouse.frames.record import Origin, SearchedFace, analysis_record
from gatehouse.ingest.frame import to_frame
from gatehouse.ingest.record import parse_record
from gatehouse.ingest.snapshot import IngestSnapshot, SnapshotStream

ARN = "arn:aws:kinesisvideo:eu-central-1:123456789012:stream/gatehouse-CAM_A/1"
STREAM = SnapshotStream(
    camera_id="CAM_A", office="berlin", floor="3", zone="lobby", time_zone="Europe/Berlin",
    engine="frame_search", rules=(),
)  # fmt: skip
SNAPSHOT = IngestSnapshot(
    version=1, region="eu-central-1", evidence="alerts", streams={ARN: STREAM}, people={}, rules={}
)
origins = st.builds(
    Origin,
    stream_arn=st.just(ARN),
    fragment_number=st.integers(10**30, 10**40).map(str),
    producer_ms=st.integers(1_600_000_000_000, 4_000_000_000_000),
    server_ms=st.integers(1_600_000_000_000, 4_000_000_000_000),
    offset_ms=st.integers(0, 20_000),
)


def detail(left: float = 0.1, size: float = 0.2) -> dict[str, Any]:
    return {
        "BoundingBox": {"Width": size, "Height": size, "Left": left, "Top": 0.1},
        "Confidence": 99.5,
        "Landmarks": [{"Type": "nose", "X": 0.2, "Y": 0.2}],
        "Pose": {"Roll": 0.0, "Yaw": 1.0, "Pitch": 2.0},
        "Quality": {"Brightness": 80.0, "Sharpness": 70.0},
        "AgeRange": {"Low": 20, "High": 30},
    }


def match(person: str, similarity: float) -> dict[str, Any]:
    return {
        "Similarity": similarity,
        "Face": {
            "FaceId": "f",
            "ImageId": "i",
            "ExternalImageId": person,
            "BoundingBox": {"Width": 0.1, "Height": 0.1, "Left": 0.1, "Top": 0.1},
            "Confidence": 99.0,
            "IndexFacesModelVersion": "7.0",
            "UserId": "u",
        },
    }


@given(origins)
def test_ingest_reads_the_frames_time_and_identity_as_the_worker_meant_them(origin: Origin) -> None:
    frame = to_frame(parse_record(analysis_record(origin, ())), SNAPSHOT)
    assert (frame.at_ms, frame.fragment_number) == (origin.at_ms, origin.fragment_number)
    assert frame.faces == ()


@given(st.permutations([0.1, 0.2, 0.3]))
def test_faces_come_largest_first_whatever_order_they_were_found_in(sizes: list[float]) -> None:
    origin = Origin(ARN, "1", 1_795_000_000_000, 1_795_000_000_100, 40)
    record = parse_record(analysis_record(origin, [SearchedFace(detail(size=size)) for size in sizes]))
    widths = [face["DetectedFace"]["BoundingBox"]["Width"] for face in record["FaceSearchResponse"]]
    assert widths == [0.3, 0.2, 0.1]


def test_a_face_has_the_stream_processors_fields_and_no_other() -> None:
    origin = Origin(ARN, "1", 1_795_000_000_000, 1_795_000_000_100, 40)
    faces = [SearchedFace(detail(), [match("p2", 91.0), match("p1", 97.0)])]
    (face,) = _decoded(analysis_record(origin, faces))
    assert list(face["DetectedFace"]) == ["BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"]
    assert [found["Face"]["ExternalImageId"] for found in face["MatchedFaces"]] == ["p1", "p2"]
    assert list(face["MatchedFaces"][0]["Face"]) == [
        "BoundingBox",
        "Confidence",
        "ExternalImageId",
        "FaceId",
        "ImageId",
    ]


def _decoded(record: bytes) -> list[dict[str, Any]]:
    faces: list[dict[str, Any]] = json.loads(record)["FaceSearchResponse"]
    return faces
