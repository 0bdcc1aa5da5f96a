"""Read and write EBML elements, the grammar under Matroska (RFC 8794, RFC 9559)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

EBML = 0x1A45DFA3
DOC_TYPE = 0x4282
SEGMENT = 0x18538067
SEEK_HEAD = 0x114D9B74
INFO = 0x1549A966
TIMESTAMP_SCALE = 0x2AD7B1
TRACKS = 0x1654AE6B
TRACK_ENTRY = 0xAE
TRACK_NUMBER = 0xD7
CUES = 0x1C53BB6B
CHAPTERS = 0x1043A770
ATTACHMENTS = 0x1941A469
TAGS = 0x1254C367
TAG = 0x7373
SIMPLE_TAG = 0x67C8
TAG_NAME = 0x45A3
TAG_STRING = 0x4487
CLUSTER = 0x1F43B675
TIMESTAMP = 0xE7
POSITION = 0xA7
PREVIOUS_SIZE = 0xAB
SIMPLE_BLOCK = 0xA3
BLOCK_GROUP = 0xA0
BLOCK = 0xA1
BLOCK_DURATION = 0x9B
REFERENCE_BLOCK = 0xFB
VOID = 0xEC
CRC32 = 0xBF

UNKNOWN_SIZE_8 = b"\x01" + b"\xff" * 7


class EbmlError(ValueError):
    """Say that bytes aren't EBML, or not the EBML that was asked for."""


@dataclass(frozen=True, slots=True)
class Header:
    """Describe one element: `length` is that of its id and size; `size` None means unknown."""

    id: int
    size: int | None
    length: int


def read_header(data: bytes | bytearray | memoryview, at: int) -> Header | None:
    """Read the element header at `at`, or answer None if it isn't all there yet."""
    if at >= len(data):
        return None
    id_length = _vint_length(data[at])
    if id_length > 4:
        raise EbmlError(f"no element id starts with byte 0x{data[at]:02x}")
    size_at = at + id_length
    if size_at >= len(data):
        return None
    size_length = _vint_length(data[size_at])
    if size_length > 8:
        raise EbmlError("an element's size starts with byte 0x00")
    end = size_at + size_length
    if end > len(data):
        return None
    size = int.from_bytes(data[size_at:end], "big") & ((1 << 7 * size_length) - 1)
    unknown = size == (1 << 7 * size_length) - 1
    return Header(int.from_bytes(data[at:size_at], "big"), None if unknown else size, end - at)


def read_vint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """Read a variable-length number with its marker removed; answer it and its length."""
    length = _vint_length(data[at])
    if length > 8 or at + length > len(data):
        raise EbmlError("a variable-length number is cut off")
    return int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1), length


def children(payload: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    """Walk the elements of a complete payload; an element that overruns it is an error."""
    view, at = memoryview(payload), 0
    while at < len(view):
        header = read_header(view, at)
        if header is None or header.size is None or at + header.length + header.size > len(view):
            raise EbmlError("an element overruns its parent")
        start = at + header.length
        at = start + header.size
        yield header.id, view[start:at]


def element(id_: int, payload: bytes) -> bytes:
    """Encode one element with a size of eight bytes or one, whichever fits."""
    size = len(payload)
    encoded = bytes([0x80 | size]) if size < 0x7F else (size | 1 << 56).to_bytes(8, "big")
    return element_id(id_) + encoded + payload


def element_id(id_: int) -> bytes:
    """Encode an element id, which carries its own length marker."""
    return id_.to_bytes((id_.bit_length() + 7) // 8, "big")


def unsigned(payload: bytes | memoryview) -> int:
    """Read an unsigned integer element."""
    return int.from_bytes(payload, "big")


def encode_unsigned(value: int) -> bytes:
    """Encode an unsigned integer in as few bytes as it needs, at least one."""
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def _vint_length(first: int) -> int:
    """Count the bytes of a variable-length number from its first; 9 when there is no marker."""
    return 9 - first.bit_length()
