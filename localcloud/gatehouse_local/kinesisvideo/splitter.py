"""Split a Matroska byte stream into fragments while it arrives: one cluster is one fragment.

Pure and incremental: any chunking of the same bytes gives the same events. It reads what live muxers
write: segments and clusters of unknown size (GStreamer, the Kinesis Video producer SDK) as well as
clusters of known size (FFmpeg). A cluster of unknown size ends where the next element of its parents'
level starts, or with the stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gatehouse_local.kinesisvideo import ebml, matroska
from gatehouse_local.kinesisvideo.ebml import EbmlError, Header
from gatehouse_local.kinesisvideo.matroska import Cluster, DocumentHead

_ENDS_A_CLUSTER = {
    ebml.EBML,
    ebml.SEGMENT,
    ebml.SEEK_HEAD,
    ebml.INFO,
    ebml.TRACKS,
    ebml.CUES,
    ebml.CHAPTERS,
    ebml.ATTACHMENTS,
    ebml.TAGS,
    ebml.CLUSTER,
}
# Whatever isn't a frame is small; a larger claim is damage, and must not make us buffer the stream.
_HEAD_LIMIT = 8 << 20
_CLUSTER_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class DocumentStarted:
    """Report an EBML header: what follows belongs to a new document."""


@dataclass(frozen=True, slots=True)
class HeadRead:
    """Report a document's head, complete because its first cluster starts."""

    head: DocumentHead


@dataclass(frozen=True, slots=True)
class TagsRead:
    """Report simple tags at segment level, in the order of the stream."""

    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ClusterStarted:
    """Report a cluster whose timecode is known; its frames follow."""

    cluster: Cluster


@dataclass(frozen=True, slots=True)
class ClusterEnded:
    """Report a complete cluster."""

    cluster: Cluster


Event = DocumentStarted | HeadRead | TagsRead | ClusterStarted | ClusterEnded


class ClusterTooLargeError(EbmlError):
    """Say that a cluster weighs more than a fragment may."""


