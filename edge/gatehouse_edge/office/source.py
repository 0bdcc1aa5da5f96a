"""Play one camera into fragments, for ever: connect, watch, back off, connect again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gatehouse_edge.backoff import Backoff
from gatehouse_edge.errors import CameraError, CameraRefusedError
from gatehouse_edge.media.clock import ProducerClock
from gatehouse_edge.media.fragments import Fragment, Fragmenter
from gatehouse_edge.media.rtp import Depacketiser, sender_report
from gatehouse_edge.media.swap import Swap
from gatehouse_edge.office.status import CameraStatus
from gatehouse_edge.rtsp.client import RtspSession, RtspTimes
from gatehouse_edge.rtsp.target import RtspTarget

# Beyond this AWS would refuse the fragment; long before it, faces are found late.
_LONG_GOP_MS = 9_000
_GOP_REMEDY = "set the camera's I-frame interval to 1–2 s"


@dataclass(frozen=True, slots=True)
class SourceTimes:
    """Seconds: how a camera is waited for. A lockout after wrong passwords is why refusals wait longer."""

    rtsp: RtspTimes = field(default_factory=RtspTimes)
    no_fragment_s: float = 25.0
    first_retry_s: float = 1.0
    first_retry_refused_s: float = 5.0
    longest_retry_s: float = 30.0
    clock_tolerance_s: float = 60.0


@dataclass(slots=True)
class Source:
    """Supervise one camera; `target` is asked before each connection, so a corrected secret is used."""

    target: Callable[[], Awaitable[RtspTarget]]
    status: CameraStatus
    emit: Callable[[Fragment], None]
    times: SourceTimes = field(default_factory=SourceTimes)
    swap: Callable[[], Swap | None] = lambda: None
    _fragment_seen: asyncio.Event = field(default_factory=asyncio.Event)
    _streamed: bool = False

    async def run(self) -> None:
        """Play until cancelled."""
        backoff = Backoff(self.times.first_retry_s, self.times.longest_retry_s)
        refused = Backoff(self.times.first_retry_refused_s, self.times.longest_retry_s)
        while True:
            try:
                await self._play()
            except CameraRefusedError as error:
                self.status.source("refused", str(error))
                delay_s = refused.next_delay()
            except CameraError as error:
                if self._streamed:
                    backoff.reset()
                    refused.reset()
                self.status.source("reconnecting", str(error))
                delay_s = backoff.next_delay()
            self._streamed = False
            self.status.reconnects += 1
            await asyncio.sleep(delay_s)

    async def _play(self) -> None:
        """Play one session until it fails; always ends with a CameraError or by cancellation."""
        async with RtspSession(await self.target(), self.times.rtsp) as session:
            track = await session.describe()
            clock = ProducerClock(self.times.clock_tolerance_s)
            fragmenter = Fragmenter(
                clock,
                lambda fragment: self._emitted(fragment, clock, fragmenter),
                track.sets,
                swap=self.swap,
            )
            # The wall clock is read once per picture, not per packet.
            packets = Depacketiser(lambda unit: fragmenter.add(unit, time.time()), fragmenter.learn)
            before = (self.status.dropped_frames, self.status.packets_lost)

            def count() -> None:
                self.status.dropped_frames = before[0] + fragmenter.units_dropped
                self.status.packets_lost = before[1] + packets.packets_lost

            def on_rtcp(buffer: bytearray, start: int, stop: int) -> None:
                if report := sender_report(buffer[start:stop]):
                    clock.reported(report)
                count()

            try:
                await session.play(track, packets.push, on_rtcp)
                await self._watch(session)
            finally:
                fragmenter.flush()
                if swap := self.swap():
                    swap.interrupted()
                count()

    def _emitted(self, fragment: Fragment, clock: ProducerClock, fragmenter: Fragmenter) -> None:
        self.status.clock = clock.source
        self.status.gop_ms = fragmenter.gop_ms
        self._streamed = True
        self._fragment_seen.set()
        self.status.source("streaming", _note(clock, fragmenter))
        self.emit(fragment)

    async def _watch(self, session: RtspSession) -> None:
        watchers = {
            asyncio.create_task(session.watch()),
            asyncio.create_task(self._watch_fragments()),
        }
        try:
            done, _ = await asyncio.wait(watchers, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in watchers:
                task.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)

    async def _watch_fragments(self) -> None:
        """Fail when packets come and no fragment does; the session's own watch sees silence."""
        while True:
            self._fragment_seen.clear()
            try:
                async with asyncio.timeout(self.times.no_fragment_s):
                    await self._fragment_seen.wait()
            except TimeoutError:
                raise CameraError(
                    f"no key frame in {self.times.no_fragment_s:.0f} s of video: {_GOP_REMEDY}"
                ) from None


def _note(clock: ProducerClock, fragmenter: Fragmenter) -> str:
    notes = []
    if (fragmenter.long_gops and fragmenter.gop_ms >= _LONG_GOP_MS) or fragmenter.open_gop_ms >= _LONG_GOP_MS:
        notes.append(
            f"a key frame comes only every {max(fragmenter.gop_ms, fragmenter.open_gop_ms) / 1000:.0f} s, "
            f"so fragments are cut: {_GOP_REMEDY}"
        )
    if clock.source == "arrival" and clock.knows_camera:
        notes.append(f"its clock is {clock.error_s:+.0f} s off, so arrival time is used: set its NTP")
    return "; ".join(notes)
