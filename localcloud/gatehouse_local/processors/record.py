"""Write the analysis record that a stream processor puts on its data stream, as AWS does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gatehouse_local.rekognition.shapes import compared_face

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatehouse_local.engine.faces import Face
    from gatehouse_local.kinesisvideo.media import Fragment
    from gatehouse_local.rekognition.search import Match

# A streaming record says less of a face than the image API does: no UserId, no model version.
_FACE_MEMBERS = ("BoundingBox", "Confidence", "ExternalImageId", "FaceId", "ImageId")


def analysis_record(
    video_arn: str, fragment: Fragment, offset: float, faces: Sequence[tuple[Face, Sequence[Match]]]
) -> bytes:
    """Build the record of one frame: timestamps are float seconds, the fragment number is a string.

    A face nobody in the collection resembles has empty MatchedFaces; a frame without faces has an
    empty FaceSearchResponse.
    """
    record = {
        "InputInformation": {
            "KinesisVideo": {
                "StreamArn": video_arn,
                "FragmentNumber": fragment.number,
                "ServerTimestamp": fragment.server_timestamp,
                "ProducerTimestamp": fragment.producer_timestamp,
                "FrameOffsetInSeconds": round(offset, 3),
            }
        },
        "StreamProcessorInformation": {"Status": "RUNNING"},
        "FaceSearchResponse": [
            {"DetectedFace": compared_face(face), "MatchedFaces": [_matched(match) for match in matches]}
            for face, matches in faces
        ],
    }
    return json.dumps(record, separators=(",", ":")).encode()


def _matched(match: Match) -> dict[str, Any]:
    face = match.face.to_aws(with_user=False)
    return {
        "Similarity": match.similarity,
        "Face": {name: face[name] for name in _FACE_MEMBERS if name in face},
    }