class Splitter:
    """Turn chunks of Matroska into events; raise EbmlError at the first byte that can't be.

    `single_segment` refuses a second document on the same stream, as PutMedia does.
    """

    def __init__(self, max_cluster_bytes: int = _CLUSTER_LIMIT, *, single_segment: bool = False) -> None:
        self._buffer = bytearray()
        self._at = 0
        self._max_cluster_bytes = max_cluster_bytes
        self._single_segment = single_segment
        self._segments = 0
        self._ebml = self._info = self._tracks = self._raw = b""
        self._scale_ns = matroska.DEFAULT_SCALE_NS
        self._track_numbers: frozenset[int] = frozenset()
        self._head: DocumentHead | None = None
        self._cluster: Cluster | None = None
        self._cluster_left: int | None = None
        self._stamped = False

    @property
    def wanted(self) -> int:
        """Answer how many further bytes are needed at least: a reader of just these never waits too long."""
        header = ebml.read_header(self._buffer, 0)
        if header is None or header.id in (ebml.SEGMENT, ebml.CLUSTER) or header.size is None:
            return 1
        return max(1, header.length + header.size - len(self._buffer))

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Take the next bytes and yield what they complete; the caller exhausts the iterator."""
        self._buffer += chunk
        while (header := ebml.read_header(self._buffer, self._at)) is not None:
            if not self._ebml and header.id != ebml.EBML:
                raise EbmlError("the stream doesn't start with an EBML header")
            if self._cluster is not None and header.id in _ENDS_A_CLUSTER:
                yield self._end_open_cluster()
            elif header.id in (ebml.SEGMENT, ebml.CLUSTER):
                self._at += header.length
                yield from self._enter(header)
            else:
                payload = self._whole(header)
                if payload is None:
                    break
                yield from self._take(header, payload)
            yield from self._end_sized_cluster()
        del self._buffer[: self._at]
        self._at = 0

    def close(self) -> Iterator[Event]:
        """End the stream: a cluster of unknown size is complete if it ends on an element's edge."""
        if self._cluster is not None and self._stamped and self._cluster_left is None and not self._buffer:
            yield self._end_cluster()

    def _enter(self, header: Header) -> Iterator[Event]:
        if header.id == ebml.SEGMENT:
            self._start_segment()
            return
        if header.size is not None:
            self._check_weight(header.size)
        if self._head is None:
            self._head = self._complete_head()
            yield HeadRead(self._head)
        self._cluster, self._cluster_left, self._stamped = Cluster(self._head), header.size, False

    def _start_segment(self) -> None:
        self._segments += 1
        if self._single_segment and self._segments > 1:
            raise EbmlError("the stream holds more than one segment")
        self._info = self._tracks = b""
        self._head, self._scale_ns, self._track_numbers = None, matroska.DEFAULT_SCALE_NS, frozenset()

    def _complete_head(self) -> DocumentHead:
        if not self._tracks:
            raise EbmlError("a cluster came before any Tracks element")
        return DocumentHead(self._ebml, self._info, self._tracks, self._scale_ns, self._track_numbers)

    def _whole(self, header: Header) -> bytes | None:
        """Take a complete element's payload off the buffer, or answer None until it is there."""
        if header.size is None:
            raise EbmlError(f"element 0x{header.id:X} has no size")
        if self._cluster is not None:
            self._check_weight(len(self._cluster.body) + header.size)
        elif header.size > _HEAD_LIMIT:
            raise EbmlError(f"element 0x{header.id:X} claims {header.size} bytes")
        start, end = self._at + header.length, self._at + header.length + header.size
        if end > len(self._buffer):
            return None
        self._raw = bytes(self._buffer[self._at : end])
        self._at = end
        if self._cluster_left is not None:
            self._cluster_left -= header.length + header.size
        return self._raw[-header.size :] if start < end else b""

    def _take(self, header: Header, payload: bytes) -> Iterator[Event]:
        if self._cluster is not None:
            yield from self._take_in_cluster(self._cluster, header, payload)
        elif header.id == ebml.EBML:
            self._ebml = self._raw
            yield DocumentStarted()
        elif not self._segments:
            raise EbmlError(f"element 0x{header.id:X} came before any segment")
        elif header.id == ebml.INFO:
            self._info, self._scale_ns = self._raw, matroska.timestamp_scale(payload)
        elif header.id == ebml.TRACKS:
            self._tracks, self._track_numbers = self._raw, matroska.track_numbers(payload)
        elif header.id == ebml.TAGS:
            yield TagsRead(tuple(matroska.read_tags(payload)))

    def _take_in_cluster(self, cluster: Cluster, header: Header, payload: bytes) -> Iterator[Event]:
        if header.id == ebml.TIMESTAMP:
            cluster.timecode, self._stamped = ebml.unsigned(payload), True
            yield ClusterStarted(cluster)
        elif header.id in (ebml.SIMPLE_BLOCK, ebml.BLOCK_GROUP):
            if not self._stamped:
                raise EbmlError("a frame came before its cluster's timecode")
            cluster.add_frame(header.id, payload, self._raw)

    def _check_weight(self, size: int) -> None:
        if size > self._max_cluster_bytes:
            raise ClusterTooLargeError(f"a cluster of {size} bytes is over {self._max_cluster_bytes}")

    def _end_open_cluster(self) -> ClusterEnded:
        if self._cluster_left is not None:
            raise EbmlError("a cluster ends before the size it claims")
        return self._end_cluster()

    def _end_sized_cluster(self) -> Iterator[Event]:
        if self._cluster_left is None or self._cluster_left > 0:
            return
        if self._cluster_left < 0:
            raise EbmlError("a frame overruns its cluster")
        yield self._end_cluster()

    def _end_cluster(self) -> ClusterEnded:
        cluster, self._cluster, self._cluster_left = self._cluster, None, None
        if cluster is None or not self._stamped:
            raise EbmlError("a cluster came without a timecode")
        return ClusterEnded(cluster)
