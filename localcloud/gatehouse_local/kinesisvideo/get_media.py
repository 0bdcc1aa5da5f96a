"""Serve GetMedia: stored fragments from a chosen start, then new ones as they come in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.model import OperationModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Send

from gatehouse_local.core.decode import SerializationError, decode_request, serialization_error
from gatehouse_local.core.door import admit
from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.faults import Faults
from gatehouse_local.core.model import HttpCall, load_api
from gatehouse_local.core.validate import validate
from gatehouse_local.core.wire import read_body
from gatehouse_local.kinesisvideo import media
from gatehouse_local.kinesisvideo.archive import Archive, Entry
from gatehouse_local.kinesisvideo.live import Connections, Feed, Follower, LiveResponse, Slot, write
from gatehouse_local.kinesisvideo.pace import Pace
from gatehouse_local.kinesisvideo.retention import Retention
from gatehouse_local.kinesisvideo.settings import Settings
from gatehouse_local.kinesisvideo.streams import Stream, Streams, name_in_arn

log = logging.getLogger(__name__)
SERVICE = "kinesis-video-media"
# A fault is switched off without a word to us, so a stalled stream is looked at this often.
_STALL_CHECK_S = 0.5
_NOT_FOUND = {media.ERROR_CODE: "FRAGMENT_NOT_FOUND", media.ERROR_ID: "4000"}


@dataclass(frozen=True, slots=True)
class Cursor:
    """Stand behind the fragment `after`; with a clock, pass over fragments that end by `from_ms`."""

    after: str = ""
    clock: str = ""
    from_ms: int = 0


@dataclass(frozen=True, slots=True)
class Library:
    """Read a stream's fragments in order, as GetMedia sees them."""

    streams: Streams
    archive: Archive
    retention: Retention
    feed: Feed
    faults: Faults

    def cursor(self, stream: Stream, selector: Mapping[str, Any]) -> Cursor | None:
        """Find the start; None where AWS reports that the fragment isn't found.

        NOW starts with the fragment being received, or the next one: nothing that is already whole.
        """
        kind = selector["StartSelectorType"]
        if kind == "EARLIEST":
            return Cursor()
        if kind == "NOW":
            return Cursor(after=self.archive.newest_number(stream.arn))
        if kind in ("SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP"):
            start: datetime = _required(selector, "StartTimestamp", kind)
            return Cursor(clock=kind, from_ms=int(start.timestamp() * 1000))
        member = "AfterFragmentNumber" if kind == "FRAGMENT_NUMBER" else "ContinuationToken"
        number = str(_required(selector, member, kind))
        return Cursor(after=number) if self.archive.get(stream.arn, number) else None

    def next_chunk(self, stream: Stream, cursor: Cursor) -> tuple[Cursor, bytes] | None:
        """Read the chunk after the cursor, and the cursor behind it; None if there is none yet."""
        since_ms = self.retention.since_ms(stream)
        while entry := self.archive.after(stream.arn, cursor.after, since_ms, cursor.clock, cursor.from_ms):
            cursor = Cursor(after=entry.number)
            stored = self.archive.read(entry)
            if stored is not None:
                return cursor, self._chunk(entry, stored)
        return None

    def stalled(self, stream: Stream) -> bool:
        """Say whether the fault is on that lets a stream take fragments and hand none on."""
        return self.faults.active("stream_stalled", stream.region, stream.name, stream.account) is not None

    def _chunk(self, entry: Entry, stored: bytes) -> bytes:
        newest = self.archive.newest(entry.arn) or entry
        names = {
            media.FRAGMENT_NUMBER: entry.number,
            media.SERVER_TIMESTAMP: media.seconds(entry.server_ms),
            media.PRODUCER_TIMESTAMP: media.seconds(entry.producer_ms),
        }
        behind_ms = max(0, newest.server_ms - entry.server_ms)
        return media.live_chunk(stored, entry.cluster_at, names, entry.attached, behind_ms)


