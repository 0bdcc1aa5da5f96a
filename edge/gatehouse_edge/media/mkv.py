"""Write the little Matroska that PutMedia takes: one H.264 track, one Cluster a fragment.

FFmpeg's muxer merges quiet GOPs into one Cluster, and a Cluster is a fragment; here the caller decides.
Timecodes are milliseconds since the epoch (`x-amzn-fragment-timecode-type: ABSOLUTE`).
"""

from __future__ import annotations

from struct import Struct

EBML, SEGMENT, INFO, TRACKS, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_TIMECODE, _SIMPLE_BLOCK, _CODEC_PRIVATE = 0xE7, 0xA3, 0x63A2
_UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_NANOSECONDS_PER_TICK = 1_000_000
_APP = b"gatehouse-edge"
# SimpleBlock: id, size (8 bytes wide, so a constant layout), track 1, signed offset in ms, flags.
_BLOCK = Struct(">BQBhB")
_WIDE = 1 << 56
_KEY = 0x80

Block = tuple[int, bool, bytes]
"""Offset from the Cluster's timecode in ms, key frame or not, length-prefixed NAL units."""


def header(codec_private: bytes, width: int, height: int) -> bytes:
    """Return everything before the first Cluster; equal inputs give equal bytes."""
    ebml = _element(
        EBML,
        _unsigned(0x4286, 1)
        + _unsigned(0x42F7, 1)
        + _unsigned(0x42F2, 4)
        + _unsigned(0x42F3, 8)
        + _element(0x4282, b"matroska")
        + _unsigned(0x4287, 4)
        + _unsigned(0x4285, 2),
    )
    info = _element(
        INFO, _unsigned(0x2AD7B1, _NANOSECONDS_PER_TICK) + _element(0x4D80, _APP) + _element(0x5741, _APP)
    )
    video = _element(0xE0, _unsigned(0xB0, width) + _unsigned(0xBA, height))
    track = _element(
        0xAE,
        _unsigned(0xD7, 1)
        + _unsigned(0x73C5, 1)
        + _unsigned(0x83, 1)
        + _unsigned(0x9C, 0)
        + _element(0x86, b"V_MPEG4/ISO/AVC")
        + _element(_CODEC_PRIVATE, codec_private)
        + video,
    )
    return ebml + _id(SEGMENT) + _UNKNOWN_SIZE + info + _element(TRACKS, track)


def cluster(start_ms: int, blocks: list[Block]) -> bytes:
    """Return one Cluster; block offsets must fit 16 signed bits (±32 s)."""
    parts = [_unsigned(_TIMECODE, start_ms)]
    for offset, key, payload in blocks:
        # Size covers track, offset and flags too.
        parts.append(_BLOCK.pack(_SIMPLE_BLOCK, _WIDE | len(payload) + 4, 0x81, offset, _KEY if key else 0))
        parts.append(payload)
    return _element(CLUSTER, b"".join(parts))


def split(document: bytes) -> tuple[bytes, bytes]:
    """Part a one-fragment document into its header and its Cluster; ValueError if it is not whole."""
    marker = _id(CLUSTER)
    at = document.find(marker, document.find(_id(TRACKS)))
    if not document.startswith(_id(EBML)) or at < 0:
        raise ValueError("no Matroska header before a Cluster")
    size = int.from_bytes(document[at + 4 : at + 12], "big") & (_WIDE - 1)
    if at + 12 + size != len(document):
        raise ValueError(f"Cluster of {size} bytes in a document with {len(document) - at - 12} left")
    return document[:at], document[at:]


def _element(identity: int, payload: bytes) -> bytes:
    return _id(identity) + (_WIDE | len(payload)).to_bytes(8, "big") + payload


def _unsigned(identity: int, value: int) -> bytes:
    return _element(identity, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _id(identity: int) -> bytes:
    return identity.to_bytes((identity.bit_length() + 7) // 8, "big")
