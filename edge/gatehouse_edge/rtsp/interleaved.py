"""Carry one RTSP connection: text messages and binary frames in one TCP stream (RFC 2326 §10.12).

Cost is per read, so reading is paused for a moment after each one: what the camera sends meanwhile
waits in the socket and comes in one piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gatehouse_edge.errors import CameraError

_DOLLAR = 0x24
_MAX_MESSAGE = 64 << 10
_CHUNK = 256 << 10

PacketSink = Callable[[bytearray, int, int], None]


@dataclass(slots=True)
class Response:
    """One answer of the camera; header names are lower case."""

    status: int
    reason: str
    headers: dict[str, list[str]] = field(default_factory=dict)
    body: str = ""

    def first(self, name: str) -> str:
        """Return a header's first value, or an empty string."""
        return next(iter(self.headers.get(name, ())), "")


class InterleavedProtocol(asyncio.BufferedProtocol):
    """Split the stream: frames of a channel go to its sink, answers to the request that waits.

    `sinks[channel]` is called with buffer, start and stop, which are only valid during the call.
    `closed` ends with the reason when the connection does.
    """

    def __init__(self, read_interval_s: float = 0.08) -> None:
        self.sinks: dict[int, PacketSink] = {}
        self.media_channel = 0
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.last_media_s = 0.0
        self._interval_s = read_interval_s
        self._buffer = bytearray(_CHUNK)
        self._start = self._end = 0
        self._waiting: dict[int, asyncio.Future[Response]] = {}
        self._sequence = 0
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    async def request(self, method: str, url: str, headers: dict[str, str], time_limit_s: float) -> Response:
        """Send a request and return its answer; CameraError when the connection ends or nothing comes."""
        if self._transport is None or self.closed.done():
            raise CameraError(self._ended())
        self._sequence += 1
        number = self._sequence
        answer: asyncio.Future[Response] = self._loop.create_future()
        self._waiting[number] = answer
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {number}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        try:
            return await asyncio.wait_for(answer, time_limit_s)
        except TimeoutError:
            raise CameraError(
                f"the camera did not answer {method} within {time_limit_s:.0f} s: restart it if this stays"
            ) from None
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """Drop the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio)."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (asyncio's own typing)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everyone who waits (asyncio)."""
        if not self.closed.done():
            self.closed.set_result(str(exc) if exc else "the camera closed the connection")
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(CameraError(self._ended()))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Offer room for at least a full frame (asyncio)."""
        if self._start == self._end:
            self._start = self._end = 0
        elif len(self._buffer) - self._end < _CHUNK // 2:
            self._buffer[: self._end - self._start] = self._buffer[self._start : self._end]
            self._start, self._end = 0, self._end - self._start
        return memoryview(self._buffer)[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take what arrived (asyncio)."""
        self._end += nbytes
        try:
            self._split()
        except CameraError as error:
            self._fail(str(error))
            return
        transport = self._transport
        if self.sinks and transport is not None and not transport.is_closing():
            transport.pause_reading()
            self._loop.call_later(self._interval_s, self._resume)

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _split(self) -> None:
        buffer, at, end, sinks = self._buffer, self._start, self._end, self.sinks
        media = False
        while end - at >= 4:
            if buffer[at] == _DOLLAR:
                stop = at + 4 + (buffer[at + 2] << 8 | buffer[at + 3])
                if stop > end:
                    break
                channel = buffer[at + 1]
                sink = sinks.get(channel)
                if sink is not None:
                    sink(buffer, at + 4, stop)
                    media = media or channel == self.media_channel
            else:
                stop = self._message(at, end)
                if not stop:
                    break
            at = stop
        self._start = at
        if media:
            # Reports and answers don't count: a camera may give both for hours with its encoder hung.
            self.last_media_s = self._loop.time()

    def _message(self, at: int, end: int) -> int:
        """Take the text message at `at`; return where it ends, or 0 while it is incomplete."""
        head_end = self._buffer.find(b"\r\n\r\n", at, end)
        if head_end < 0:
            if end - at > _MAX_MESSAGE:
                raise CameraError("the camera sends neither RTSP nor RTP: check the URL's port in the secret")
            return 0
        lines = self._buffer[at:head_end].decode("utf-8", "replace").split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        length = headers.get("content-length", ["0"])[0]
        stop = head_end + 4 + (int(length) if length.isdigit() else 0)
        if stop - at > _MAX_MESSAGE:
            raise CameraError("the camera's answer is over 64 KiB: check the URL's path in the secret")
        if stop > end:
            return 0
        body = self._buffer[head_end + 4 : stop].decode("utf-8", "replace")
        self._answered(lines[0], headers, body)
        return stop

    def _answered(self, status_line: str, headers: dict[str, list[str]], body: str) -> None:
        words = status_line.split(" ", 2)
        if not words[0].startswith("RTSP/") or len(words) < 2 or not words[1].isdigit():
            return  # a request of the camera's (ANNOUNCE, OPTIONS): nothing we need
        number = headers.get("cseq", [""])[0]
        waiting = self._waiting.get(int(number)) if number.isdigit() else None
        if waiting is not None and not waiting.done():
            reason = words[2] if len(words) > 2 else ""
            waiting.set_result(Response(int(words[1]), reason, headers, body))

    def _fail(self, reason: str) -> None:
        if not self.closed.done():
            self.closed.set_result(reason)
        self.close()

    def _ended(self) -> str:
        reason = self.closed.result() if self.closed.done() else "not connected"
        return f"the connection to the camera ended ({reason}): the proxy reconnects by itself"
