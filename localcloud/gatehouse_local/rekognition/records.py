"""Keep faces, users and collections in the store's tables, in one shape each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SERVICE = "rekognition"
# Rekognition's own model is 7.0 today. Here it names the local engine's model (dlib ResNet v1): vectors
# of one version compare with each other, and a change of model changes this number.
FACE_MODEL_VERSION = "7.0"


@dataclass(frozen=True, slots=True, eq=False)
class StoredFace:
    """A face of a collection. `image_digest` is the image's SHA-256, which tells a repeated IndexFaces."""

    face_id: str
    image_id: str
    external_image_id: str | None
    box: dict[str, float]
    confidence: float
    image_digest: str
    vector: NDArray[np.float32]
    user_id: str | None = None

    def to_body(self) -> dict[str, Any]:
        """Write the store's form."""
        return {
            "face_id": self.face_id,
            "image_id": self.image_id,
            "external_image_id": self.external_image_id,
            "box": self.box,
            "confidence": self.confidence,
            "image_digest": self.image_digest,
            "vector": self.vector.astype("<f4").tobytes(),
            "user_id": self.user_id,
        }

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> StoredFace:
        """Read the store's form."""
        return cls(**{**body, "vector": np.frombuffer(body["vector"], dtype="<f4")})

    def with_user(self, user_id: str | None) -> StoredFace:
        """Return the face as associated with a user, or with none."""
        return replace(self, user_id=user_id)

    def to_aws(self, *, with_user: bool = True) -> dict[str, Any]:
        """Write AWS's `Face` structure; searches leave the user out, as streaming records do."""
        face = {
            "FaceId": self.face_id,
            "BoundingBox": self.box,
            "ImageId": self.image_id,
            "ExternalImageId": self.external_image_id,
            "Confidence": self.confidence,
            "IndexFacesModelVersion": FACE_MODEL_VERSION,
            "UserId": self.user_id if with_user else None,
        }
        return {key: value for key, value in face.items() if value is not None}
