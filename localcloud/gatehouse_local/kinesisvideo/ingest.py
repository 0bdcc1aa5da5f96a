"""Judge the media of one PutMedia connection: what is acknowledged, stored and refused.

Pure but for the number and the time it asks for; storing and sending are the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gatehouse_local.kinesisvideo import media
from gatehouse_local.kinesisvideo.acks import Ack, AckError, IngestError
from gatehouse_local.kinesisvideo.archive import Received
from gatehouse_local.kinesisvideo.ebml import EbmlError
from gatehouse_local.kinesisvideo.matroska import Cluster, DocumentHead
from gatehouse_local.kinesisvideo.settings import Settings
from gatehouse_local.kinesisvideo.splitter import (
    ClusterEnded,
    ClusterStarted,
    ClusterTooLargeError,
    Event,
    HeadRead,
    Splitter,
    TagsRead,
)

# Past this, no AWS timestamp can be written (year 9999).
_LAST_MS = 253_402_300_799_999
_OURS = {
    media.FRAGMENT_NUMBER,
    media.PRODUCER_TIMESTAMP,
    media.SERVER_TIMESTAMP,
    media.MILLIS_BEHIND_NOW,
    media.CONTINUATION_TOKEN,
}


@dataclass(slots=True)
class _Open:
    """Follow the fragment being received."""

    cluster: Cluster
    number: str
    server_ms: int
    attached: tuple[tuple[str, str], ...]


class Ingest:
    """Turn the bytes of one connection into acknowledgements and fragments to store, in order.

    `base_ms` is what producer time is counted from: 0 for ABSOLUTE timecodes, the producer's start for
    RELATIVE ones. A `Received` is to be stored before the next step is taken. Raises IngestError, after
    which the connection is over.
    """

    def __init__(
        self,
        settings: Settings,
        base_ms: int,
        next_number: Callable[[], str],
        now: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._base_ms = base_ms
        self._next_number = next_number
        self._now = now
        self._splitter = Splitter(settings.max_fragment_bytes, single_segment=True)
        self._open: _Open | None = None
        self._short: Received | None = None
        self._last_ms = -1
        self._tags: tuple[tuple[str, str], ...] = ()

    def feed(self, chunk: bytes) -> Iterator[Ack | Received]:
        """Take bytes as they arrive; the caller exhausts the iterator."""
        try:
            for event in self._splitter.feed(chunk):
                yield from self._take(event)
        except ClusterTooLargeError as error:
            raise self._refusal(AckError.MAX_FRAGMENT_SIZE_REACHED, str(error)) from error
        except EbmlError as error:
            raise self._refusal(AckError.INVALID_MKV_DATA, str(error)) from error
        self._check_length()

    def close(self, *, whole: bool) -> Iterator[Ack | Received]:
        """End the connection: the last fragment may be short.

        With `whole`, the sender ended the stream, so a fragment of unknown size ends with it; else the
        connection broke and what is cut off is dropped.
        """
        for event in self._splitter.close() if whole else ():
            yield from self._take(event)
        if self._short is not None:
            yield from self._accept(self._short)
            self._short = None

    def _take(self, event: Event) -> Iterator[Ack | Received]:
        match event:
            case HeadRead(head):
                self._check_tracks(head)
            case TagsRead(tags):
                self._gather(tags)
            case ClusterStarted(cluster):
                yield from self._start(cluster)
            case ClusterEnded():
                yield from self._end()

    def _gather(self, tags: tuple[tuple[str, str], ...]) -> None:
        self._tags += tags
        if len(self._tags) > self._settings.max_metadata_tags:
            raise self._refusal(
                AckError.FRAGMENT_METADATA_LIMIT_REACHED, f"{len(self._tags)} tags before a fragment"
            )
        if reserved := sorted(_OURS & {name for name, _ in tags}):
            raise self._refusal(AckError.INVALID_MKV_DATA, f"tags {reserved} are Kinesis Video's own")

    def _check_tracks(self, head: DocumentHead) -> None:
        if len(head.track_numbers) > self._settings.max_tracks:
            raise self._refusal(
                AckError.MORE_THAN_ALLOWED_TRACKS_FOUND,
                f"{len(head.track_numbers)} tracks, {self._settings.max_tracks} allowed",
            )

    def _start(self, cluster: Cluster) -> Iterator[Ack]:
        if self._short is not None:
            yield self._refuse_short(self._short)
            self._short = None
        self._open = _Open(cluster, self._next_number(), int(self._now() * 1000), self._tags)
        self._tags = ()
        if cluster.timecode_ms <= self._last_ms:
            raise self._refusal(
                AckError.FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS,
                f"fragment at {cluster.timecode_ms} ms, the previous one's last frame at {self._last_ms} ms",
            )
        if not 0 <= self._base_ms + cluster.timecode_ms <= _LAST_MS:
            raise self._refusal(
                AckError.INVALID_PRODUCER_TIMESTAMP, f"{self._base_ms} + {cluster.timecode_ms} ms"
            )
        yield Ack("BUFFERING", cluster.timecode_ms, self._open.number)

    def _end(self) -> Iterator[Ack | Received]:
        opened = self._open
        if opened is None:
            return
        self._check_length()
        cluster = opened.cluster
        self._check_frames(cluster)
        self._last_ms = max(self._last_ms, cluster.last_ms)
        producer_ms = self._base_ms + cluster.timecode_ms
        received = Received(opened.number, cluster, producer_ms, opened.server_ms, opened.attached)
        self._open = None
        if cluster.duration_ms < self._settings.min_fragment_ms:
            # The last fragment of a connection may be short, and only what follows tells.
            self._short = received
        else:
            yield from self._accept(received)

    def _accept(self, received: Received) -> Iterator[Ack | Received]:
        yield Ack("RECEIVED", received.cluster.timecode_ms, received.number)
        yield received

    def _refuse_short(self, received: Received) -> Ack:
        return Ack(
            "ERROR", received.cluster.timecode_ms, received.number, AckError.MIN_FRAGMENT_DURATION_REACHED
        )

    def _check_frames(self, cluster: Cluster) -> None:
        declared = cluster.head.track_numbers
        if strange := sorted(cluster.tracks - declared):
            raise self._refusal(AckError.TRACK_NUMBER_MISMATCH, f"frames of undeclared tracks {strange}")
        if missing := sorted(declared - cluster.tracks):
            raise self._refusal(AckError.FRAMES_MISSING_FOR_TRACK, f"no frame of tracks {missing}")

    def _check_length(self) -> None:
        if self._open is None:
            return
        length = self._open.cluster.last_ms - self._open.cluster.timecode_ms
        if length > self._settings.max_fragment_ms:
            raise self._refusal(AckError.MAX_FRAGMENT_DURATION_REACHED, f"a fragment of over {length} ms")

    def _refusal(self, error: AckError, detail: str) -> IngestError:
        if self._open is None:
            return IngestError(error, detail)
        return IngestError(error, detail, self._open.cluster.timecode_ms, self._open.number)
