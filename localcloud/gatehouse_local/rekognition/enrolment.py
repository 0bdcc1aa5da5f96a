"""Index the faces of an image into a collection."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from gatehouse_local.rekognition.analysis import MAX_FACES
from gatehouse_local.rekognition.quality_filter import shortcomings
from gatehouse_local.rekognition.records import FACE_MODEL_VERSION, StoredFace
from gatehouse_local.rekognition.shapes import bounding_box, compared_face

if TYPE_CHECKING:
    from gatehouse_local.core.service import CallContext, Operation
    from gatehouse_local.engine.faces import Face
    from gatehouse_local.rekognition.analysis import Sight
    from gatehouse_local.rekognition.gallery import Owner
    from gatehouse_local.rekognition.state import State


class Enrolment:
    """IndexFaces: detect, filter, embed, store."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Operation]:
        """Name the operation as AWS does."""
        return {"IndexFaces": self.index}

    def index(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Store the image's faces, the largest `MaxFaces` of those that pass the quality filter.

        An image without faces is a success with no records. The same image under the same
        ExternalImageId adds nothing: its faces come back with the ids they have. Without an
        ExternalImageId every call stores anew.
        """
        self._state.collection(context, params["CollectionId"])
        sight = self._state.analyst.look(context, params["Image"])
        wanted, refused = _select(sight.faces, params)
        attributes = params.get("DetectionAttributes", ())
        with self._state.store.transaction():
            owner = self._state.collection(context, params["CollectionId"])
            stored = self._store(owner, sight, wanted, params.get("ExternalImageId"))
        return {
            "FaceRecords": [
                {"Face": record.to_aws(), "FaceDetail": compared_face(face, attributes)}
                for record, face in zip(stored, wanted, strict=True)
            ],
            "UnindexedFaces": [
                {"Reasons": reasons, "FaceDetail": compared_face(face, attributes)}
                for face, reasons in refused
            ],
            "FaceModelVersion": FACE_MODEL_VERSION,
        }

    def _store(
        self, owner: Owner, sight: Sight, faces: list[Face], external_image_id: str | None
    ) -> list[StoredFace]:
        """Return a record for each face: the one it already has, else a new one."""
        known = self._known(owner, sight.digest, external_image_id)
        image_id = next((record.image_id for record in known), None) or str(uuid.uuid4())
        records, fresh = [], []
        for face in faces:
            box = bounding_box(face.box)
            record = next((known_face for known_face in known if known_face.box == box), None)
            if record is None:
                record = _record(face, box, image_id, sight.digest, external_image_id)
                fresh.append(record)
            records.append(record)
        self._check_room(owner, len(fresh))
        self._state.replace_faces(owner, fresh)
        return records

    def _known(self, owner: Owner, digest: str, external_image_id: str | None) -> list[StoredFace]:
        if external_image_id is None:
            return []
        faces = self._state.gallery.snapshot(owner).faces
        wanted = (digest, external_image_id)
        return [face for face in faces if (face.image_digest, face.external_image_id) == wanted]

    def _check_room(self, owner: Owner, more: int) -> None:
        account, region, collection_id = owner
        limit = self._state.quotas.count("rekognition", "FaceVectorsPerCollection", account, region)
        if len(self._state.gallery.snapshot(owner).faces) + more > limit:
            raise self._state.quotas.exceeded(
                "rekognition", "FaceVectorsPerCollection", account, region, collection_id
            )


def _select(faces: list[Face], params: dict[str, Any]) -> tuple[list[Face], list[tuple[Face, list[str]]]]:
    """Split faces (largest first) into those to index and those refused, with AWS's reasons."""
    quality_filter = params.get("QualityFilter", "AUTO")
    judged = [(face, shortcomings(face, quality_filter)) for face in faces]
    passed = [face for face, reasons in judged if not reasons]
    most = min(params.get("MaxFaces", MAX_FACES), MAX_FACES)
    refused = [(face, reasons) for face, reasons in judged if reasons]
    return passed[:most], [*((face, ["EXCEEDS_MAX_FACES"]) for face in passed[most:]), *refused]


def _record(
    face: Face, box: dict[str, float], image_id: str, digest: str, external_image_id: str | None
) -> StoredFace:
    assert face.vector is not None  # noqa: S101  (the analyst was asked to embed every face it returns)
    return StoredFace(
        face_id=str(uuid.uuid4()),
        image_id=image_id,
        external_image_id=external_image_id,
        box=box,
        confidence=face.confidence,
        image_digest=digest,
        vector=face.vector,
    )
