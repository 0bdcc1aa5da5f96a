"""Carry one stream's outbox to Kinesis Video for ever: connect, send, rotate, catch up, send again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from gatehouse_edge.backoff import Backoff
from gatehouse_edge.errors import FragmentRefusedError, UplinkError
from gatehouse_edge.uplink.acks import Ack, AckKind
from gatehouse_edge.uplink.outbox import Outbox, Parcel
from gatehouse_edge.uplink.putmedia import PutMediaConnection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SenderTimes:
    """Seconds, and the speed of catching up in times real time (AWS takes 5 fragments a second)."""

    rotate_s: float = 40 * 60.0
    idle_s: float = 20.0
    ack_s: float = 20.0
    finish_s: float = 10.0
    catch_up_speed: float = 4.0
    fragment_interval_s: float = 0.21
    # PERSISTED can lag far behind RECEIVED, as it does in catching up; it never comes without retention.
    keeps_nothing_s: float = 60.0


class SenderEvents(Protocol):
    """Hear what happens to a stream's fragments."""

    def uplink_up(self) -> None:
        """Fragments flow."""

    def uplink_down(self, reason: str) -> None:
        """They don't, and why."""

    def fragment_sent(self, size: int) -> None:
        """One was handed to the connection."""

    def fragment_persisted(self) -> None:
        """One is stored for good."""

    def ack_error(self, reason: str) -> None:
        """AWS answered with an ERROR."""


T = TypeVar("T")
Stored = Callable[[int, int], Awaitable[set[int]]]
"""Return the starts of the fragments the stream holds between two times in ms; UplinkError."""
Connect = Callable[[bytes], Awaitable[PutMediaConnection]]
"""Open a connection with its first bytes."""


