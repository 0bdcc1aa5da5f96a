"""Hold a stream's fragments in order until Kinesis Video has persisted them.

In memory while the uplink works; on disk beyond a bound, and all of them while it doesn't. Nothing
leaves before the acknowledgement that settles it (PERSISTED, unless the stream keeps nothing at all)
except the oldest when the disk's bound is reached: that is a gap, counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from gatehouse_edge.media.fragments import Fragment
from gatehouse_edge.uplink.spool import Spool, SpooledFile

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """Bounds of one stream: bytes in memory, bytes on disk, fragments sent and not yet persisted."""

    memory_bytes: int = 8 << 20
    disk_bytes: int = 512 << 20
    in_flight: int = 32


@dataclass(slots=True)
class Parcel:
    """One fragment on its way; its bytes are in `payload` or in `file`.

    `tried`: an earlier connection or process may have delivered it, without our hearing of it.
    """

    start_ms: int
    duration_ms: int
    size: int
    payload: tuple[bytes, bytes] | None
    file: SpooledFile | None = None
    sent: bool = False
    tried: bool = False
    gone: bool = False

    @property
    def end_ms(self) -> int:
        """When the next fragment may start."""
        return self.start_ms + self.duration_ms


class Outbox:
    """Queue between one camera and one uplink: one task puts, one task takes."""

    def __init__(self, spool: Spool, limits: OutboxLimits = OutboxLimits()) -> None:
        self._spool = spool
        self._limits = limits
        self._parcels: deque[Parcel] = deque()
        self._changed = asyncio.Event()
        self._closed = False
        self.durable = False
        self.dropped = 0

    @property
    def spooled(self) -> int:
        """Fragments on disk."""
        return sum(parcel.file is not None for parcel in self._parcels)

    def __len__(self) -> int:
        return len(self._parcels)

    async def recover(self) -> int:
        """Take up what an earlier process spooled; call once, before anything is put."""
        files = await asyncio.to_thread(self._spool.recover)
        self._parcels.extend(
            Parcel(file.start_ms, file.duration_ms, file.size, None, file, tried=True) for file in files
        )
        self._changed.set()
        return len(files)

    async def put(self, fragment: Fragment) -> None:
        """Queue a fragment; on disk when the uplink is down, is catching up, or memory is full."""
        parcel = Parcel(
            fragment.start_ms, fragment.duration_ms, fragment.size, (fragment.header, fragment.cluster)
        )
        full = self._in_memory() + parcel.size > self._limits.memory_bytes
        if self.durable or full or any(one.file for one in self._parcels):
            await self._to_disk(parcel)
        self._parcels.append(parcel)
        self._changed.set()
        await self._trim()

    async def spill(self) -> None:
        """Write everything that is only in memory to disk, so that a killed proxy loses none of it."""
        for parcel in list(self._parcels):
            if parcel.payload is not None and not parcel.gone:
                await self._to_disk(parcel)
        await self._trim()

    async def peek(self) -> Parcel | None:
        """Wait for the oldest unsent fragment and an open window; None once closed and empty."""
        while True:
            self._changed.clear()
            if self._closed and not self._parcels:
                return None
            unsent = next((parcel for parcel in self._parcels if not parcel.sent), None)
            if unsent is not None and self.in_flight < self._limits.in_flight:
                return unsent
            await self._changed.wait()

    async def load(self, parcel: Parcel) -> tuple[bytes, bytes] | None:
        """Return a fragment's header and Cluster; None (and a counted gap) when its file is damaged."""
        if parcel.payload is not None:
            return parcel.payload
        try:
            assert parcel.file is not None  # noqa: S101 (payload or file, always)
            return await asyncio.to_thread(self._spool.read, parcel.file)
        except (OSError, ValueError):
            log.warning("spooled fragment %d is damaged: skipped", parcel.start_ms)
            await self._drop(parcel)
            return None

    @property
    def in_flight(self) -> int:
        """Fragments sent and not yet persisted."""
        return sum(parcel.sent for parcel in self._parcels)

    async def persisted(self, start_ms: int) -> bool:
        """Let go of a sent fragment; False when there is none of that start."""
        parcel = next((one for one in self._parcels if one.sent and one.start_ms == start_ms), None)
        if parcel is None:
            return False
        await self._remove(parcel)
        return True

    async def refused(self, start_ms: int) -> bool:
        """Let go of a fragment that Kinesis Video will never take, a counted gap; False if there is none."""
        parcel = next((one for one in self._parcels if one.sent and one.start_ms == start_ms), None)
        if parcel is not None:
            await self._drop(parcel)
        return parcel is not None

    def rewind(self) -> None:
        """Send again whatever was sent and not persisted: its connection is gone."""
        for parcel in self._parcels:
            parcel.tried |= parcel.sent
            parcel.sent = False
        self._changed.set()

    @property
    def doubtful(self) -> list[int]:
        """Starts of the fragments that may be stored already."""
        return [parcel.start_ms for parcel in self._parcels if parcel.tried]

    async def settle(self, stored: set[int]) -> int:
        """Let go of the doubtful fragments among `stored`; the others are to be sent. Return how many."""
        found = [parcel for parcel in self._parcels if parcel.tried and parcel.start_ms in stored]
        for parcel in self._parcels:
            parcel.tried = False
        for parcel in found:
            await self._remove(parcel)
        return len(found)

    def close(self) -> None:
        """Say that nothing more will be put: `peek` ends once all is persisted."""
        self._closed = True
        self._changed.set()

    def _in_memory(self) -> int:
        return sum(parcel.size for parcel in self._parcels if parcel.payload is not None)

    async def _to_disk(self, parcel: Parcel) -> None:
        assert parcel.payload is not None  # noqa: S101 (callers check)
        try:
            parcel.file = await asyncio.to_thread(
                self._spool.write, parcel.start_ms, parcel.duration_ms, *parcel.payload
            )
        except OSError as error:
            # Kept in memory: still delivered if the uplink returns before the process ends.
            log.error("the spool takes no more (%s): free space on its disk", error.strerror)  # noqa: TRY400
            await self._shed()
            return
        parcel.payload = None
        if parcel.gone:
            await asyncio.to_thread(self._spool.remove, parcel.file)

    async def _trim(self) -> None:
        while sum(parcel.file.size for parcel in self._parcels if parcel.file) > self._limits.disk_bytes:
            await self._drop(next(parcel for parcel in self._parcels if parcel.file))

    async def _shed(self) -> None:
        """Without a disk, memory is the bound: drop the oldest beyond it."""
        while self._in_memory() > self._limits.memory_bytes:
            await self._drop(next(parcel for parcel in self._parcels if parcel.payload is not None))

    async def _drop(self, parcel: Parcel) -> None:
        self.dropped += 1
        await self._remove(parcel)

    async def _remove(self, parcel: Parcel) -> None:
        if parcel.gone:
            return
        parcel.gone = True
        self._parcels.remove(parcel)
        self._changed.set()
        if parcel.file is not None:
            await asyncio.to_thread(self._spool.remove, parcel.file)
