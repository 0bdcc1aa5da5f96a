"""Serve PutMedia: read media for as long as it comes and acknowledge it on the same connection."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Send

from gatehouse_local.core.door import admit
from gatehouse_local.core.errors import AwsError
from gatehouse_local.kinesisvideo.acks import Ack, AckError, IngestError
from gatehouse_local.kinesisvideo.archive import Archive, Received
from gatehouse_local.kinesisvideo.ingest import Ingest
from gatehouse_local.kinesisvideo.live import Connections, Feed, LiveResponse, Slot, write
from gatehouse_local.kinesisvideo.pace import Pace
from gatehouse_local.kinesisvideo.retention import Retention
from gatehouse_local.kinesisvideo.settings import Settings
from gatehouse_local.kinesisvideo.streams import Stream, Streams, name_in_arn

log = logging.getLogger(__name__)
# Closing a socket with unread bytes resets it, and the sender would lose the error line with it.
_LINGER_S = 1.0


@dataclass(frozen=True, slots=True)
class Recorder:
    """Store what PutMedia receives and tell who follows the stream."""

    streams: Streams
    archive: Archive
    retention: Retention
    feed: Feed

    def check_active(self, stream: Stream) -> None:
        """Raise STREAM_NOT_ACTIVE for a stream that is being made or deleted."""
        status = self.streams.status(stream)
        if status not in ("ACTIVE", "UPDATING"):
            raise IngestError(AckError.STREAM_NOT_ACTIVE, f"{stream.arn} is {status}")

    def keep(self, stream: Stream, received: Received) -> bool:
        """Store a fragment and announce it; answer whether the stream retains it (PERSISTED)."""
        self.check_active(stream)
        try:
            self.archive.append(stream.arn, stream.folder, received)
        except (OSError, sqlite3.Error) as error:
            raise IngestError(
                AckError.ARCHIVAL_ERROR, str(error), received.cluster.timecode_ms, received.number
            ) from error
        current = self.streams.refresh(stream)
        if current is None:
            # Deleted while we wrote: its folder was already removed, so remove it again.
            self.archive.forget(stream.arn, stream.folder)
            raise IngestError(AckError.STREAM_NOT_ACTIVE, f"{stream.arn} was deleted")
        self.retention.prune(current)
        self.feed.announce(stream.arn)
        return current.retention_hours > 0


class PutMedia:
    """Let producers in; one connection a stream."""

    def __init__(
        self, recorder: Recorder, connections: Connections, settings: Settings, clock: Callable[[], float]
    ) -> None:
        self._recorder = recorder
        self._connections = connections
        self._settings = settings
        self._clock = clock

    async def serve(self, request: Request) -> Response:
        """Check the headers and take the connection; the body is read while the answer is sent."""
        name = request.headers.get("x-amzn-stream-name")
        arn = request.headers.get("x-amzn-stream-arn")
        ctx = await admit(request, "kinesisvideo", "PutMedia", name or name_in_arn(arn or ""))
        base_ms = _base_ms(request.headers)
        stream = await asyncio.to_thread(self._recorder.streams.find, ctx, name, arn)
        slot = self._connections.take(ctx, "PutMediaConnectionsPerStream", stream.arn)
        ingest = Ingest(
            self._settings,
            base_ms,
            lambda: self._recorder.archive.next_number(stream.arn, self._clock()),
            self._clock,
        )
        answer = _AckStream(slot, stream, self._recorder, ingest, self._settings, ctx.request_id)
        if "expect" in request.headers:
            # Reading is what makes the server say 100 Continue; answering first would forgo it.
            answer.first = await request.receive()
        return answer


class _AckStream(LiveResponse):
    """Answer one PutMedia: acknowledgements as they come about, until either side ends it."""

    def __init__(
        self,
        slot: Slot,
        stream: Stream,
        recorder: Recorder,
        ingest: Ingest,
        settings: Settings,
        request_id: str,
    ) -> None:
        super().__init__(slot, "application/json", request_id)
        self.first: Message | None = None
        self._stream = stream
        self._recorder = recorder
        self._ingest = ingest
        self._settings = settings
        self._bytes = Pace(settings.read_bytes_per_s)
        self._fragments = Pace(settings.fragments_per_s)

    async def converse(self, receive: Receive, send: Send) -> None:
        """Take media until it ends or has to be refused."""
        try:
            await asyncio.to_thread(self._recorder.check_active, self._stream)
            await self._run(receive, send)
        except IngestError as error:
            log.warning("PutMedia to %s ends: %s", self._stream.name, error)
            await write(send, error.ack.line())
            await _linger(receive)

    async def _run(self, receive: Receive, send: Send) -> None:
        deadline = asyncio.get_running_loop().time() + self._settings.max_connection_s
        message = self.first or await self._next(receive, deadline)
        while message is not None and message["type"] != "http.disconnect":
            await self._take(message.get("body", b""), send)
            if not message.get("more_body", False):
                await self._step(self._ingest.close(whole=True), send)
                return
            message = await self._next(receive, deadline)
        if message is None:
            await write(send, Ack("IDLE").line())
        await self._step(self._ingest.close(whole=False), send)

    async def _next(self, receive: Receive, deadline: float) -> Message | None:
        """Wait for more of the body; None when the sender has been idle for too long."""
        left_s = deadline - asyncio.get_running_loop().time()
        try:
            return await asyncio.wait_for(receive(), max(0.0, min(self._settings.idle_s, left_s)))
        except TimeoutError:
            if left_s > self._settings.idle_s:
                return None
            raise IngestError(AckError.MAX_CONNECTION_DURATION_REACHED, "it is too old") from None

    async def _take(self, body: bytes, send: Send) -> None:
        await self._step(self._ingest.feed(body), send)
        if wait_s := self._bytes.delay(len(body), asyncio.get_running_loop().time()):
            await asyncio.sleep(wait_s)

    async def _step(self, steps: Iterable[Ack | Received], send: Send) -> None:
        for step in steps:
            if isinstance(step, Ack):
                await write(send, step.line())
                continue
            if await asyncio.to_thread(self._recorder.keep, self._stream, step):
                await write(send, Ack("PERSISTED", step.cluster.timecode_ms, step.number).line())
            if wait_s := self._fragments.delay(1, asyncio.get_running_loop().time()):
                await asyncio.sleep(wait_s)


async def _linger(receive: Receive) -> None:
    """Read on without looking until the sender notices, for a moment at most."""
    try:
        async with asyncio.timeout(_LINGER_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        log.debug("the sender went on after its error acknowledgement")


def _base_ms(headers: Headers) -> int:
    """Read what producer time is counted from, in epoch milliseconds."""
    kind = headers.get("x-amzn-fragment-timecode-type")
    if kind == "ABSOLUTE":
        return 0
    if kind != "RELATIVE":
        raise AwsError(
            "InvalidArgumentException", "x-amzn-fragment-timecode-type must be ABSOLUTE or RELATIVE."
        )
    start = headers.get("x-amzn-producer-start-timestamp", "")
    try:
        return round(float(start) * 1000)
    except (ValueError, OverflowError) as error:
        raise AwsError(
            "InvalidArgumentException",
            "RELATIVE timecodes need x-amzn-producer-start-timestamp, in epoch seconds.",
        ) from error
