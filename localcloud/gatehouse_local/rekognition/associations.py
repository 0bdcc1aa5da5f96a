"""Associate faces with users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gatehouse_local.rekognition.gallery import distances
from gatehouse_local.rekognition.idempotency import once
from gatehouse_local.rekognition.users import find_user, status

if TYPE_CHECKING:
    from gatehouse_local.core.service import CallContext, Operation
    from gatehouse_local.rekognition.gallery import Owner
    from gatehouse_local.rekognition.records import StoredFace
    from gatehouse_local.rekognition.state import State

_THRESHOLD = 75.0


class Associations:
    """AssociateFaces and DisassociateFaces."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Operation]:
        """Name the operations as AWS does."""
        return {"AssociateFaces": self.associate, "DisassociateFaces": self.disassociate}

    def associate(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Associate faces in the order given; each must resemble those before it, the first needn't.

        A face that is the user's already is passed over. A user with all the faces it may have is a
        ServiceQuotaExceededException; faces that don't fit any more come back as unsuccessful.
        """
        with self._state.store.transaction():
            owner = self._state.collection(context, params["CollectionId"])
            return once(self._state, context, params, lambda: self._associate(owner, params))

    def disassociate(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Take faces from the user; a face that is nobody's is passed over."""
        with self._state.store.transaction():
            owner = self._state.collection(context, params["CollectionId"])
            return once(self._state, context, params, lambda: self._disassociate(owner, params))

    def _associate(self, owner: Owner, params: dict[str, Any]) -> dict[str, Any]:
        user_id = params["UserId"]
        find_user(self._state, owner, user_id)
        faces = {face.face_id: face for face in self._state.gallery.snapshot(owner).faces}
        mine = [face for face in faces.values() if face.user_id == user_id]
        room = self._room(owner, len(mine))
        threshold = params.get("UserMatchThreshold", _THRESHOLD)
        added: list[StoredFace] = []
        failed: list[dict[str, Any]] = []
        for face_id in dict.fromkeys(params["FaceIds"]):
            face = faces.get(face_id)
            failure = self._obstacle(face, face_id, user_id, [*mine, *added], threshold, room - len(added))
            if failure is not None:
                failed.append(failure)
            elif face is not None and face.user_id != user_id:
                added.append(face.with_user(user_id))
        return {
            "AssociatedFaces": [{"FaceId": face.face_id} for face in added],
            "UnsuccessfulFaceAssociations": failed,
            "UserStatus": self._settle(owner, user_id, added, len(mine) + len(added)),
        }

    def _disassociate(self, owner: Owner, params: dict[str, Any]) -> dict[str, Any]:
        user_id = params["UserId"]
        find_user(self._state, owner, user_id)
        faces = {face.face_id: face for face in self._state.gallery.snapshot(owner).faces}
        asked = dict.fromkeys(params["FaceIds"])
        mine = [faces[face_id] for face_id in asked if face_id in faces and faces[face_id].user_id == user_id]
        failed = [
            failure
            for face_id in asked
            if (failure := _foreign(faces.get(face_id), face_id, user_id)) is not None
        ]
        left = sum(face.user_id == user_id for face in faces.values()) - len(mine)
        return {
            "DisassociatedFaces": [{"FaceId": face.face_id} for face in mine],
            "UnsuccessfulFaceDisassociations": failed,
            "UserStatus": self._settle(owner, user_id, [face.with_user(None) for face in mine], left),
        }

    def _room(self, owner: Owner, taken: int) -> int:
        """Return how many faces the user may still get; raise where it is none."""
        account, region, _ = owner
        limit = self._state.quotas.count("rekognition", "FacesPerUser", account, region)
        if taken >= limit:
            raise self._state.quotas.exceeded("rekognition", "FacesPerUser", account, region)
        return limit - taken

    def _obstacle(
        self,
        face: StoredFace | None,
        face_id: str,
        user_id: str,
        present: list[StoredFace],
        threshold: float,
        room: int,
    ) -> dict[str, Any] | None:
        """Say what keeps the face from the user, None where nothing does."""
        failure = _foreign(face, face_id, user_id)
        if failure is not None or face is None or face.user_id == user_id:
            return failure
        if present:
            vector = user_vector(present)
            distance = distances(face.vector[np.newaxis], vector)
            similarity = float(self._state.gallery.scale.similarity(distance)[0])
            if similarity < threshold:
                return {"FaceId": face_id, "Confidence": similarity, "Reasons": ["LOW_MATCH_CONFIDENCE"]}
        # AWS lists these as unsuccessful, too, and its model has no reason for them.
        return {"FaceId": face_id, "Reasons": []} if room <= 0 else None

    def _settle(self, owner: Owner, user_id: str, changed: list[StoredFace], count: int) -> str:
        """Write the change and return the user's status."""
        account, region, collection_id = owner
        user = find_user(self._state, owner, user_id) | {"faces": count}
        now = self._state.clock()
        if changed:
            user["settled_at"] = now + self._state.user_update_s
        self._state.users.put(account, region, f"{collection_id}/{user_id}", user)
        self._state.replace_faces(owner, changed)
        return status(user, now)


def user_vector(faces: list[StoredFace]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the mean of the faces' vectors: this engine's user vector."""
    mean: np.ndarray[Any, np.dtype[np.float32]] = np.mean(
        [face.vector for face in faces], axis=0, dtype=np.float32
    )
    return mean


def _foreign(face: StoredFace | None, face_id: str, user_id: str) -> dict[str, Any] | None:
    """Return the failure of a face that is absent or another user's."""
    if face is None:
        return {"FaceId": face_id, "Reasons": ["FACE_NOT_FOUND"]}
    if face.user_id not in (None, user_id):
        reasons = ["ASSOCIATED_TO_A_DIFFERENT_USER"]
        return {"FaceId": face_id, "UserId": face.user_id, "Reasons": reasons}
    return None
