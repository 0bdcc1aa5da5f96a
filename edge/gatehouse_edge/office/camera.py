"""Carry one camera into one stream: source, spool and sender, each of which may fail alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from gatehouse.office.edge import DesiredCamera, ProbeOrder
from gatehouse_edge.media.fragments import Fragment
from gatehouse_edge.media.frozen import FrozenDetector, key_picture
from gatehouse_edge.office.probes import Clips, Probes
from gatehouse_edge.office.source import Source, SourceTimes
from gatehouse_edge.office.status import CameraStatus
from gatehouse_edge.rtsp.target import RtspTarget
from gatehouse_edge.uplink.outbox import Outbox, OutboxLimits
from gatehouse_edge.uplink.putmedia import PutMediaConnection
from gatehouse_edge.uplink.sender import Sender, SenderTimes
from gatehouse_edge.uplink.spool import Spool

log = logging.getLogger(__name__)

# Fragments cut and not yet queued; only a disk that hangs fills this.
_BACKLOG = 64


@dataclass(frozen=True, slots=True)
class CameraTimes:
    """Seconds a camera's parts are given; `finish_fragment_s` and `drain_s` bound an orderly end."""

    source: SourceTimes = field(default_factory=SourceTimes)
    sender: SenderTimes = field(default_factory=SenderTimes)
    finish_fragment_s: float = 2.5
    drain_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every camera of an office shares."""

    target: Callable[[DesiredCamera], Awaitable[RtspTarget]]
    connect: Callable[[str, bytes], Awaitable[PutMediaConnection]]
    stored: Callable[[str, int, int], Awaitable[set[int]]]
    fetch: Callable[[str], bytes]
    spool: Path
    outbox: OutboxLimits = field(default_factory=OutboxLimits)
    times: CameraTimes = field(default_factory=CameraTimes)


class Camera:
    """One desired camera, running from `start` to `stop`."""

    def __init__(self, desired: DesiredCamera, around: Surroundings, changed: Callable[[], None]) -> None:
        self.desired = desired
        self._around = around
        self._outbox = Outbox(Spool(around.spool / desired.stream_name), around.outbox)
        self._cut: asyncio.Queue[Fragment] = asyncio.Queue(_BACKLOG)
        self._next_cut = asyncio.Event()
        self._overrun = 0
        self._frozen = FrozenDetector()
        self._probes = Probes(
            desired.camera_id,
            Clips(around.fetch, around.spool / "clips"),
            around.spool / "probes" / f"{desired.stream_name}.json",
            changed,
        )
        self.status = CameraStatus(
            desired.camera_id,
            desired.stream_name,
            changed,
            spooled=lambda: self._outbox.spooled,
            dropped=lambda: self._outbox.dropped + self._overrun,
            probe=lambda: self._probes.swap,
        )
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Take up the spool and begin to stream; a disabled camera only reports itself stopped."""
        self.probe(self.desired.probe)
        if not self.desired.enabled:
            self.status.source("stopped", "disabled in the office's desired document")
            return
        await self._recover()
        source = Source(
            lambda: self._around.target(self.desired),
            self.status,
            self._emitted,
            self._around.times.source,
            lambda: self._probes.swap,
        )
        sender = Sender(self._outbox, self._connect, self._stored, self.status, self._around.times.sender)
        self._spawn("source", source.run())
        self._spawn("queue", self._queue())
        self._spawn("sender", sender.run())

    def probe(self, order: ProbeOrder | None) -> None:
        """Obey a probe order without touching the stream; a disabled camera fails it."""
        self.desired = self.desired.model_copy(update={"probe": order})
        self._probes.order(order)
        if not self.desired.enabled and self._probes.swap is not None:
            self._probes.swap.fail("the camera is disabled: enable it, then give a new order")

    async def stop(self) -> None:
        """Finish the fragment in hand, deliver what is queued, and spool what can't be; bounded in time."""
        if self._tasks:
            await self._end_source()
            self._outbox.close()
            await asyncio.wait({self._tasks["sender"]}, timeout=self._around.times.drain_s)
            await self._cancel("sender")
            await self._outbox.spill()
        await self._probes.stop()
        self.status.source("stopped")

    async def _recover(self) -> None:
        try:
            recovered = await self._outbox.recover()
        except OSError as error:
            log.error(  # noqa: TRY400 - the cause says it all
                "camera %s: its spool can't be read (%s): give the directory to the proxy's user",
                self.desired.camera_id,
                error.strerror,
            )
            return
        if recovered:
            log.info("camera %s: %d fragments taken up from the spool", self.desired.camera_id, recovered)

    def _spawn(self, name: str, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        task.add_done_callback(self._ended)
        self._tasks[name] = task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Say loudly that a part ended by a mistake of ours; the office restarts the camera."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("camera %s: a part of the proxy failed", self.desired.camera_id, exc_info=error)
            self.status.source("reconnecting", f"the proxy failed ({type(error).__name__}): it restarts")

    @property
    def broken(self) -> bool:
        """Whether a part ended that should run for ever."""
        return any(task.done() for task in self._tasks.values())

    async def _end_source(self) -> None:
        if self.status.source_phase == "streaming":
            self._next_cut.clear()
            cut = asyncio.ensure_future(self._next_cut.wait())
            await asyncio.wait(
                {cut, self._tasks["source"]},
                timeout=self._around.times.finish_fragment_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            cut.cancel()
        await self._cancel("source")
        await self._empty_queue()
        await self._cancel("queue")

    async def _empty_queue(self) -> None:
        """Let what was cut reach the outbox, unless the queue's task has failed or its disk hangs."""
        emptied = asyncio.ensure_future(self._cut.join())
        await asyncio.wait(
            {emptied, self._tasks["queue"]},
            timeout=self._around.times.drain_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        emptied.cancel()
        self._overrun += self._cut.qsize()

    async def _cancel(self, name: str) -> None:
        task = self._tasks[name]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _emitted(self, fragment: Fragment) -> None:
        self._next_cut.set()
        self.status.last_fragment_at = datetime.fromtimestamp(fragment.start_ms / 1000, UTC)
        try:
            self._cut.put_nowait(fragment)
        except asyncio.QueueFull:
            self._overrun += 1

    async def _queue(self) -> None:
        while True:
            fragment = await self._cut.get()
            try:
                await self._outbox.put(fragment)
                await self._look(fragment)
            finally:
                self._cut.task_done()

    async def _look(self, fragment: Fragment) -> None:
        """Keep `frozen` current; a probe's clip says nothing about the camera."""
        if fragment.probe:
            return
        if self._frozen.wants_picture(fragment.start_ms, fragment.key_frame, fragment.other_bytes):
            picture = await asyncio.to_thread(key_picture, fragment.header + fragment.cluster)
            if picture:
                self._frozen.compare(fragment.start_ms, picture)
        self.status.frozen = self._frozen.frozen

    async def _connect(self, first: bytes) -> PutMediaConnection:
        return await self._around.connect(self.desired.stream_name, first)

    async def _stored(self, from_ms: int, to_ms: int) -> set[int]:
        return await self._around.stored(self.desired.stream_name, from_ms, to_ms)
