"""Run one camera: a single live timeline that every viewer sees, paced by the clock for ever.

Capture times, RTP timestamps and sender reports all derive from one instant, the start of loop 0, so
that what a report says about a picture's wall time is exact however late the picture is sent.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import TYPE_CHECKING

from gatehouse_sample.cameras.film import CLOCK_RATE
from gatehouse_sample.cameras.reel import Picture, Reel, h265_reel
from gatehouse_sample.cameras.rtp import RtpWriter

if TYPE_CHECKING:
    from pathlib import Path

    from gatehouse_sample.cameras.auth import Credentials
    from gatehouse_sample.cameras.faults import Fault, FaultFile
    from gatehouse_sample.cameras.viewer import Viewer

log = logging.getLogger(__name__)

REPORT_SECONDS = 1.0
"""How often sender reports go out; real cameras take five."""
MAX_LATE_SECONDS = 5.0
"""Pictures later than this are skipped, as after a laptop's sleep."""

_DROPS_VIEWERS: frozenset[Fault | None] = frozenset({"unauthorised", "h265"})


@dataclass(frozen=True, slots=True)
class LoopJournal:
    """Append every loop's start to a file (JSON Lines) by which truth is matched to what was seen."""

    path: Path

    def write(self, camera_id: str, loop: int, wall_start: float) -> None:
        """Append one loop at once; `wall_start` is the capture time of its first picture."""
        entry = {"camera_id": camera_id, "loop": loop, "wall_start": round(wall_start, 6)}
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")


class LiveCamera:
    """Send one reel to all who watch."""

    def __init__(
        self, camera_id: str, reel: Reel, credentials: Credentials, faults: FaultFile, journal: LoopJournal
    ) -> None:
        self.camera_id = camera_id
        self.credentials = credentials
        self._own = reel
        self.faults = faults
        self._journal = journal
        self._rtp = RtpWriter(secrets.randbits(32), secrets.randbits(16))
        self._first_timestamp = secrets.randbits(32)
        self._epoch = time.time()
        self._started = time.monotonic()
        self._viewers: set[Viewer] = set()
        self._frozen: tuple[Picture, ...] | None = None

    @property
    def fault(self) -> Fault | None:
        """Return what is wrong with this camera at the moment."""
        return self.faults.of(self.camera_id)

    @property
    def reel(self) -> Reel:
        """Return what the camera sends now."""
        return _h265() if self.fault == "h265" else self._own

    @property
    def sequence(self) -> int:
        """Return the next packet's sequence number."""
        return self._rtp.sequence

    def join(self, viewer: Viewer) -> None:
        """Let a viewer watch; it gets a sender report now and pictures from the next key frame."""
        self._viewers.add(viewer)
        self._report([viewer])

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        self._viewers.discard(viewer)

    async def run(self) -> None:
        """Film for ever; cancel to stop."""
        self._epoch, self._started = time.time(), time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report_always())
            tasks.create_task(self._film_always())

    async def _film_always(self) -> None:
        """Send loop after loop."""
        for loop in count():
            begin = loop * self._own.ticks
            await self._until(begin)
            self._journal.write(self.camera_id, loop, self._epoch + begin / CLOCK_RATE)
            for gop in self._own.gops:
                await self._send_gop(begin, gop)

    async def _send_gop(self, begin: int, gop: tuple[Picture, ...]) -> None:
        """Send one group of pictures, or what a fault puts in its place, each when it is due."""
        shown = self._shown(gop)
        skipped = await self._until(begin + gop[0].ticks) > MAX_LATE_SECONDS
        for timed, picture in zip(gop, shown, strict=False):
            at = begin + timed.ticks
            await self._until(at)
            if not skipped and self.fault not in ("mute", "hang"):
                self._send(at, picture)

    def _shown(self, gop: tuple[Picture, ...]) -> tuple[Picture, ...]:
        """Return the pictures to send in place of a group."""
        self._frozen = (self._frozen or gop) if self.fault == "frozen" else None
        return self.reel.gops[0] if self.fault == "h265" else self._frozen or gop

    def _send(self, ticks: int, picture: Picture) -> None:
        """Write one picture to every viewer."""
        packets = self._rtp.packets(picture.payloads, self._first_timestamp + ticks)
        for viewer in tuple(self._viewers):
            viewer.picture(packets, key=picture.key)

    async def _until(self, ticks: int) -> float:
        """Wait until a tick of the timeline; return by how many seconds it is already past."""
        late = time.monotonic() - self._started - ticks / CLOCK_RATE
        await asyncio.sleep(max(-late, 0.0))
        return late

    async def _report_always(self) -> None:
        """Send sender reports, and drop all viewers when a fault needs them to connect anew."""
        before = self.fault
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            if self.fault != before:
                log.warning("camera %s: fault %s → %s", self.camera_id, before, self.fault)
                if {before, self.fault} & _DROPS_VIEWERS:
                    self._drop_viewers()
                before = self.fault
            self._report(self._viewers)

    def _report(self, viewers: set[Viewer] | list[Viewer]) -> None:
        """Tell viewers which wall time an RTP timestamp stands for."""
        if self.fault == "hang" or not viewers:
            return
        past = time.monotonic() - self._started
        report = self._rtp.sender_report(self._epoch + past, self._first_timestamp + round(past * CLOCK_RATE))
        for viewer in tuple(viewers):
            viewer.report(report)

    def _drop_viewers(self) -> None:
        """Close every session."""
        for viewer in tuple(self._viewers):
            viewer.close()


@cache
def _h265() -> Reel:
    """Encode the H.265 second once, when the first fault asks for it."""
    return h265_reel()
