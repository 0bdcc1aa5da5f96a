"""Search a collection in-process: the image API and the stream processors share one gallery."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from gatehouse_local.engine.scale import DEFAULT_SCALE, load_scale
from gatehouse_local.rekognition.gallery import Gallery, Match

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gatehouse_local.core.runtime import Runtime
    from gatehouse_local.core.store import Store

__all__ = ["Match", "gallery_for", "search"]

_galleries: WeakKeyDictionary[Store, Gallery] = WeakKeyDictionary()
_lock = threading.Lock()


def gallery_for(runtime: Runtime) -> Gallery:
    """Return the one gallery of this runtime's store, on the configured similarity scale."""
    with _lock:
        if runtime.store not in _galleries:
            scale = load_scale(runtime.config.get("similarity_scale", DEFAULT_SCALE))
            _galleries[runtime.store] = Gallery(runtime.store, scale, runtime.faults)
        return _galleries[runtime.store]


def search(
    store: Store,
    account: str,
    region: str,
    collection_id: str,
    vector: NDArray[np.float32],
    threshold: float,
    max_faces: int,
) -> list[Match]:
    """Return the collection's faces of at least `threshold` similarity, the most similar first.

    `gallery_for(runtime)` (or `rekognition.build`) must have been called for this store. The fault
    `wrong_face` applies here, for images and video alike.

    :raises AwsError: ResourceNotFoundException, the collection does not exist
    """
    with _lock:
        gallery = _galleries[store]
    return gallery.search((account, region, collection_id), vector, threshold, max_faces)
