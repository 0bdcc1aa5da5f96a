from __future__ import annotations

import json
from typing import Any

import pytest

from gatehouse.ingest.snapshot import IngestSnapshot

ARN = "arn:aws:kinesisvideo:eu-central-1:123456789012:stream/gatehouse-CAM_A/1763900000000"


@pytest.fixture
def snapshot() -> IngestSnapshot:
    """A Region with one camera, an employee, a contractor, a VIP and the usual rule."""
    stream = {
        "camera_id": "CAM_A", "office": "berlin", "floor": "3", "zone": "lab",
        "time_zone": "Europe/Berlin", "engine": "stream_processor", "rules": ("non_employee",),
    }  # fmt: skip
    rule = {
        "kind": "non_employee", "k": 3, "n": 10, "window_seconds": 15, "similarity": 90.0, "channel": "c",
    }  # fmt: skip
    people = {name: {"kind": name} for name in ("employee", "contractor", "vip", "watchlist")}
    return IngestSnapshot.model_validate(
        {
            "version": 1,
            "region": "eu-central-1",
            "evidence": "alerts",
            "streams": {ARN: stream},
            "people": people,
            "rules": {"non_employee": rule},
        }
    )


@pytest.fixture
def aws_record() -> dict[str, Any]:
    """The record of AWS's developer guide (aws.md §2.5), with one matched face."""
    box = {"Height": 0.075, "Width": 0.05625, "Left": 0.428125, "Top": 0.40833333}
    return json.loads(
        json.dumps(
            {
                "InputInformation": {
                    "KinesisVideo": {
                        "StreamArn": ARN,
                        "FragmentNumber": "91343852333289682796718532614445757584843717598",
                        "ServerTimestamp": 1510552593.455,
                        "ProducerTimestamp": 1510552593.193,
                        "FrameOffsetInSeconds": 2.2,
                    }
                },
                "StreamProcessorInformation": {"Status": "RUNNING"},
                "FaceSearchResponse": [
                    {
                        "DetectedFace": {
                            "BoundingBox": box,
                            "Confidence": 99.975174,
                            "Landmarks": [{"X": 0.45, "Y": 0.43, "Type": "eyeLeft"}],
                            "Pose": {"Pitch": -0.88, "Roll": 0.15, "Yaw": -17.8},
                            "Quality": {"Brightness": 40.59, "Sharpness": 96.3},
                        },
                        "MatchedFaces": [
                            {
                                "Similarity": 88.863960,
                                "Face": {
                                    "BoundingBox": box,
                                    "FaceId": "ed1b560f-d6af-5158-989a-ff586c931545",
                                    "Confidence": 99.999201,
                                    "ImageId": "70e09693-2114-57e1-807c-50b6d61fa4dc",
                                    "ExternalImageId": "employee",
                                },
                            }
                        ],
                    }
                ],
            }
        )
    )
