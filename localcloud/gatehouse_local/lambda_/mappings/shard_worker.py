"""Poll one shard of one mapping: a reader thread and one thread a lane."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatehouse_local.lambda_.mappings.buffer import Batching, LaneBuffer
from gatehouse_local.lambda_.mappings.checkpoint import Position, Progress
from gatehouse_local.lambda_.mappings.lane import Lane, LaneParts

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_local.lambda_.mappings.lane import Backoff
    from gatehouse_local.lambda_.mappings.planner import Record
    from gatehouse_local.lambda_.mappings.reader import ShardReader

log = logging.getLogger(__name__)
# Records read and not finished, at least: a lane that is stuck on a poison record keeps the others going
# until this many wait behind it.
READ_AHEAD = 2000


class Pace:
    """Choose the pause between reads: short while records come, longer while the shard is idle."""

    def __init__(self, busy: float, idle: float) -> None:
        self._busy, self._idle = busy, idle
        self._pause = busy

    def after(self, found: bool) -> float:
        """Return the pause (s) after a read that found records or none."""
        self._pause = self._busy if found else min(self._idle, self._pause * 1.25)
        return self._pause


class ShardWorker:
    """Bring a shard's records to the function in order; `position` moves as they finish.

    Reading ahead is bounded, so a slow function slows the reading.
    """

    def __init__(
        self,
        reader: ShardReader,
        batching: Batching,
        pace: Pace,
        backoff: Backoff,
        position: Position,
        save: Callable[[Position], None],
        lane_parts: Callable[[threading.Event, Callable[[tuple[Record, ...]], None]], LaneParts],
        troubled: Callable[[], None],
    ) -> None:
        self._reader, self._batching, self._pace, self._backoff = reader, batching, pace, backoff
        self._position, self._save, self._troubled = position, save, troubled
        self._stop = threading.Event()
        self._buffer = LaneBuffer(batching)
        self._progress = Progress()
        self._room = threading.Condition()
        lanes = [Lane(lane_parts(self._stop, self._finish)) for _ in range(batching.lanes)]
        self._lanes = [
            threading.Thread(target=self._run_lane, args=(index, lane), daemon=True, name="lambda-lane")
            for index, lane in enumerate(lanes)
        ]
        self._thread = threading.Thread(target=self._read, daemon=True, name="lambda-shard")

    def start(self) -> None:
        """Start reading."""
        for thread in (*self._lanes, self._thread):
            thread.start()

    def stop(self) -> None:
        """Ask every thread to end after the invocation it is in."""
        self._stop.set()
        self._buffer.close()
        with self._room:
            self._room.notify_all()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the threads; say whether all have ended."""
        for thread in (self._thread, *self._lanes):
            thread.join(timeout)
        return not self.alive

    @property
    def alive(self) -> bool:
        """Tell whether any thread still runs."""
        return any(thread.is_alive() for thread in (self._thread, *self._lanes))

    def _read(self) -> None:
        failures = 0
        while not self._stop.is_set() and self._wait_for_room():
            try:
                page = self._reader.read()
            except (ClientError, BotoCoreError) as error:
                failures += 1
                if failures == 1:
                    log.warning("reading a shard failed and is being retried: %s", error)
                self._reader.reopen()
                self._troubled()
                self._stop.wait(self._backoff.pause(failures))
                continue
            failures = 0
            self._progress.begin(page.records)
            self._buffer.offer(page.records)
            if page.closed:
                self._finish_shard()
                return
            self._stop.wait(self._pace.after(bool(page.records)))

    def _finish_shard(self) -> None:
        """Let the lanes work off what is left of a closed shard, then note that it is done."""
        self._buffer.flush()
        for thread in self._lanes:
            thread.join()
        if not self._progress.unfinished:
            self._position = replace(self._position, finished=True)
            self._save(self._position)
            self._troubled()

    def _run_lane(self, index: int, lane: Lane) -> None:
        try:
            while (batch := self._buffer.take(index)) is not None:
                lane.work(batch)
        except BaseException:
            # A defect of ours must not freeze a shard: the mapping starts anew from the checkpoint.
            self.stop()
            self._troubled()
            raise

    def _finish(self, records: tuple[Record, ...]) -> None:
        """Move the position as far as everything before it has finished."""
        with self._room:
            reached = self._progress.finish(records)
            if reached is not None:
                self._position = replace(self._position, sequence=reached)
                self._save(self._position)
            self._room.notify_all()

    def _wait_for_room(self) -> bool:
        """Wait while enough is read ahead; False when told to stop."""
        most = max(READ_AHEAD, 2 * self._batching.size * self._batching.lanes)
        with self._room:
            self._room.wait_for(lambda: self._stop.is_set() or self._progress.unfinished < most)
        return not self._stop.is_set()