@dataclass(slots=True)
class Sender:
    """Deliver one outbox, in order, one connection at a time (AWS allows one a stream).

    A fragment is let go when it is PERSISTED; one whose connection ended before is sent again with the
    same producer time, unless the stream is seen to hold it: only its acknowledgement was lost.
    """

    outbox: Outbox
    connect: Connect
    stored: Stored
    events: SenderEvents
    times: SenderTimes = field(default_factory=SenderTimes)
    backoff: Backoff = field(default_factory=lambda: Backoff(1.0, 15.0))
    _keeps: bool | None = field(default=None, init=False)
    _last_received: float | None = field(default=None, init=False)
    _unkept_s: float = field(default=0.0, init=False)
    _patience: asyncio.Timeout | None = field(default=None, init=False)

    async def run(self) -> None:
        """Send until the outbox is closed and empty; only a fragment let go ends the growing pauses."""
        while (parcel := await self.outbox.peek()) is not None:
            try:
                if self.outbox.doubtful:
                    await self._settle()
                else:
                    await self._connection(parcel)
                self.outbox.rewind()
            except UplinkError as error:
                await self._failed(error)

    async def _settle(self) -> None:
        """Ask what arrived of the fragments whose acknowledgement didn't: sent twice, they count twice."""
        doubtful = self.outbox.doubtful
        stored = await self.stored(min(doubtful), max(doubtful))
        if stored:
            self._keeps = True
        for _ in range(await self.outbox.settle(stored)):
            self.events.fragment_persisted()

    async def _failed(self, error: UplinkError) -> None:
        if isinstance(error, FragmentRefusedError) and await self.outbox.refused(error.start_ms):
            self.outbox.rewind()
            return
        self.events.uplink_down(str(error))
        self.outbox.rewind()
        self.outbox.durable = True
        await self.outbox.spill()
        await asyncio.sleep(self.backoff.next_delay())

    async def _connection(self, first: Parcel) -> None:
        """Use one connection until it is time for another; UplinkError when it fails."""
        loaded = await self.outbox.load(first)
        if loaded is None:
            return
        header = loaded[0]
        self._last_received = None
        connection = await self.connect(header)
        acks = asyncio.create_task(self._read_acks(connection))
        try:
            await self._send_all(connection, header, acks)
            async with asyncio.timeout(self.times.finish_s):
                await connection.finish()
                await asyncio.shield(acks)
        except TimeoutError:
            raise UplinkError("the last fragments were not acknowledged in time: sent again") from None
        finally:
            acks.cancel()
            connection.close()
            await asyncio.gather(acks, return_exceptions=True)

    async def _send_all(
        self, connection: PutMediaConnection, header: bytes, acks: asyncio.Task[None]
    ) -> None:
        """Send what fits this connection: the same track, rising times, within its age."""
        loop = asyncio.get_running_loop()
        ends_at, last_end_ms = loop.time() + self.times.rotate_s, 0
        while loop.time() < ends_at:
            parcel = await self._next(acks)
            if parcel is None or parcel.start_ms < last_end_ms:
                return
            loaded = await self.outbox.load(parcel)
            if loaded is None:
                continue
            if loaded[0] != header:
                return
            parcel.sent = True
            started = loop.time()
            self._expect_ack(acks)
            await _unless_ended(connection.send(loaded[1]), acks)
            last_end_ms = parcel.end_ms
            self.events.fragment_sent(parcel.size)
            await asyncio.sleep(max(0.0, started + self._pace_s(parcel) - loop.time()))

    def _expect_ack(self, acks: asyncio.Task[None]) -> None:
        """Start waiting for an acknowledgement, unless one is waited for or the answer has ended."""
        if not acks.done() and self._patience is not None and self._patience.when() is None:
            self._patience.reschedule(self._ack_deadline())

    async def _next(self, acks: asyncio.Task[None]) -> Parcel | None:
        """Return the next fragment; None when none comes for so long that AWS would hang up."""
        try:
            async with asyncio.timeout(self.times.idle_s):
                return await _unless_ended(self.outbox.peek(), acks)
        except TimeoutError:
            return None

    def _pace_s(self, parcel: Parcel) -> float:
        """Return the least time between this fragment and the next: what bounds catching up."""
        return max(parcel.duration_ms / 1000 / self.times.catch_up_speed, self.times.fragment_interval_s)

    async def _read_acks(self, connection: PutMediaConnection) -> None:
        try:
            async with asyncio.timeout(None) as patience:
                self._patience = patience
                async for ack in connection.acks():
                    await self._acknowledged(ack)
                    patience.reschedule(self._ack_deadline() if self.outbox.in_flight else None)
        except TimeoutError:
            raise UplinkError(
                f"no acknowledgement for {self.times.ack_s:.0f} s: check the uplink, "
                "and that the stream's retention isn't 0"
            ) from None

    async def _acknowledged(self, ack: Ack) -> None:
        if ack.kind == "ERROR":
            error = ack.error()
            self.events.ack_error(str(error))
            raise error
        self._learn(ack.kind)
        if (
            ack.kind == self._settles
            and ack.timecode is not None
            and await self.outbox.persisted(ack.timecode)
        ):
            self.outbox.durable = False
            self.backoff.reset()
            self.events.fragment_persisted()
            self.events.uplink_up()

    def _learn(self, kind: AckKind) -> None:
        """Find out whether the stream keeps anything; once it was seen to, RECEIVED never counts again.

        Only the time between two RECEIVED of one connection counts: an outage says nothing.
        """
        if kind == "PERSISTED":
            self._keeps = True
        elif kind == "RECEIVED" and self._keeps is None:
            now = asyncio.get_running_loop().time()
            self._unkept_s += now - (self._last_received or now)
            self._last_received = now
            if self._unkept_s >= self.times.keeps_nothing_s:
                self._keeps = False
                log.warning("received and never persisted: give the stream a retention above 0")

    @property
    def _settles(self) -> AckKind:
        """Return the acknowledgement that lets a fragment go: a stream without retention persists nothing."""
        return "RECEIVED" if self._keeps is False else "PERSISTED"

    def _ack_deadline(self) -> float:
        return asyncio.get_running_loop().time() + self.times.ack_s


async def _unless_ended(work: Coroutine[Any, Any, T], acks: asyncio.Task[None]) -> T:
    """Do `work` unless the answer ends first, which ends the connection: UplinkError."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, acks}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if task.done():
        return task.result()
    task.cancel()
    acks.result()
    raise UplinkError("Kinesis Video closed the connection: the proxy opens another")
