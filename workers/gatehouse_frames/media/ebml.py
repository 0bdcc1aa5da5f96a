"""Read EBML elements (RFC 8794) as they arrive, never more bytes than the current one has.

PyAV decodes a fragment, but reads a live stream of them in one go and hides their tags. A read that asks
for more than the fragment has would wait for the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

EBML = 0x1A45DFA3
SEGMENT = 0x18538067
INFO = 0x1549A966
TIMESTAMP_SCALE = 0x2AD7B1
TRACKS = 0x1654AE6B
TAGS = 0x1254C367
TAG = 0x7373
SIMPLE_TAG = 0x67C8
TAG_NAME = 0x45A3
TAG_STRING = 0x4487
CLUSTER = 0x1F43B675
TIMESTAMP = 0xE7

UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
# Kinesis Video takes no fragment above 50 MB (aws.md §3): what claims more isn't one.
LARGEST = 64 << 20


class EbmlError(ValueError):
    """Raise for bytes that aren't EBML."""


class Readable(Protocol):
    """Read up to `amount` bytes, blocking; fewer only at the end (boto3's StreamingBody, a file)."""

    def read(self, amount: int, /) -> bytes:
        """Return the bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Element:
    """Hold one element; `payload` is None for a segment or cluster of unknown size: its children follow."""

    id: int
    payload: bytes | None

    @property
    def raw(self) -> bytes:
        """Return the element as bytes again."""
        return encode(self.id, self.payload or b"")


def elements(body: Readable) -> Iterator[Element]:
    """Yield a stream's elements; a segment, whose size may be anything, is followed by its children.

    Ends where the stream does; an element that is cut off there is dropped.
    """
    while (head := _head(body)) is not None:
        id_, size = head
        if id_ == SEGMENT or (id_ == CLUSTER and size is None):
            yield Element(id_, None)
            continue
        if size is None or size > LARGEST:
            raise EbmlError(f"element 0x{id_:X} claims {size or 'no'} bytes")
        payload = body.read(size) if size else b""
        if len(payload) < size:
            return
        yield Element(id_, payload)


def children(payload: bytes) -> Iterator[Element]:
    """Yield the elements of a complete payload."""
    at = 0
    while at < len(payload):
        id_length = _length(payload[at])
        size_at = at + id_length
        if size_at >= len(payload):
            raise EbmlError("an element is cut off")
        start = size_at + _length(payload[size_at])
        size = _size(payload[size_at:start])
        if size is None or start + size > len(payload):
            raise EbmlError("an element overruns its parent")
        at = start + size
        yield Element(int.from_bytes(payload[size_at - id_length : size_at], "big"), payload[start:at])


def encode(id_: int, payload: bytes) -> bytes:
    """Encode one element with a size of eight bytes."""
    return encode_id(id_) + (len(payload) | 1 << 56).to_bytes(8, "big") + payload


def encode_id(id_: int) -> bytes:
    """Encode an element id, which carries its own length marker."""
    return id_.to_bytes((id_.bit_length() + 7) // 8, "big")


def _head(body: Readable) -> tuple[int, int | None] | None:
    id_ = _number(body)
    size = _number(body) if id_ is not None else None
    if id_ is None or size is None:
        return None
    if len(id_) > 4:
        raise EbmlError(f"no element id starts with byte 0x{id_[0]:02x}")
    return int.from_bytes(id_, "big"), _size(size)


def _number(body: Readable) -> bytes | None:
    """Read a variable-length number with its marker; None at the end of the stream."""
    first = body.read(1)
    if not first:
        return None
    rest = _length(first[0]) - 1
    more = body.read(rest) if rest else b""
    return first + more if len(more) == rest else None


def _length(first: int) -> int:
    if not first:
        raise EbmlError("a number starts with byte 0x00")
    return 9 - first.bit_length()


def _size(number: bytes) -> int | None:
    bits = 7 * len(number)
    value = int.from_bytes(number, "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value
