"""Tell open connections that a stream has something new, and count the connections."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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
        self.closing = False

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

    def close(self) -> None:
        """Wake everyone for the last time: `closing` is set."""
        self.closing = True
        with self._lock:
            arns = list(self._followers)
        for arn in arns:
            self.announce(arn)


class Connections:
    """Hold to the number of connections that a stream may have open. Thread-safe.

    One too many is refused with ConnectionLimitExceededException and the older ones go on, as AWS's
    quota page has it ("throttles the latest connections"); its text of 2020 had the last one win.
    """

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._lock = threading.Lock()
        self._open: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def hold(self, ctx: CallContext, quota: str, arn: str) -> Iterator[None]:
        """Take one of the stream's connections while inside, or raise AWS's error."""
        limit = self._quotas.count(ctx.service, quota, ctx.account, ctx.region)
        with self._lock:
            if self._open[quota, arn] >= limit:
                raise self._quotas.exceeded(ctx.service, quota, ctx.account, ctx.region, arn)
            self._open[quota, arn] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open[quota, arn] -= 1
