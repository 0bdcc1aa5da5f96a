"""Analyse images in worker processes, so that no caller's thread holds the GIL for them.

    engine = FaceEngine(workers=1)
    faces = engine.analyse(jpeg_bytes).result()

A video frame is analysed with `upsample=0` (faces from about 80 pixels, 23 ms for 640x480); a photo with
`PHOTO_UPSAMPLE` (from about 40 pixels, as Rekognition promises at 1920x1080, four times the work).
"""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from gatehouse_local.engine import model
from gatehouse_local.engine.detected import Box, Face
from gatehouse_local.engine.errors import EngineClosedError
from gatehouse_local.engine.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PHOTO_UPSAMPLE", "Box", "Face", "FaceEngine", "shared_engine"]

PHOTO_UPSAMPLE = 1


class FaceEngine:
    """A pool of `workers` processes that each hold the models (76 MB).

    Safe to call from any thread. A worker that dies fails the calls that were in it with
    `BrokenProcessPool`; the next call gets a new pool. Workers end with their parent, even if that is
    killed.
    """

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False
        # One more lies ready for the worker that is free first.
        self._turns = Turns(workers + 1, self._submit)

    def analyse(
        self,
        image: bytes | NDArray[np.uint8],
        *,
        embed: bool = True,
        upsample: int = 0,
        embed_largest: int | None = None,
        patient: bool = False,
    ) -> Future[list[Face]]:
        """Detect the faces of a JPEG or PNG, or of an RGB array, largest first.

        With `embed`, the `embed_largest` largest (None: all) get a vector, about 120 ms each. A `patient`
        call lets all others go first.

        :raises UnreadableImageError, ImageTooSmallError, ImageTooLargeError: from the future's `result`
        """
        limit = embed_largest if embed else 0
        with self._lock:
            self._refuse_if_closed()
        return self._turns.ask(model.analyse, image, limit, upsample, patient=patient)

    def warm(self) -> None:
        """Start every worker and load its models (about a second), after `close` too.

        Before the first `close`, `analyse` does so by itself.
        """
        with self._lock:
            self._closed = False
        for ready in [self._submit(model.ready) for _ in range(self._workers)]:
            ready.result()

    def close(self) -> None:
        """End the workers after the calls made so far; later ones raise `EngineClosedError`."""
        with self._lock:
            self._closed = True
        self._turns.wait_until_idle()
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True)

    @property
    def closed(self) -> bool:
        """Tell whether calls are refused."""
        return self._closed

    def worker_ids(self) -> list[int]:
        """Return the process ids of the workers that run."""
        with self._lock:
            processes = {} if self._pool is None else self._pool._processes
        return sorted(processes)

    def _submit(self, function: Callable[..., Any], *args: object) -> Future[Any]:
        with self._lock:
            try:
                return self._running().submit(function, *args)
            except BrokenProcessPool:
                self._pool = None
                return self._running().submit(function, *args)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise EngineClosedError("the face engine is closed; nothing was analysed")

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._workers, multiprocessing.get_context("spawn"), initializer=model.load
            )
        return self._pool


_shared: dict[int, FaceEngine] = {}
_shared_lock = threading.Lock()


def shared_engine(config: Mapping[str, Any]) -> FaceEngine:
    """Return this process's one engine for `engine.workers` of the configuration (1 if unset).

    The image API and the stream processors use the same workers, so models are loaded once. After it was
    closed, the next to ask get a new one.
    """
    workers = int(config.get("engine", {}).get("workers", 1))
    with _shared_lock:
        if workers not in _shared or _shared[workers].closed:
            _shared[workers] = FaceEngine(workers)
        return _shared[workers]
