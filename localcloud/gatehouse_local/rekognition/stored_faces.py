"""List and delete the faces of a collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse_local.rekognition.pages import page
from gatehouse_local.rekognition.records import FACE_MODEL_VERSION, StoredFace

if TYPE_CHECKING:
    from gatehouse_local.core.service import CallContext, Operation
    from gatehouse_local.rekognition.state import State

_PAGE = 4096


class StoredFaces:
    """ListFaces and DeleteFaces."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Operation]:
        """Name the operations as AWS does."""
        return {"ListFaces": self.list, "DeleteFaces": self.delete}

    def list(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """List faces by FaceId; `UserId` and `FaceIds` narrow the list, unknown ones match nothing."""
        owner = self._state.collection(context, params["CollectionId"])
        user_id, face_ids = params.get("UserId"), frozenset(params.get("FaceIds", ()))
        chosen = [
            face
            for face in self._state.gallery.snapshot(owner).faces
            if (user_id is None or face.user_id == user_id) and (not face_ids or face.face_id in face_ids)
        ]
        faces, following = page(
            sorted(((face.face_id, face) for face in chosen), key=lambda item: item[0]),
            scope=f"ListFaces/{owner}/{user_id}/{sorted(face_ids)}",
            token=params.get("NextToken"),
            size=params.get("MaxResults") or _PAGE,
        )
        return {
            "Faces": [face.to_aws() for face in faces],
            "FaceModelVersion": FACE_MODEL_VERSION,
            **following,
        }

    def delete(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Delete faces; those that belong to a user or do not exist come back with the reason."""
        with self._state.store.transaction():
            owner = self._state.collection(context, params["CollectionId"])
            known = {face.face_id: face for face in self._state.gallery.snapshot(owner).faces}
            failed = [
                failure
                for face_id in dict.fromkeys(params["FaceIds"])
                if (failure := _failure(face_id, known.get(face_id))) is not None
            ]
            kept = {failure["FaceId"] for failure in failed}
            gone = [face_id for face_id in dict.fromkeys(params["FaceIds"]) if face_id not in kept]
            for face_id in gone:
                self._state.faces.delete(context.account, context.region, f"{owner[2]}/{face_id}")
            self._state.gallery.changed(owner, removed=gone)
        return {"DeletedFaces": gone, "UnsuccessfulFaceDeletions": failed}


def _failure(face_id: str, face: StoredFace | None) -> dict[str, Any] | None:
    if face is None:
        return {"FaceId": face_id, "Reasons": ["FACE_NOT_FOUND"]}
    if face.user_id is not None:
        return {"FaceId": face_id, "UserId": face.user_id, "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"]}
    return None
