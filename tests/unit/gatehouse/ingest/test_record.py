from __future__ import annotations

import json
from typing import Any

import pytest

from gatehouse.exceptions import RecordFormatError
from gatehouse.ingest.record import parse_record


def _drop(record: dict[str, Any], path: str) -> bytes:
    *parents, last = path.split(".")
    place: Any = record
    for name in parents:
        place = place[int(name) if name.isdigit() else name]
    del place[last]
    return json.dumps(record).encode()


def test_aws_sample_is_read(aws_record: dict[str, Any]) -> None:
    record = parse_record(json.dumps(aws_record).encode())
    video = record["InputInformation"]["KinesisVideo"]
    assert video["FragmentNumber"] == "91343852333289682796718532614445757584843717598"
    assert record["FaceSearchResponse"][0]["MatchedFaces"][0]["Face"] == {"ExternalImageId": "employee"}
    assert record["FaceSearchResponse"][0]["DetectedFace"].keys() == {"BoundingBox", "Confidence"}


@pytest.mark.parametrize(
    "path",
    [
        "FaceSearchResponse",
        "StreamProcessorInformation",
        "InputInformation.KinesisVideo.ServerTimestamp",
        "FaceSearchResponse.0.MatchedFaces",
        "FaceSearchResponse.0.DetectedFace.Landmarks",
        "FaceSearchResponse.0.MatchedFaces.0.Face.ExternalImageId",
        "FaceSearchResponse.0.MatchedFaces.0.Face.FaceId",
    ],
)
def test_absent_optional_field_is_tolerated(aws_record: dict[str, Any], path: str) -> None:
    parse_record(_drop(aws_record, path))


@pytest.mark.parametrize(
    "path",
    [
        "InputInformation",
        "InputInformation.KinesisVideo.StreamArn",
        "InputInformation.KinesisVideo.FragmentNumber",
        "InputInformation.KinesisVideo.ProducerTimestamp",
        "InputInformation.KinesisVideo.FrameOffsetInSeconds",
        "FaceSearchResponse.0.DetectedFace.BoundingBox.Left",
        "FaceSearchResponse.0.DetectedFace.Confidence",
        "FaceSearchResponse.0.MatchedFaces.0.Similarity",
    ],
)
def test_absent_needed_field_is_named(aws_record: dict[str, Any], path: str) -> None:
    with pytest.raises(RecordFormatError, match=path.replace(".", r"\.")):
        parse_record(_drop(aws_record, path))


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"InputInformation":{"KinesisVideo":{"StreamArn":1}}}'],
)
def test_garbage_is_a_format_error(payload: bytes) -> None:
    with pytest.raises(RecordFormatError, match="on-failure destination"):
        parse_record(payload)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, "1510552593.1", 1e20])
def test_impossible_time_is_refused(aws_record: dict[str, Any], value: object) -> None:
    aws_record["InputInformation"]["KinesisVideo"]["ProducerTimestamp"] = value
    with pytest.raises(RecordFormatError, match="ProducerTimestamp"):
        parse_record(json.dumps(aws_record).encode())


def test_error_tells_no_persons_id(aws_record: dict[str, Any]) -> None:
    aws_record["FaceSearchResponse"][0]["MatchedFaces"][0]["Face"]["ExternalImageId"] = ["secret-person"]
    with pytest.raises(RecordFormatError) as caught:
        parse_record(json.dumps(aws_record).encode())
    assert "secret-person" not in str(caught.value)
