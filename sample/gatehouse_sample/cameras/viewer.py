"""Write packets to one connected client: RTP interleaved with RTSP on the same TCP connection."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

MAX_BACKLOG = 4 << 20
"""Bytes waiting for a slow client after which it misses pictures up to the next key frame."""


class Viewer:
    """Send one camera's packets to one client, starting (and after a backlog restarting) at a key frame."""

    def __init__(self, writer: asyncio.StreamWriter, channel: int) -> None:
        self._writer = writer
        self._channel = channel
        self._waits_for_key = True

    def picture(self, packets: list[bytes], *, key: bool) -> None:
        """Send one picture's RTP packets, or drop it."""
        if self._writer.transport.get_write_buffer_size() > MAX_BACKLOG:
            self._waits_for_key = True
            return
        if self._waits_for_key and not key:
            return
        self._waits_for_key = False
        self._write(b"".join(_framed(self._channel, packet) for packet in packets))

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet."""
        self._write(_framed(self._channel + 1, packet))

    def close(self) -> None:
        """End the connection."""
        self._writer.close()

    def _write(self, data: bytes) -> None:
        """Hand data to the transport, which buffers; a closing connection takes no more."""
        if not self._writer.is_closing():
            self._writer.write(data)


def _framed(channel: int, packet: bytes) -> bytes:
    """Put a packet behind RTSP's interleaving header (RFC 2326 §10.12)."""
    return struct.pack(">cBH", b"$", channel, len(packet)) + packet
