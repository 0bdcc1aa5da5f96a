"""Decide how long a stream keeps its fragments, and remove what is past that."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable

from gatehouse_local.kinesisvideo.archive import Archive
from gatehouse_local.kinesisvideo.settings import Settings
from gatehouse_local.kinesisvideo.streams import Stream, Streams

log = logging.getLogger(__name__)


class Retention:
    """Hold streams to their retention; one without retention keeps a buffer of minutes, as AWS does."""

    def __init__(self, archive: Archive, settings: Settings, clock: Callable[[], float]) -> None:
        self._archive = archive
        self._settings = settings
        self._clock = clock

    def since_ms(self, stream: Stream) -> int:
        """Answer the oldest server time whose fragments may still be read, in epoch milliseconds."""
        kept_s = stream.retention_hours * 3600 or self._settings.buffer_s
        return int((self._clock() - kept_s) * 1000)

    def prune(self, stream: Stream) -> None:
        """Remove a stream's expired fragments, and the oldest of a stream that outgrows its bound."""
        retained = stream.retention_hours > 0
        limit = self._settings.max_stream_bytes if retained else self._settings.buffer_bytes
        dropped = self._archive.prune(stream.arn, self.since_ms(stream), limit)
        if dropped and retained:
            log.warning(
                "stream %s in %s outgrew kinesisvideo.max_stream_bytes = %d: %d bytes of its oldest media, "
                "which AWS would have retained, are removed",
                stream.name,
                stream.region,
                limit,
                dropped,
            )


class Sweeper:
    """Prune every stream now and then, also those that nobody writes to."""

    def __init__(self, streams: Streams, retention: Retention, every_s: float) -> None:
        self._streams = streams
        self._retention = retention
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin sweeping; a second call changes nothing."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="kinesisvideo-sweeper", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End sweeping and wait for the sweep under way."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def sweep(self) -> None:
        """Prune every stream once; one stream's failure is logged and the others go on."""
        for stream in self._streams.all():
            try:
                self._retention.prune(stream)
            except (OSError, sqlite3.Error):
                log.exception("the media of stream %s in %s was not pruned", stream.name, stream.region)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self.sweep()
