"""Write one analysed frame as Rekognition's stream processor does, field for field (aws.md §2.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_DETECTED = ("BoundingBox", "Confidence", "Landmarks", "Pose", "Quality")
# A streaming record says less of an enrolled face than the image API does.
_MATCHED = ("BoundingBox", "Confidence", "ExternalImageId", "FaceId", "ImageId")


@dataclass(frozen=True, slots=True)
class Origin:
    """Say which frame of which stream it is; all times are whole milliseconds.

    The fragment's number and times are Kinesis Video's, so every engine gives a frame the same identity.
    """

    stream_arn: str
    fragment_number: str
    producer_ms: int
    server_ms: int
    offset_ms: int

    @property
    def at_ms(self) -> int:
        """Return the frame's own time."""
        return self.producer_ms + self.offset_ms


@dataclass(frozen=True, slots=True)
class SearchedFace:
    """Hold one of DetectFaces' FaceDetails and the FaceMatches of its search, perhaps none."""

    detail: Mapping[str, Any]
    matches: Sequence[Mapping[str, Any]] = ()


def analysis_record(origin: Origin, faces: Sequence[SearchedFace]) -> bytes:
    """Build the record of one frame; a gated frame and one that shows nobody have no faces.

    The largest face comes first, and equal frames give equal records: ingest knows a face by its ordinal.
    """
    record = {
        "InputInformation": {
            "KinesisVideo": {
                "StreamArn": origin.stream_arn,
                "FragmentNumber": origin.fragment_number,
                "ServerTimestamp": origin.server_ms / 1000,
                "ProducerTimestamp": origin.producer_ms / 1000,
                "FrameOffsetInSeconds": origin.offset_ms / 1000,
            }
        },
        "StreamProcessorInformation": {"Status": "RUNNING"},
        "FaceSearchResponse": [
            {"DetectedFace": _only(face.detail, _DETECTED), "MatchedFaces": _matched(face.matches)}
            for face in sorted(faces, key=_largest_first)
        ],
    }
    return json.dumps(record, separators=(",", ":")).encode()


def _matched(matches: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"Similarity": match["Similarity"], "Face": _only(match["Face"], _MATCHED)}
        for match in sorted(matches, key=lambda match: -match["Similarity"])
    ]


def _only(fields: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: fields[name] for name in names if name in fields}


def _largest_first(face: SearchedFace) -> tuple[float, float, float]:
    box = face.detail["BoundingBox"]
    return -box["Width"] * box["Height"], box["Left"], box["Top"]
