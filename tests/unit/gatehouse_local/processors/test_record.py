"""The analysis record has AWS's schema, field for field."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np

from gatehouse_local.engine.detected import Box, Face
from gatehouse_local.engine.pose import Pose
from gatehouse_local.engine.quality import Quality
from gatehouse_local.kinesisvideo.media import Fragment
from gatehouse_local.processors.record import analysis_record
from gatehouse_local.rekognition.gallery import Match
from gatehouse_local.rekognition.records import StoredFace

ARN = "arn:aws:kinesisvideo:us-west-2:123456789012:stream/cam/1"
FACE = Face(
    box=Box(0.1, 0.2, 0.3, 0.4),
    confidence=99.0,
    landmarks=((0.1, 0.1),) * 5,
    pose=Pose(1.0, 2.0, 3.0),
    quality=Quality(50.0, 60.0),
    pixels=100.0,
    vector=None,
)
STORED = StoredFace(
    face_id="f",
    image_id="i",
    external_image_id="p1",
    box={"Width": 0.5, "Height": 0.5, "Left": 0.2, "Top": 0.2},
    confidence=99.9,
    image_digest="d",
    vector=np.zeros(128, np.float32),
    user_id="u",
)


def test_a_frame_without_faces_is_a_record_too(fragment: Callable[..., Fragment]) -> None:
    record = json.loads(analysis_record(ARN, fragment(1, producer=1510552593.455), 2.0004, []))
    assert record == {
        "InputInformation": {
            "KinesisVideo": {
                "StreamArn": ARN,
                "FragmentNumber": "91343852333179544392790137598077231385372247322",
                "ServerTimestamp": 1510552593.555,
                "ProducerTimestamp": 1510552593.455,
                "FrameOffsetInSeconds": 2.0,
            }
        },
        "StreamProcessorInformation": {"Status": "RUNNING"},
        "FaceSearchResponse": [],
    }


def test_a_stranger_has_no_matches_and_a_match_names_no_user(fragment: Callable[..., Fragment]) -> None:
    faces = [(FACE, []), (FACE, [Match(97.5, STORED)])]
    record = json.loads(analysis_record(ARN, fragment(1), 0.0, faces))
    stranger, known = record["FaceSearchResponse"]
    assert stranger["MatchedFaces"] == []
    assert set(known["DetectedFace"]) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    assert known["MatchedFaces"] == [
        {
            "Similarity": 97.5,
            "Face": {
                "BoundingBox": {"Width": 0.5, "Height": 0.5, "Left": 0.2, "Top": 0.2},
                "Confidence": 99.9,
                "ExternalImageId": "p1",
                "FaceId": "f",
                "ImageId": "i",
            },
        }
    ]
