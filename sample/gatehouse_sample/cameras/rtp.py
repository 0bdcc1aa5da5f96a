"""Pack H.264 (RFC 6184) and H.265 (RFC 7798) into RTP and write RTCP sender reports (RFC 3550)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAYLOAD_TYPE = 96
MAX_PAYLOAD = 1400
"""Bytes a packet may carry: RTP over TCP has no such limit, cameras behave as on a network."""

_NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970."""
_FU_A, _STAP_A, _H265_FU = 28, 24, 49


def payloads(nals: Sequence[bytes]) -> Iterator[bytes]:
    """Cut one picture's NAL units into RTP payloads: single units or FU-A fragments."""
    for nal in nals:
        if len(nal) <= MAX_PAYLOAD:
            yield nal
        else:
            yield from _fragments(nal)


def _fragments(nal: bytes) -> Iterator[bytes]:
    """Cut a long NAL unit into FU-A fragments."""
    indicator, kind = (nal[0] & 0xE0) | _FU_A, nal[0] & 0x1F
    room = MAX_PAYLOAD - 2
    for at in range(1, len(nal), room):
        start, end = 0x80 if at == 1 else 0, 0x40 if at + room >= len(nal) else 0
        yield bytes((indicator, start | end | kind)) + nal[at : at + room]


def h265_payloads(nals: Sequence[bytes]) -> Iterator[bytes]:
    """Cut H.265 NAL units, whose headers have two bytes, likewise (RFC 7798 §4.4)."""
    room = MAX_PAYLOAD - 3
    for nal in nals:
        if len(nal) <= MAX_PAYLOAD:
            yield nal
            continue
        head, kind = bytes(((nal[0] & 0x81) | (_H265_FU << 1), nal[1])), (nal[0] >> 1) & 0x3F
        for at in range(2, len(nal), room):
            start, end = 0x80 if at == 2 else 0, 0x40 if at + room >= len(nal) else 0
            yield head + bytes((start | end | kind,)) + nal[at : at + room]


def aggregate(nals: Sequence[bytes]) -> bytes:
    """Put small NAL units (parameter sets) into one STAP-A payload."""
    reference = max(nal[0] & 0x60 for nal in nals)
    sized = b"".join(struct.pack(">H", len(nal)) + nal for nal in nals)
    return bytes((reference | _STAP_A,)) + sized


class RtpWriter:
    """Number and stamp one stream's packets; the counters are what its sender reports tell."""

    def __init__(self, ssrc: int, first_sequence: int) -> None:
        self.ssrc = ssrc
        self.sequence = first_sequence
        self._packets = 0
        self._octets = 0

    def packets(self, bodies: Sequence[bytes], timestamp: int) -> list[bytes]:
        """Return one picture's packets; the marker bit is on the last."""
        written = []
        for index, body in enumerate(bodies):
            marker = 0x80 if index == len(bodies) - 1 else 0
            head = struct.pack(
                ">BBHII", 0x80, marker | PAYLOAD_TYPE, self.sequence, timestamp & 0xFFFFFFFF, self.ssrc
            )
            self.sequence = (self.sequence + 1) & 0xFFFF
            written.append(head + body)
        self._packets += len(bodies)
        self._octets += sum(map(len, bodies))
        return written

    def sender_report(self, wall: float, timestamp: int) -> bytes:
        """Say that an RTP timestamp was captured at a wall time (epoch seconds)."""
        seconds = int(wall)
        report = struct.pack(
            ">BBHIIIIII",
            0x80,
            200,
            6,
            self.ssrc,
            (seconds + _NTP_EPOCH) & 0xFFFFFFFF,
            int((wall - seconds) * (1 << 32)) & 0xFFFFFFFF,
            timestamp & 0xFFFFFFFF,
            self._packets & 0xFFFFFFFF,
            self._octets & 0xFFFFFFFF,
        )
        return report + self._description()

    def _description(self) -> bytes:
        """Return the SDES packet with the canonical name, which a compound report must carry."""
        name = b"gatehouse"
        item = struct.pack(">I", self.ssrc) + bytes((1, len(name))) + name
        item += b"\0" * (4 - len(item) % 4)
        return struct.pack(">BBH", 0x81, 202, len(item) // 4) + item
