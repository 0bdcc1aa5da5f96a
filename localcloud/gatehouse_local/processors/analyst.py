"""See who is in a frame: every face embedded, each searched in the processor's collection."""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from gatehouse_local.rekognition.search import search

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from gatehouse_local.core.store import Store
    from gatehouse_local.engine.faces import Face, FaceEngine
    from gatehouse_local.processors.processor import Processor
    from gatehouse_local.rekognition.search import Match


class Analyst:
    """Analyse frames with the shared face engine; searches face vectors only, as streaming does."""

    def __init__(self, engine: FaceEngine, store: Store, max_matches: int) -> None:
        self._engine = engine
        self._store = store
        self._max_matches = max_matches

    def analyse(
        self, processor: Processor, pixels: NDArray[np.uint8]
    ) -> Sequence[tuple[Face, Sequence[Match]]]:
        """Return every face with the faces of the collection it resembles enough.

        :raises AwsError: ResourceNotFoundException, the collection is gone
        """
        return [(face, self._matches(processor, face)) for face in self._faces(pixels)]

    def _faces(self, pixels: NDArray[np.uint8]) -> list[Face]:
        try:
            return self._engine.analyse(pixels, patient=True).result()
        except BrokenProcessPool:  # a worker died under this frame: the next call gets a new pool
            return self._engine.analyse(pixels, patient=True).result()

    def _matches(self, processor: Processor, face: Face) -> Sequence[Match]:
        if face.vector is None:
            return ()
        return search(
            self._store,
            processor.account,
            processor.region,
            processor.collection,
            face.vector,
            processor.threshold,
            self._max_matches,
        )
