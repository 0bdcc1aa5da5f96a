"""Search a collection's users: one vector a user, the mean of its faces."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from gatehouse_local.rekognition.analysis import invalid_parameters
from gatehouse_local.rekognition.associations import user_vector
from gatehouse_local.rekognition.gallery import distances
from gatehouse_local.rekognition.quality_filter import shortcomings
from gatehouse_local.rekognition.records import FACE_MODEL_VERSION
from gatehouse_local.rekognition.searches import face_not_found, largest
from gatehouse_local.rekognition.shapes import compared_face
from gatehouse_local.rekognition.users import find_user, status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gatehouse_local.core.service import CallContext, Operation
    from gatehouse_local.engine.faces import Face
    from gatehouse_local.rekognition.gallery import Owner
    from gatehouse_local.rekognition.records import StoredFace
    from gatehouse_local.rekognition.state import State

_THRESHOLD = 80.0
_MAX_USERS = 500


class UserSearches:
    """SearchUsers and SearchUsersByImage."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Operation]:
        """Name the operations as AWS does."""
        return {"SearchUsers": self.by_id, "SearchUsersByImage": self.by_image}

    def by_id(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Find the users like a face of the collection or like another user, which is left out."""
        owner = self._state.collection(context, params["CollectionId"])
        if ("UserId" in params) == ("FaceId" in params):
            raise invalid_parameters()
        vectors = self._user_vectors(owner)
        if "UserId" in params:
            find_user(self._state, owner, params["UserId"])
            vector = vectors.pop(params["UserId"], None)
            searched = {"SearchedUser": {"UserId": params["UserId"]}}
        else:
            face = self._state.gallery.snapshot(owner).find(params["FaceId"])
            if face is None:
                raise face_not_found()
            vector = face.vector
            searched = {"SearchedFace": {"FaceId": face.face_id}}
        return {**searched, **self._answer(owner, vectors, vector, params)}

    def by_image(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Find the users like the image's largest face; without a face the answer is empty."""
        owner = self._state.collection(context, params["CollectionId"])
        quality_filter = params.get("QualityFilter", "NONE")
        sight = self._state.analyst.look(context, params["Image"])
        face = largest(sight.faces, quality_filter)
        vector = None if face is None else face.vector
        searched = {} if face is None else {"SearchedFace": {"FaceDetail": compared_face(face)}}
        return {
            **searched,
            **self._answer(owner, self._user_vectors(owner), vector, params),
            "UnsearchedFaces": [
                {"FaceDetails": compared_face(other), "Reasons": _why_not(other, quality_filter)}
                for other in sight.faces
                if other is not face
            ],
        }

    def _answer(
        self,
        owner: Owner,
        vectors: dict[str, NDArray[np.float32]],
        vector: NDArray[np.float32] | None,
        params: dict[str, Any],
    ) -> dict[str, Any]:
        scored = [] if vector is None else self._scored(vectors, vector)
        threshold = params.get("UserMatchThreshold", _THRESHOLD)
        best = [pair for pair in scored if pair[0] >= threshold][: params.get("MaxUsers", _MAX_USERS)]
        now = self._state.clock()
        matches = [
            {
                "Similarity": similarity,
                "User": {
                    "UserId": user_id,
                    "UserStatus": status(find_user(self._state, owner, user_id), now),
                },
            }
            for similarity, user_id in best
        ]
        return {"UserMatches": matches, "FaceModelVersion": FACE_MODEL_VERSION}

    def _scored(
        self, vectors: dict[str, NDArray[np.float32]], vector: NDArray[np.float32]
    ) -> list[tuple[float, str]]:
        """Return (similarity, user id), the most similar first."""
        if not vectors:
            return []
        similarities = self._state.gallery.scale.similarity(
            distances(np.stack(list(vectors.values())), vector)
        )
        return sorted(zip(similarities.tolist(), vectors, strict=True), key=lambda pair: (-pair[0], pair[1]))

    def _user_vectors(self, owner: Owner) -> dict[str, NDArray[np.float32]]:
        by_user: defaultdict[str, list[StoredFace]] = defaultdict(list)
        for face in self._state.gallery.snapshot(owner).faces:
            if face.user_id is not None:
                by_user[face.user_id].append(face)
        return {user_id: user_vector(faces) for user_id, faces in by_user.items()}


def _why_not(face: Face, quality_filter: str) -> list[str]:
    return shortcomings(face, quality_filter) or ["FACE_NOT_LARGEST"]
