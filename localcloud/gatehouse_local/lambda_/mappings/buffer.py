"""Hold records between a shard's reader and the lanes that invoke the function."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse_local.lambda_.mappings.planner import Batch, Record, cut, lane_of

if TYPE_CHECKING:
    from collections.abc import Sequence

PAYLOAD_LIMIT = 6 * 1024 * 1024  # bytes of one invocation


@dataclass(frozen=True, slots=True)
class Batching:
    """How records are gathered: at most `size` a batch, waiting up to `window` seconds, in `lanes`."""

    size: int
    window: float
    lanes: int


class LaneBuffer:
    """Queue records per lane and give out batches that are full or have waited long enough."""

    def __init__(self, batching: Batching) -> None:
        self._batching = batching
        self._changed = threading.Condition()
        self._queues: list[deque[Record]] = [deque() for _ in range(batching.lanes)]
        self._since: list[float] = [0.0] * batching.lanes
        self._flush = self._closed = False

    def offer(self, records: Sequence[Record]) -> None:
        """Add records in shard order."""
        with self._changed:
            for record in records:
                lane = lane_of(record, self._batching.lanes)
                if not self._queues[lane]:
                    self._since[lane] = time.monotonic()
                self._queues[lane].append(record)
            self._changed.notify_all()

    def take(self, lane: int) -> Batch | None:
        """Wait for the lane's next batch; None once the buffer is closed, or flushed and empty."""
        with self._changed:
            while not self._closed:
                wait = self._wait(lane)
                if wait is not None and wait <= 0:
                    return self._cut(lane)
                if self._flush and not self._queues[lane]:
                    return None
                self._changed.wait(wait)
            return None

    def flush(self) -> None:
        """Give out what is left without waiting for more: the shard has ended."""
        with self._changed:
            self._flush = True
            self._changed.notify_all()

    def close(self) -> None:
        """Give out nothing more; what is queued is read again from the checkpoint."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _wait(self, lane: int) -> float | None:
        """Return seconds until the lane's batch is due (0: now), None while there is none."""
        queue = self._queues[lane]
        if not queue:
            return None
        full = len(queue) >= self._batching.size or self._flush
        if full or cut(tuple(queue), len(queue), PAYLOAD_LIMIT) < len(queue):
            return 0.0
        return self._since[lane] + self._batching.window - time.monotonic()

    def _cut(self, lane: int) -> Batch:
        queue = self._queues[lane]
        count = cut(tuple(queue), self._batching.size, PAYLOAD_LIMIT)
        self._since[lane] = time.monotonic()
        return Batch(tuple(queue.popleft() for _ in range(count)))
