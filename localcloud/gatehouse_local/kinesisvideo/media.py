"""Read and write the chunks of GetMedia: what a consumer of a Kinesis video stream works with.

A chunk is one whole Matroska document of one cluster. Tags before the cluster name the fragment and
its times; tags after it carry what the producer attached, and how far the reader is behind. The layout
is AWS's, as consumers print it; every value is a string, timestamps are seconds with milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gatehouse_local.kinesisvideo import ebml, matroska
from gatehouse_local.kinesisvideo.matroska import Cluster
from gatehouse_local.kinesisvideo.splitter import ClusterEnded, DocumentStarted, Event, Splitter, TagsRead

PREFIX = "AWS_KINESISVIDEO_"
FRAGMENT_NUMBER = PREFIX + "FRAGMENT_NUMBER"
PRODUCER_TIMESTAMP = PREFIX + "PRODUCER_TIMESTAMP"
SERVER_TIMESTAMP = PREFIX + "SERVER_TIMESTAMP"
MILLIS_BEHIND_NOW = PREFIX + "MILLIS_BEHIND_NOW"
CONTINUATION_TOKEN = PREFIX + "CONTINUATION_TOKEN"
ERROR_CODE = PREFIX + "ERROR_CODE"
ERROR_ID = PREFIX + "ERROR_ID"
# GetMediaForFragmentList names the same two times differently.
PRODUCER_SIDE_TIMESTAMP = PREFIX + "PRODUCER_SIDE_TIMESTAMP"
SERVER_SIDE_TIMESTAMP = PREFIX + "SERVER_SIDE_TIMESTAMP"
EXCEPTION_CODE = PREFIX + "EXCEPTION_ERROR_CODE"
EXCEPTION_MESSAGE = PREFIX + "EXCEPTION_MESSAGE"


class Readable(Protocol):
    """Read up to `amount` bytes, blocking; no bytes mean the end (boto3's StreamingBody, a file)."""

    def read(self, amount: int, /) -> bytes:
        """Answer at least one byte unless the stream ended."""
        ...


class MediaError(Exception):
    """Say that Kinesis Video ended a media stream with an error tag: nothing follows on this connection.

    `error_id` is AWS's number (4000: the requested fragment is not found). Read on with a new GetMedia.
    """

    def __init__(self, code: str, error_id: int) -> None:
        super().__init__(f"GetMedia ended with {code} ({error_id}); start again, from NOW or EARLIEST")
        self.code = code
        self.error_id = error_id

    def __reduce__(self) -> tuple[object, ...]:
        return (MediaError, (self.code, self.error_id))


@dataclass(frozen=True, slots=True)
class Fragment:
    """Hold one fragment: `mkv` decodes alone, timestamps are epoch seconds.

    `timecode` is the cluster's own time in seconds on the clock of `mkv`: a decoded frame's
    FrameOffsetInSeconds is `frame.time - timecode`, whether the producer's timecodes are absolute or not.
    """

    number: str
    producer_timestamp: float
    server_timestamp: float
    millis_behind_now: int
    mkv: bytes = field(repr=False)
    timecode: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)


class FragmentReader:
    """Iterate over the fragments of a GetMedia or GetMediaForFragmentList body as they arrive.

    Takes any file-like (it never asks for more bytes than the current fragment has, so a live stream
    isn't held up) or any iterable of bytes. Ends where the stream does, dropping a cut-off fragment;
    raises MediaError where AWS reports one, EbmlError on bytes that aren't Matroska.
    """

    def __init__(self, body: Readable | Iterable[bytes]) -> None:
        self._body = body
        self._splitter = Splitter()
        self._cluster: Cluster | None = None
        self._tags: dict[str, str] = {}

    def __iter__(self) -> Iterator[Fragment]:
        for chunk in self._chunks():
            for event in self._splitter.feed(chunk):
                yield from self._take(event)
        for event in self._splitter.close():
            yield from self._take(event)
        yield from self._finish()

    def _chunks(self) -> Iterator[bytes]:
        read = getattr(self._body, "read", None)
        if read is None:
            yield from self._body  # type: ignore[misc]  # no read(): an iterable of bytes
            return
        while chunk := read(self._splitter.wanted):
            yield chunk

    def _take(self, event: Event) -> Iterator[Fragment]:
        if isinstance(event, DocumentStarted):
            yield from self._finish()
        elif isinstance(event, ClusterEnded):
            self._cluster = event.cluster
        elif isinstance(event, TagsRead):
            self._tags.update(event.tags)
            _raise_reported(self._tags)
            if self._cluster is not None and CONTINUATION_TOKEN in self._tags:
                yield from self._finish()

    def _finish(self) -> Iterator[Fragment]:
        cluster, tags = self._cluster, self._tags
        self._cluster, self._tags = None, {}
        if cluster is not None and FRAGMENT_NUMBER in tags:
            yield _fragment(cluster, tags)


