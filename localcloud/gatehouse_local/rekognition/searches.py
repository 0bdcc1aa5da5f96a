"""Search a collection's faces by a face of it or by an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.rekognition.quality_filter import shortcomings
from gatehouse_local.rekognition.records import FACE_MODEL_VERSION
from gatehouse_local.rekognition.shapes import bounding_box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatehouse_local.core.service import CallContext, Operation
    from gatehouse_local.engine.faces import Face
    from gatehouse_local.rekognition.gallery import Match
    from gatehouse_local.rekognition.state import State

_THRESHOLD = 80.0
# AWS documents no default for MaxFaces; this is the largest it accepts.
_MAX_FACES = 4096


class Searches:
    """SearchFaces and SearchFacesByImage."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Operation]:
        """Name the operations as AWS does."""
        return {"SearchFaces": self.by_face, "SearchFacesByImage": self.by_image}

    def by_face(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Find the faces like one of the collection's own, which is not among the matches."""
        owner = self._state.collection(context, params["CollectionId"])
        face = self._state.gallery.snapshot(owner).find(params["FaceId"])
        if face is None:
            raise face_not_found()
        threshold, most = _limits(params)
        matches = self._state.gallery.search(owner, face.vector, threshold, most + 1)
        others = [match for match in matches if match.face.face_id != face.face_id]
        return {
            "SearchedFaceId": face.face_id,
            "FaceMatches": _face_matches(others[:most]),
            "FaceModelVersion": FACE_MODEL_VERSION,
        }

    def by_image(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Find the faces like the image's largest; a smaller face in the image is not searched."""
        owner = self._state.collection(context, params["CollectionId"])
        quality_filter = params.get("QualityFilter", "NONE")
        # Without a filter the largest face is the one searched, so no other needs a vector.
        embed = {"embed_largest": 1} if quality_filter == "NONE" else {}
        sight = self._state.analyst.look(context, params["Image"], **embed)
        face = largest(sight.faces, quality_filter)
        if face is None or face.vector is None:
            raise AwsError(
                "InvalidParameterException", "There are no faces in the image. Should be at least 1."
            )
        return {
            "SearchedFaceBoundingBox": bounding_box(face.box),
            "SearchedFaceConfidence": face.confidence,
            "FaceMatches": _face_matches(self._state.gallery.search(owner, face.vector, *_limits(params))),
            "FaceModelVersion": FACE_MODEL_VERSION,
        }


def largest(faces: Sequence[Face], quality_filter: str) -> Face | None:
    """Return the largest face that passes the filter; `faces` come largest first."""
    return next((face for face in faces if not shortcomings(face, quality_filter)), None)


def face_not_found() -> AwsError:
    """Build AWS's answer to a FaceId that the collection doesn't hold."""
    return AwsError("InvalidParameterException", "faceId was not found in the collection.")


def _limits(params: dict[str, Any]) -> tuple[float, int]:
    return params.get("FaceMatchThreshold", _THRESHOLD), params.get("MaxFaces", _MAX_FACES)


def _face_matches(matches: Sequence[Match]) -> list[dict[str, Any]]:
    return [{"Similarity": match.similarity, "Face": match.face.to_aws(with_user=False)} for match in matches]
