"""Know when each data stream was made, in which mode and with how many shards, and hold to the counts."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_local.core.quotas import Quotas
    from gatehouse_local.core.store import Store

SERVICE = "kinesis"
Where = tuple[str, str]  # account and Region


@dataclass(frozen=True, slots=True)
class DataStream:
    """One stream as the quotas see it; `shards` are its open ones, 0 while it is on demand."""

    on_demand: bool
    shards: int
    created_at: float  # epoch seconds


class Streams:
    """Keep a record beside each of moto's streams. Thread-safe; kept in the store, read from memory.

    moto loses its streams only together with the store (see `moto.epoch`), so the two agree, except
    for streams that moto makes for itself (CloudFormation): those are ACTIVE at once and not counted.
    """

    def __init__(
        self, store: Store, quotas: Quotas, clock: Callable[[], float], creating_seconds: float
    ) -> None:
        self._table = store.table(SERVICE, "stream")
        self._quotas = quotas
        self._clock = clock
        self._creating = creating_seconds
        self._lock = threading.Lock()
        self._known: dict[Where, dict[str, DataStream]] = defaultdict(dict)
        for account, region, name, body in self._table.all():
            self._known[account, region][name] = DataStream(**body)

    def reserve(self, where: Where, name: str, *, on_demand: bool, shards: int) -> bool:
        """Note a stream that is about to be made; False, and nothing noted, where the name is known.

        :raises AwsError: LimitExceededException, a count is used up
        """
        with self._lock:
            if name in self._known[where]:
                return False
            self._hold_to(where, "StreamsCreating", self._creating_now(where) + 1)
            if on_demand:
                self._hold_to(where, "OnDemandStreams", self._on_demand(where) + 1)
            else:
                self._hold_to(where, "Shards", self._shards(where) + shards)
            self._write(where, name, DataStream(on_demand, 0 if on_demand else shards, self._clock()))
            return True

    def put(self, where: Where, name: str, *, on_demand: bool, shards: int) -> None:
        """Note a stream that moto has just made, whatever was known of the name."""
        with self._lock:
            self._write(where, name, DataStream(on_demand, 0 if on_demand else shards, self._clock()))

    def check_change(self, where: Where, name: str, *, on_demand: bool, shards: int) -> None:
        """Refuse a change of mode or shards that would go over a count."""
        with self._lock:
            known = self._known[where].get(name)
            if known is None:
                return
            if on_demand and not known.on_demand:
                self._hold_to(where, "OnDemandStreams", self._on_demand(where) + 1)
            if shards > known.shards:
                self._hold_to(where, "Shards", self._shards(where) + shards - known.shards)

    def change(self, where: Where, name: str, **changes: Any) -> None:
        """Note a change that moto has made; an unknown stream stays unknown."""
        with self._lock:
            known = self._known[where].get(name)
            if known is not None:
                self._write(where, name, replace(known, **changes))

    def get(self, where: Where, name: str) -> DataStream | None:
        """Return what is known of a stream."""
        with self._lock:
            return self._known[where].get(name)

    def forget(self, where: Where, name: str) -> None:
        """Drop a stream that is gone or was never made; repeating it is harmless."""
        with self._lock:
            if self._known[where].pop(name, None) is not None:
                self._table.delete(*where, name)

    def creating(self, where: Where) -> frozenset[str]:
        """Return the names of the streams that are CREATING now."""
        since = self._clock() - self._creating
        with self._lock:
            return frozenset(name for name, one in self._known[where].items() if one.created_at > since)

    def limits(self, where: Where) -> dict[str, int]:
        """Return DescribeLimits' answer."""
        with self._lock:
            return {
                "ShardLimit": self._quotas.count(SERVICE, "Shards", *where),
                "OpenShardCount": self._shards(where),
                "OnDemandStreamCount": self._on_demand(where),
                "OnDemandStreamCountLimit": self._quotas.count(SERVICE, "OnDemandStreams", *where),
            }

    def _write(self, where: Where, name: str, stream: DataStream) -> None:
        self._table.put(*where, name, asdict(stream))
        self._known[where][name] = stream

    def _hold_to(self, where: Where, quota: str, wanted: int) -> None:
        if wanted > self._quotas.count(SERVICE, quota, *where):
            raise self._quotas.exceeded(SERVICE, quota, *where)

    def _creating_now(self, where: Where) -> int:
        since = self._clock() - self._creating
        return sum(one.created_at > since for one in self._known[where].values())

    def _on_demand(self, where: Where) -> int:
        return sum(one.on_demand for one in self._known[where].values())

    def _shards(self, where: Where) -> int:
        return sum(one.shards for one in self._known[where].values())
