"""Detect and compare faces without a collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gatehouse_local.rekognition.analysis import invalid_parameters
from gatehouse_local.rekognition.gallery import distances
from gatehouse_local.rekognition.quality_filter import shortcomings
from gatehouse_local.rekognition.searches import largest
from gatehouse_local.rekognition.shapes import bounding_box, compared_face

if TYPE_CHECKING:
    from gatehouse_local.core.service import CallContext, Operation
    from gatehouse_local.engine.faces import Face
    from gatehouse_local.rekognition.state import State

_THRESHOLD = 80.0


class Stateless:
    """DetectFaces and CompareFaces."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Operation]:
        """Name the operations as AWS does."""
        return {"DetectFaces": self.detect, "CompareFaces": self.compare}

    def detect(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Describe the image's faces, largest first."""
        sight = self._state.analyst.look(context, params["Image"], embed_largest=0)
        attributes = params.get("Attributes", ())
        return {"FaceDetails": [compared_face(face, attributes) for face in sight.faces]}

    def compare(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Compare the source's largest face with each of the target's, the most similar first.

        No face in either image is an InvalidParameterException, as with AWS.
        """
        quality_filter = params.get("QualityFilter", "NONE")
        source = largest(self._look(context, params["SourceImage"]), quality_filter)
        seen = self._look(context, params["TargetImage"])
        targets = [face for face in seen if not shortcomings(face, quality_filter)]
        if source is None or not targets:
            raise invalid_parameters()
        scored = sorted(self._scored(source, targets), key=lambda pair: -pair[0])
        threshold = params.get("SimilarityThreshold", _THRESHOLD)
        return {
            "SourceImageFace": {"BoundingBox": bounding_box(source.box), "Confidence": source.confidence},
            "FaceMatches": [
                {"Similarity": similarity, "Face": compared_face(face)}
                for similarity, face in scored
                if similarity >= threshold
            ],
            "UnmatchedFaces": [compared_face(face) for similarity, face in scored if similarity < threshold],
        }

    def _look(self, context: CallContext, image: dict[str, Any]) -> list[Face]:
        return self._state.analyst.look(context, image).faces

    def _scored(self, source: Face, targets: list[Face]) -> list[tuple[float, Face]]:
        vectors = np.stack([face.vector for face in targets if face.vector is not None])
        assert source.vector is not None  # noqa: S101  (the analyst embeds every face here)
        similarities = self._state.gallery.scale.similarity(distances(vectors, source.vector))
        return list(zip(similarities.tolist(), targets, strict=True))
