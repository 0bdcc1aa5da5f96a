"""Keep connections open: count them, wake them when their stream has something new, end them."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gatehouse_local.core.quotas import Quotas
from gatehouse_local.core.service import CallContext


@dataclass(frozen=True, eq=False, slots=True)
class Follower:
    """Wait, in one event loop, for news of one stream: clear `news`, look, then wait."""

    loop: asyncio.AbstractEventLoop
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Set the news from any thread; a loop that has ended needs none."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.news.set)


class Feed:
    """Pass on that a stream got a fragment or was deleted. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._followers: dict[str, set[Follower]] = defaultdict(set)

    @contextmanager
    def follow(self, arn: str) -> Iterator[Follower]:
        """Hear of a stream's news while inside."""
        follower = Follower(asyncio.get_running_loop())
        with self._lock:
            self._followers[arn].add(follower)
        try:
            yield follower
        finally:
            with self._lock:
                self._followers[arn].discard(follower)
                if not self._followers[arn]:
                    del self._followers[arn]

    def announce(self, arn: str) -> None:
        """Wake whoever follows the stream."""
        with self._lock:
            followers = list(self._followers.get(arn, ()))
        for follower in followers:
            follower.wake()


class Connections:
    """Hold to the number of connections that a stream may have open. Thread-safe.

    One too many is refused with ConnectionLimitExceededException and the older ones go on, as AWS's
    quota page has it ("throttles the latest connections"); its text of 2020 had the last one win.
    """

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._lock = threading.Lock()
        self._slots: dict[tuple[str, str], set[Slot]] = defaultdict(set)
        self.closing = False

    def take(self, ctx: CallContext, quota: str, arn: str) -> Slot:
        """Take one of the stream's connections, or raise AWS's error.

        Taken in the task that serves it, `close` ends it; taken in a thread, it ends with its answer.
        """
        limit = self._quotas.count(ctx.service, quota, ctx.account, ctx.region)
        with self._lock:
            if len(self._slots[quota, arn]) >= limit:
                raise self._quotas.exceeded(ctx.service, quota, ctx.account, ctx.region, arn)
            slot = Slot(self, (quota, arn), _current_task())
            self._slots[slot.key].add(slot)
        return slot

    def release(self, slot: Slot) -> None:
        """Give a connection back; repeating it is harmless."""
        with self._lock:
            self._slots[slot.key].discard(slot)
            if not self._slots[slot.key]:
                del self._slots[slot.key]

    def open(self) -> None:
        """Let connections be, after a `close` too."""
        self.closing = False

    def close(self) -> None:
        """End every connection: its task is cancelled while `closing` is set, and ends its answer."""
        self.closing = True
        with self._lock:
            tasks = [slot.task for slots in self._slots.values() for slot in slots if slot.task]
        for task in tasks:
            loop = task.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no event loop runs in this thread
        return None


@dataclass(frozen=True, eq=False, slots=True)
class Slot:
    """Be one open connection of a stream."""

    owner: Connections
    key: tuple[str, str]
    task: asyncio.Task[Any] | None


class LiveResponse(Response):
    """Answer for as long as both sides stay, without a length; `converse` is the conversation.

    The slot is free again when the answer ends, however it does.
    """

    def __init__(self, slot: Slot, media_type: str, request_id: str) -> None:
        headers = {"connection": "close", "x-amzn-RequestId": request_id}
        super().__init__(headers=headers, media_type=media_type)
        del self.headers["content-length"]
        self._slot = slot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Start the answer, converse, and end it."""
        try:
            start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            await send(start)
            try:
                await self.converse(receive, send)
            except asyncio.CancelledError:
                if not self._slot.owner.closing:
                    raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._slot.owner.release(self._slot)

    async def converse(self, receive: Receive, send: Send) -> None:
        """Read and write until the conversation is over."""
        raise NotImplementedError


async def write(send: Send, data: bytes) -> None:
    """Send a part of an answer that goes on."""
    await send({"type": "http.response.body", "body": data, "more_body": True})
