"""Remember how far each shard of each mapping has been worked off."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatehouse_local.core.store import Store
    from gatehouse_local.lambda_.mappings.planner import Record


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading goes on: after `sequence`, else at `timestamp` (epoch s), else at the oldest.

    `stream_created` tells a recreated stream of the same name from the one this was written for;
    `finished` marks a closed shard that has been read to its end.
    """

    stream_created: float
    sequence: str = ""
    timestamp: float | None = None
    finished: bool = False


class Checkpoints:
    """Keep positions in the store, by mapping and shard."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._table = store.table("lambda", "checkpoint")

    def load(self, account: str, region: str, mapping: str, shard: str) -> Position | None:
        """Return a shard's position, or None if it was never read."""
        body = self._table.get(account, region, f"{mapping}/{shard}")
        return None if body is None else Position(**body)

    def save(self, account: str, region: str, mapping: str, shard: str, position: Position) -> None:
        """Write a position; durable when it returns."""
        self._table.put(account, region, f"{mapping}/{shard}", asdict(position))

    def forget(self, account: str, region: str, mapping: str) -> None:
        """Remove every position of a deleted mapping."""
        with self._store.transaction():
            for key, _ in self._table.list(account, region, f"{mapping}/"):
                self._table.delete(account, region, key)


class Progress:
    """Follow records that finish out of order: lanes work side by side, a position has no gaps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, bool] = {}

    def begin(self, records: Iterable[Record]) -> None:
        """Note records in shard order as read and not finished."""
        with self._lock:
            self._open.update((record.sequence, False) for record in records)

    def finish(self, records: Iterable[Record]) -> str | None:
        """Note records as finished; return the sequence number up to which all now are, if it moved."""
        with self._lock:
            for record in records:
                self._open[record.sequence] = True
            reached = None
            while self._open:
                sequence, done = next(iter(self._open.items()))
                if not done:
                    break
                del self._open[sequence]
                reached = sequence
            return reached

    @property
    def unfinished(self) -> int:
        """Return how many records have been read and not (gaplessly) finished."""
        with self._lock:
            return len(self._open)