def live_chunk(
    stored: bytes,
    cluster_at: int,
    names: Mapping[str, str],
    attached: Iterable[tuple[str, str]],
    behind_ms: int,
) -> bytes:
    """Wrap a stored fragment as GetMedia sends it; its cluster starts at `cluster_at`."""
    trailer = ((MILLIS_BEHIND_NOW, str(behind_ms)), (CONTINUATION_TOKEN, names[FRAGMENT_NUMBER]))
    parts = [stored[:cluster_at], matroska.write_tags(names.items()), stored[cluster_at:]]
    parts += [matroska.write_tags([tag]) for tag in attached]
    return b"".join([*parts, matroska.write_tags(trailer)])


def archived_chunk(
    stored: bytes, cluster_at: int, names: Mapping[str, str], attached: Iterable[tuple[str, str]]
) -> bytes:
    """Wrap a stored fragment as GetMediaForFragmentList sends it: nothing says how far one is behind."""
    parts = [stored[:cluster_at], matroska.write_tags(names.items()), stored[cluster_at:]]
    return b"".join(parts + [matroska.write_tags([tag]) for tag in attached])


def missing_chunk(number: str) -> bytes:
    """Tell a reader of GetMediaForFragmentList that a fragment isn't there."""
    return error_chunk(
        {FRAGMENT_NUMBER: number, EXCEPTION_CODE: "4000", EXCEPTION_MESSAGE: "FRAGMENT_NOT_FOUND"}
    )


def error_chunk(tags: Mapping[str, str]) -> bytes:
    """Build the document without a cluster that tells a reader why its stream ends."""
    doctype = ebml.element(ebml.DOC_TYPE, b"matroska")
    segment = ebml.element_id(ebml.SEGMENT) + ebml.UNKNOWN_SIZE_8
    return ebml.element(ebml.EBML, doctype) + segment + matroska.write_tags(tags.items())


def seconds(milliseconds: int) -> str:
    """Write epoch milliseconds as AWS writes times in tags: seconds with three decimals."""
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"


def _fragment(cluster: Cluster, tags: Mapping[str, str]) -> Fragment:
    return Fragment(
        number=tags[FRAGMENT_NUMBER],
        producer_timestamp=float(tags.get(PRODUCER_TIMESTAMP) or tags[PRODUCER_SIDE_TIMESTAMP]),
        server_timestamp=float(tags.get(SERVER_TIMESTAMP) or tags[SERVER_SIDE_TIMESTAMP]),
        millis_behind_now=int(tags.get(MILLIS_BEHIND_NOW, 0)),
        mkv=cluster.head.preamble() + cluster.element(),
        timecode=cluster.timecode * cluster.head.scale_ns / 1_000_000_000,
        tags=tags,
    )


def _raise_reported(tags: Mapping[str, str]) -> None:
    if ERROR_ID in tags:
        raise MediaError(tags.get(ERROR_CODE, "UNKNOWN"), int(tags[ERROR_ID]))
    if EXCEPTION_CODE in tags:
        raise MediaError(tags.get(EXCEPTION_MESSAGE, "UNKNOWN"), int(tags[EXCEPTION_CODE]))
