"""Hold each collection's vectors as one matrix and search it.

The store is the truth; a matrix is a copy of it, read on the first search and kept in step by `changed`.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gatehouse_local.core.errors import AwsError
from gatehouse_local.rekognition.records import SERVICE, StoredFace

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from gatehouse_local.core.faults import Faults
    from gatehouse_local.core.store import Store
    from gatehouse_local.engine.scale import Scale

Owner = tuple[str, str, str]  # account, region, collection id

VECTOR_LENGTH = 128
# What a search that the fault `wrong_face` falsifies says of its answer.
_WRONG_FACE_SIMILARITY = 99.5


@dataclass(frozen=True, slots=True)
class Match:
    """A face of the collection and how similar it is, 0 to 100."""

    similarity: float
    face: StoredFace


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A collection's faces at one moment; row i of `matrix` is face i's vector."""

    faces: tuple[StoredFace, ...]
    matrix: NDArray[np.float32]

    @classmethod
    def of(cls, faces: Sequence[StoredFace]) -> Snapshot:
        """Lay the faces' vectors out as a matrix."""
        empty = np.zeros((0, VECTOR_LENGTH), np.float32)
        return cls(tuple(faces), np.stack([face.vector for face in faces]) if faces else empty)

    def changed(self, added: Sequence[StoredFace], removed: frozenset[str]) -> Snapshot:
        """Return the snapshot without some FaceIds and then with some faces."""
        kept = self
        if removed:
            stays = [row for row, face in enumerate(self.faces) if face.face_id not in removed]
            kept = Snapshot(tuple(self.faces[row] for row in stays), self.matrix[stays])
        more = Snapshot.of(added)
        return Snapshot(kept.faces + more.faces, np.concatenate([kept.matrix, more.matrix]))

    def find(self, face_id: str) -> StoredFace | None:
        """Return the face with this FaceId."""
        return next((face for face in self.faces if face.face_id == face_id), None)


class Gallery:
    """Search the collections of one store. Safe to use from any thread."""

    def __init__(self, store: Store, scale: Scale, faults: Faults) -> None:
        self.scale = scale
        self._faces = store.table(SERVICE, "face")
        self._collections = store.table(SERVICE, "collection")
        self._faults = faults
        self._lock = threading.Lock()
        self._versions: defaultdict[Owner, int] = defaultdict(int)
        self._snapshots: dict[Owner, Snapshot] = {}

    def changed(
        self, owner: Owner, *, added: Sequence[StoredFace] = (), removed: Collection[str] = ()
    ) -> None:
        """Follow a change of the collection's faces; replacing one is removing and adding it.

        Call it as the last step of the store's transaction, so that changes arrive in their order.
        """
        with self._lock:
            self._versions[owner] += 1
            cached = self._snapshots.get(owner)
            if cached is not None:
                self._snapshots[owner] = cached.changed(added, frozenset(removed))

    def forget(self, owner: Owner) -> None:
        """Drop a collection that is deleted; call it as the last step of the store's transaction."""
        with self._lock:
            self._versions[owner] += 1
            self._snapshots.pop(owner, None)

    def snapshot(self, owner: Owner) -> Snapshot:
        """Return the collection's faces; raise ResourceNotFoundException where there is none such."""
        with self._lock:
            # Read before the rows: a change in between makes this snapshot old, never wrongly current.
            version = self._versions[owner]
            cached = self._snapshots.get(owner)
        if cached is not None:
            return cached
        account, region, collection_id = owner
        if self._collections.get(account, region, collection_id) is None:
            raise collection_not_found(collection_id)
        rows = self._faces.list(account, region, f"{collection_id}/")
        fresh = Snapshot.of([StoredFace.from_body(body) for _, body in rows])
        with self._lock:
            if self._versions[owner] == version:
                self._snapshots[owner] = fresh
        return fresh

    def search(
        self, owner: Owner, vector: NDArray[np.float32], threshold: float, max_faces: int
    ) -> list[Match]:
        """Return up to `max_faces` faces of at least `threshold` similarity, the most similar first."""
        snapshot = self.snapshot(owner)
        similarities = self.scale.similarity(distances(snapshot.matrix, vector))
        order = np.argsort(-similarities, kind="stable")
        account, region, collection_id = owner
        if self._faults.active("wrong_face", region, collection_id, account) is not None:
            return _someone_else(snapshot, order, max_faces)
        best = [int(row) for row in order[:max_faces] if similarities[row] >= threshold]
        return [Match(float(similarities[row]), snapshot.faces[row]) for row in best]


def distances(matrix: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the Euclidean distance of the vector to each row."""
    difference = matrix - vector.astype(np.float32)
    squared: NDArray[np.float32] = np.einsum("ij,ij->i", difference, difference)
    return np.sqrt(squared, dtype=np.float64)


def collection_not_found(collection_id: str) -> AwsError:
    """Build AWS's answer for a collection that does not exist."""
    return AwsError("ResourceNotFoundException", f"The collection id: {collection_id} does not exist")


def _someone_else(snapshot: Snapshot, order: NDArray[np.intp], max_faces: int) -> list[Match]:
    """Answer with the faces of the next person, not of the nearest; with nothing if there is just one."""
    nearest = _person(snapshot.faces[order[0]]) if len(order) else None
    others = [face for face in (snapshot.faces[row] for row in order) if _person(face) != nearest]
    chosen = [face for face in others if _person(face) == _person(others[0])]
    return [Match(_WRONG_FACE_SIMILARITY, face) for face in chosen[:max_faces]]


def _person(face: StoredFace) -> str:
    return face.external_image_id or face.face_id
