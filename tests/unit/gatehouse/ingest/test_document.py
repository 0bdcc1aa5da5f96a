from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.exceptions import UnknownStreamError
from gatehouse.ingest.bulk import create_line
from gatehouse.ingest.document import detection_documents
from gatehouse.ingest.frame import to_frame
from gatehouse.ingest.instant import iso, moment
from gatehouse.ingest.record import parse_record

if TYPE_CHECKING:
    from gatehouse.ingest.frame import Frame
    from gatehouse.ingest.snapshot import IngestSnapshot

AT = "2026-11-23T12:00:00.000Z"


def _frame(record: dict[str, Any], snapshot: IngestSnapshot) -> Frame:
    return to_frame(parse_record(json.dumps(record).encode()), snapshot)


def test_document_is_as_the_design_says(aws_record: dict[str, Any], snapshot: IngestSnapshot) -> None:
    (document,) = detection_documents(_frame(aws_record, snapshot), AT)
    event_id = document.pop("event_id")
    assert len(event_id) == 32
    assert document == {
        "@timestamp": "2017-11-13T05:56:35.393Z",
        "timestamp": "2017-11-13T05:56:35.393Z",
        "ingested_at": AT,
        "camera_id": "CAM_A",
        "office": "berlin",
        "location": {"floor": "3", "zone": "lab"},
        "fragment_number": "91343852333289682796718532614445757584843717598",
        "engine": "stream_processor",
        "face_detected": True,
        "employee_match": True,
        "kind": "employee",
        "person_id": "employee",
        "confidence": 99.975174,
        "similarity": 88.86396,
        "box": {"left": 0.428125, "top": 0.40833333, "width": 0.05625, "height": 0.075},
        "probe": False,
    }


@pytest.mark.parametrize(
    ("person", "employed", "kind"),
    [
        ("employee", True, "employee"),
        ("contractor", True, "contractor"),
        ("vip", False, "vip"),
        ("watchlist", False, "watchlist"),
        ("somebody new", False, None),
    ],
)
def test_only_those_who_work_here_are_employee_matches(
    aws_record: dict[str, Any], snapshot: IngestSnapshot, person: str, employed: bool, kind: str | None
) -> None:
    aws_record["FaceSearchResponse"][0]["MatchedFaces"][0]["Face"]["ExternalImageId"] = person
    (document,) = detection_documents(_frame(aws_record, snapshot), AT)
    assert (document["employee_match"], document.get("kind"), document["person_id"]) == (
        employed,
        kind,
        person,
    )


def test_best_of_several_matches_counts(aws_record: dict[str, Any], snapshot: IngestSnapshot) -> None:
    matches = aws_record["FaceSearchResponse"][0]["MatchedFaces"]
    matches.append({"Similarity": 97.5, "Face": {"ExternalImageId": "vip"}})
    matches.append({"Similarity": 81.0, "Face": {"ExternalImageId": "contractor"}})
    (document,) = detection_documents(_frame(aws_record, snapshot), AT)
    assert (document["person_id"], document["similarity"]) == ("vip", 97.5)


def test_unmatched_face_leaves_no_trace_of_its_features(
    aws_record: dict[str, Any], snapshot: IngestSnapshot
) -> None:
    aws_record["FaceSearchResponse"][0]["MatchedFaces"] = []
    (document,) = detection_documents(_frame(aws_record, snapshot), AT)
    assert not document["employee_match"]
    assert not {"person_id", "similarity", "kind"} & document.keys()
    assert not any(word in json.dumps(document).lower() for word in ("landmark", "pose", "vector", "quality"))


def test_frame_without_faces_has_no_document(aws_record: dict[str, Any], snapshot: IngestSnapshot) -> None:
    aws_record["FaceSearchResponse"] = []
    assert detection_documents(_frame(aws_record, snapshot), AT) == []


def test_unknown_stream_is_named_with_its_remedy(
    aws_record: dict[str, Any], snapshot: IngestSnapshot
) -> None:
    aws_record["InputInformation"]["KinesisVideo"]["StreamArn"] += "9"
    with pytest.raises(
        UnknownStreamError, match=r"17639000000009 belongs to no camera .* Roll the office out"
    ):
        _frame(aws_record, snapshot)


def test_every_face_of_every_frame_has_its_own_id(
    aws_record: dict[str, Any], snapshot: IngestSnapshot
) -> None:
    aws_record["FaceSearchResponse"] *= 3
    ids = []
    for fragment in ("1", "2"):
        for offset in (0.0, 0.2, 1.0):
            video = aws_record["InputInformation"]["KinesisVideo"]
            video.update(FragmentNumber=fragment, FrameOffsetInSeconds=offset)
            ids += [face.event_id for face in _frame(aws_record, snapshot).faces]
    assert len(set(ids)) == 18


def test_replay_gives_the_same_ids(aws_record: dict[str, Any], snapshot: IngestSnapshot) -> None:
    first, again = (_frame(aws_record, snapshot) for _ in range(2))
    assert [face.event_id for face in first.faces] == [face.event_id for face in again.faces]


def test_bulk_line_creates_by_event_id(aws_record: dict[str, Any], snapshot: IngestSnapshot) -> None:
    (document,) = detection_documents(_frame(aws_record, snapshot), AT)
    action, body, rest = create_line(document).split(b"\n")
    assert json.loads(action) == {"create": {"_id": document["event_id"]}}
    assert json.loads(body) == document
    assert rest == b""


@given(st.integers(0, 4_102_444_800_000))
def test_instant_is_exact_to_the_millisecond(at_ms: int) -> None:
    assert moment(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z") == iso(at_ms)
