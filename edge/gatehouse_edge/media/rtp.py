"""Put H.264 access units together from RTP packets (RFC 3550, RFC 6184).

Runs once a packet, over a hundred times a second and camera: one call, no object per packet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

from gatehouse_edge.media.h264 import IDR, PPS, SPS

_HEADER = Struct(">BBHI")
_SENDER_REPORT = Struct(">BBHIQI")
_SENDER_REPORT_TYPE = 200
_NTP_TO_EPOCH_S = 2_208_988_800
_STAP_A, _FU_A = 24, 28


@dataclass(slots=True)
class AccessUnit:
    """One picture as coded: NAL units, each with a 4-byte length, in decoding order.

    `timestamp` is RTP's 32-bit value; `intact` is False when packets of it, or before it, were lost.
    """

    timestamp: int
    key: bool
    data: bytes
    intact: bool


@dataclass(frozen=True, slots=True)
class SenderReport:
    """Tie an RTP timestamp to the camera's wall clock (seconds since the epoch)."""

    timestamp: int
    wall_s: float


class Depacketiser:
    """Collect packets into access units and hand each to `emit`; parameter sets seen go to `learn`."""

    def __init__(self, emit: Callable[[AccessUnit], None], learn: Callable[[int, bytes], None]) -> None:
        self._emit = emit
        self._learn = learn
        self._parts: list[bytes | bytearray] = []
        self._fragment: list[bytes | bytearray] = []
        self._timestamp = -1
        self._sequence = -1
        self._key = False
        self._intact = True
        self.packets_lost = 0

    def push(self, buffer: bytearray, start: int, stop: int) -> None:
        """Take the RTP packet in `buffer[start:stop]`; what is kept of it is copied."""
        flags, marker, sequence, timestamp = _HEADER.unpack_from(buffer, start)
        at = start + 12 + 4 * (flags & 15)
        if flags & 0x10:
            at += 4 + 4 * int.from_bytes(buffer[at + 2 : at + 4], "big")
        if flags & 0x20:
            stop -= buffer[stop - 1]
        gap = (sequence - self._sequence - 1) & 0xFFFF if self._sequence >= 0 else 0
        self._sequence = sequence
        if gap:
            self._lost(gap)
        if timestamp != self._timestamp:
            # A camera that forgets the marker bit still changes the timestamp.
            self._finish()
            self._timestamp = timestamp
            # What was lost may be the end of the one picture, the start of the other, or both.
            self._intact = self._intact and not gap
        if at < stop:
            self._payload(buffer, at, stop)
        if marker & 0x80:
            self._finish()

    def _payload(self, buffer: bytearray, at: int, stop: int) -> None:
        kind = buffer[at] & 31
        if kind == _FU_A:
            self._continue(buffer, at, stop)
        elif 0 < kind < _STAP_A:
            self._nal(buffer[at:stop])
        elif kind == _STAP_A:
            at += 1
            while at + 2 < stop:
                size = buffer[at] << 8 | buffer[at + 1]
                self._nal(buffer[at + 2 : min(stop, at + 2 + size)])
                at += 2 + size

    def _continue(self, buffer: bytearray, at: int, stop: int) -> None:
        flags = buffer[at + 1]
        if flags & 0x80:
            self._fragment = [bytes((buffer[at] & 0xE0 | flags & 31,))]
        elif not self._fragment:
            self._intact = False  # its first part is missing
            return
        self._fragment.append(buffer[at + 2 : stop])
        if flags & 0x40:
            nal = b"".join(self._fragment)
            self._fragment = []
            self._nal(nal)

    def _nal(self, nal: bytes | bytearray) -> None:
        if not nal:
            return
        kind = nal[0] & 31
        if kind == IDR:
            self._key = True
        elif kind in (SPS, PPS):
            self._learn(kind, bytes(nal))
        self._parts.append(len(nal).to_bytes(4, "big"))
        self._parts.append(nal)

    def _lost(self, packets: int) -> None:
        self.packets_lost += packets
        self._fragment = []
        self._intact = False

    def _finish(self) -> None:
        if self._fragment:
            self._fragment = []
            self._intact = False
        if self._parts:
            unit = AccessUnit(self._timestamp, self._key, b"".join(self._parts), self._intact)
            self._parts = []
            self._key = False
            self._intact = True
            self._emit(unit)


def sender_report(packet: bytes | bytearray) -> SenderReport | None:
    """Find the sender report in a compound RTCP packet; None when there is none, or its clock is unset."""
    at = 0
    while at + 8 <= len(packet):
        kind = packet[at + 1]
        length = 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big")
        if kind == _SENDER_REPORT_TYPE and at + _SENDER_REPORT.size <= len(packet):
            _, _, _, _, ntp, timestamp = _SENDER_REPORT.unpack_from(packet, at)
            return SenderReport(timestamp, ntp / 2**32 - _NTP_TO_EPOCH_S) if ntp >> 32 else None
        at += length
    return None