class GetMedia:
    """Let consumers in; three connections a stream."""

    def __init__(self, library: Library, connections: Connections, settings: Settings) -> None:
        self._library = library
        self._connections = connections
        self._settings = settings

    async def serve(self, request: Request) -> Response:
        """Check the parameters and take the connection."""
        asked = _decode(request, await read_body(request.receive))
        ctx = await admit(
            request, SERVICE, "GetMedia", asked.get("StreamName") or name_in_arn(asked.get("StreamARN", ""))
        )
        validate(_operation(), asked)
        library = self._library
        stream = await asyncio.to_thread(
            library.streams.find, ctx, asked.get("StreamName"), asked.get("StreamARN")
        )
        cursor = await asyncio.to_thread(library.cursor, stream, asked["StartSelector"])
        slot = self._connections.take(ctx, "GetMediaConnectionsPerStream", stream.arn)
        return _ChunkStream(slot, stream, library, cursor, self._settings, ctx.request_id)


class _ChunkStream(LiveResponse):
    """Answer one GetMedia: chunk after chunk until the reader leaves or the stream is deleted."""

    def __init__(
        self,
        slot: Slot,
        stream: Stream,
        library: Library,
        cursor: Cursor | None,
        settings: Settings,
        request_id: str,
    ) -> None:
        super().__init__(slot, "video/webm", request_id)
        self._stream = stream
        self._library = library
        self._cursor = cursor
        self._settings = settings
        self._bytes = Pace(settings.sent_bytes_per_s)
        self._fragments = Pace(settings.fragments_per_s)

    async def converse(self, receive: Receive, send: Send) -> None:
        """Send chunks for as long as the reader listens."""
        if self._cursor is None:
            await write(send, media.error_chunk(_NOT_FOUND))
            return
        # While nothing is sent, only the request's side tells that the reader has gone.
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await self._follow(self._cursor, gone, send)
        finally:
            gone.cancel()

    async def _follow(self, cursor: Cursor, gone: asyncio.Task[None], send: Send) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.max_get_media_s
        library = self._library
        with library.feed.follow(self._stream.arn) as follower:
            while not (gone.done() or loop.time() >= deadline):
                follower.news.clear()
                stream = await asyncio.to_thread(library.streams.refresh, self._stream)
                if stream is None:
                    return
                if library.stalled(stream):
                    await _wait(follower, gone, _STALL_CHECK_S)
                    continue
                found = await asyncio.to_thread(library.next_chunk, stream, cursor)
                if found is None:
                    await _wait(follower, gone, deadline - loop.time())
                    continue
                cursor, chunk = found
                await self._send_paced(chunk, send)

    async def _send_paced(self, chunk: bytes, send: Send) -> None:
        await write(send, chunk)
        now = asyncio.get_running_loop().time()
        wait_s = max(self._bytes.delay(len(chunk), now), self._fragments.delay(1, now))
        if wait_s:
            await asyncio.sleep(wait_s)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _wait(follower: Follower, gone: asyncio.Task[None], timeout_s: float) -> None:
    news = asyncio.create_task(follower.news.wait())
    try:
        await asyncio.wait({news, gone}, timeout=max(timeout_s, 0), return_when=asyncio.FIRST_COMPLETED)
    finally:
        news.cancel()


def _required(selector: Mapping[str, Any], member: str, kind: str) -> Any:
    if member not in selector:
        raise AwsError("InvalidArgumentException", f"StartSelectorType {kind} needs {member}.")
    return selector[member]


def _operation() -> OperationModel:
    operation = load_api(SERVICE).operation("GetMedia")
    if operation is None:
        raise LookupError(f"botocore's {SERVICE} has no GetMedia")
    return operation


def _decode(request: Request, body: bytes) -> dict[str, Any]:
    call = HttpCall(request.method, request.url.path, {}, dict(request.headers), body)
    try:
        return decode_request(_operation(), call, {})
    except SerializationError as error:
        raise serialization_error(SERVICE, error) from error
