"""Split what GetMedia sends into fragments with their numbers and times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from gatehouse_frames.errors import VideoError
from gatehouse_frames.media import ebml
from gatehouse_frames.media.ebml import Element, Readable, elements

_PREFIX = "AWS_KINESISVIDEO_"
NUMBER = _PREFIX + "FRAGMENT_NUMBER"
PRODUCER = _PREFIX + "PRODUCER_TIMESTAMP"
SERVER = _PREFIX + "SERVER_TIMESTAMP"
TOKEN = _PREFIX + "CONTINUATION_TOKEN"
ERROR_CODE = _PREFIX + "ERROR_CODE"
_SCALE_NS = 1_000_000
# What a document holds outside its clusters.
_OUTSIDE = {ebml.EBML, ebml.SEGMENT, ebml.INFO, ebml.TRACKS, ebml.TAGS, ebml.CLUSTER}


@dataclass(frozen=True, slots=True)
class Fragment:
    """Hold one fragment; times are milliseconds since the epoch.

    `mkv` is a document that decodes alone. `timecode_ms` is the fragment's start on that document's own
    clock: a frame's offset is its time less this, whether the producer's timecodes are absolute or not.
    """

    number: str
    producer_ms: int
    server_ms: int
    timecode_ms: int
    mkv: bytes = field(repr=False)


@dataclass(slots=True)
class _Document:
    """Gather one chunk: its head, the cluster and the tags before and after it."""

    head: bytes = b""
    info: bytes = b""
    tracks: bytes = b""
    scale_ns: int = _SCALE_NS
    cluster: bytearray | None = None
    tags: dict[str, str] = field(default_factory=dict)


def fragments(body: Readable) -> Iterator[Fragment]:
    """Yield fragments as they become whole; ends with the stream, dropping one that is cut off.

    :raises VideoError: Kinesis Video ends the stream with an error tag
    :raises EbmlError: the bytes aren't Matroska
    """
    document, open_cluster = _Document(), False
    for element in elements(body):
        if open_cluster and element.id not in _OUTSIDE and document.cluster is not None:
            document.cluster += element.raw
            continue
        open_cluster = element.id == ebml.CLUSTER and element.payload is None
        if element.id in (ebml.EBML, ebml.CLUSTER):
            yield from _finish(document)
        if element.id == ebml.EBML:
            document = _Document(head=element.raw)
        else:
            _take(document, element)
        if TOKEN in document.tags:
            yield from _finish(document)
    if not open_cluster:
        yield from _finish(document)


def _take(document: _Document, element: Element) -> None:
    payload = element.payload or b""
    if element.id == ebml.INFO:
        document.info = element.raw
        scale = next((one for one in ebml.children(payload) if one.id == ebml.TIMESTAMP_SCALE), None)
        document.scale_ns = _unsigned(scale) or _SCALE_NS
    elif element.id == ebml.TRACKS:
        document.tracks = element.raw
    elif element.id == ebml.CLUSTER:
        document.cluster = bytearray(payload)
    elif element.id == ebml.TAGS:
        document.tags.update(_tags(payload))
        _refuse(document.tags)


def _finish(document: _Document) -> Iterator[Fragment]:
    """Yield the cluster that is gathered, once its number is known, and make room for the next."""
    if document.cluster is None or NUMBER not in document.tags:
        return
    cluster, tags = bytes(document.cluster), document.tags
    document.cluster, document.tags = None, {}
    start = ebml.encode_id(ebml.SEGMENT) + ebml.UNKNOWN_SIZE
    timecode = _unsigned(next((one for one in ebml.children(cluster) if one.id == ebml.TIMESTAMP), None))
    yield Fragment(
        number=tags[NUMBER],
        producer_ms=_milliseconds(tags, PRODUCER),
        server_ms=_milliseconds(tags, SERVER),
        timecode_ms=round(timecode * document.scale_ns / 1_000_000),
        mkv=document.head + start + document.info + document.tracks + ebml.encode(ebml.CLUSTER, cluster),
    )


def _tags(payload: bytes) -> Iterator[tuple[str, str]]:
    for tag in ebml.children(payload):
        for simple in ebml.children(tag.payload or b"") if tag.id == ebml.TAG else ():
            if simple.id == ebml.SIMPLE_TAG:
                parts = {one.id: one.payload or b"" for one in ebml.children(simple.payload or b"")}
                name, text = parts.get(ebml.TAG_NAME, b""), parts.get(ebml.TAG_STRING, b"")
                yield name.decode("utf-8", "replace"), text.decode("utf-8", "replace")


def _refuse(tags: dict[str, str]) -> None:
    if ERROR_CODE in tags:
        raise VideoError(f"Kinesis Video ended GetMedia with {tags[ERROR_CODE]}")


def _milliseconds(tags: dict[str, str], name: str) -> int:
    try:
        return round(Decimal(tags[name]) * 1000)
    except (KeyError, InvalidOperation) as error:
        raise VideoError(f"fragment {tags[NUMBER]} has no {name} that is a time") from error


def _unsigned(element: Element | None) -> int:
    return int.from_bytes(element.payload or b"", "big") if element else 0
