"""Hold AWS's default quotas and refuse what goes over them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from gatehouse_local.core.errors import AwsError

_TABLE = Path(__file__).with_name("quotas.yaml")
_ANY = "*"
PER_RESOURCE = "/resource"


class QuotaSpecError(ValueError):
    """Refuse a change to a quota that the table doesn't have, or to a limit that is no number."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What AWS answers over a limit; the message may name limit, account, region and resource."""

    code: str = "ThrottlingException"
    message: str = "Rate exceeded"
    status: int = 400

    def error(self, **names: str) -> AwsError:
        """Make the error, with the names filled in."""
        return AwsError(self.code, self.message.format(**names), self.status)


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit and what a refusal says; `unit` is `calls/s`, `points/s` (of one stream) or `count`."""

    limit: float
    by_region: Mapping[str, float]
    refusal: Refusal
    unit: str

    def in_region(self, region: str) -> float:
        """Return AWS's default for the Region."""
        return self.by_region.get(region, self.limit)


@dataclass(frozen=True, slots=True)
class Table:
    """All quotas by (service, name), and by (service, operation or "") how throttling is answered.

    `unheld` says by service what AWS limits and the local cloud doesn't.
    """

    quotas: Mapping[tuple[str, str], Quota]
    throttled: Mapping[tuple[str, str], Refusal]
    unheld: Mapping[str, Mapping[str, str]]


@dataclass(slots=True)
class Bucket:
    """A token bucket that holds one second's worth of calls or points, and at least one."""

    tokens: float
    filled_at: float

    def refill(self, rate: float, now: float, cost: float = 1) -> bool:
        """Add what has flowed in since; say whether something of this cost may pass."""
        capacity = max(1.0, rate) if rate > 0 else 0.0
        self.tokens = min(capacity, self.tokens + (now - self.filled_at) * rate)
        self.filled_at = now
        return self.tokens >= cost


class Quotas:
    """Answer what a limit is and count calls against it. Thread-safe.

    A quota is named by service and operation (`rekognition`, `IndexFaces`), its share for one stream
    or shard by operation and `/resource`, a count by its own name (`FaceSearchProcessorsRunning`).
    """

    def __init__(self, table: Table, clock: Callable[[], float] = time.monotonic) -> None:
        self._table = dict(table.quotas)
        self._throttled = table.throttled
        self._unheld = table.unheld
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, ...], Bucket] = {}
        self._overrides: dict[tuple[str, str, str, str], float] = {}

    @classmethod
    def defaults(cls, clock: Callable[[], float] = time.monotonic) -> Quotas:
        """Start from AWS's defaults, as `quotas.yaml` beside this file has them."""
        return cls(_default_table(), clock)

    def configure(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Apply the `quotas` part of a config file: {service: {name: limit or {region: limit}}}."""
        for service, names in changes.items():
            for name, limit in names.items():
                by_region = limit if isinstance(limit, Mapping) else {_ANY: limit}
                for region, value in by_region.items():
                    self.set(service, name, value, region)

    def set(self, service: str, name: str, limit: float, region: str = _ANY, account: str = _ANY) -> None:
        """Change a limit from now on; raise `QuotaSpecError` for one that AWS doesn't have."""
        if (service, name) not in self._table:
            known = sorted(other for own, other in self._table if own == service)
            raise QuotaSpecError(f"no quota {service} {name}; of {service} there are {known}")
        if isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 0:
            raise QuotaSpecError(f"the limit of {service} {name} is a number from 0 up, not {limit!r}")
        with self._lock:
            self._overrides[service, name, account or _ANY, region or _ANY] = limit
            self._buckets.clear()

    def limit(self, service: str, name: str, account: str, region: str) -> float | None:
        """Return the limit in force, or None where AWS has none."""
        quota = self._table.get((service, name))
        if quota is None:
            return None
        for where in ((account, region), (account, _ANY), (_ANY, region), (_ANY, _ANY)):
            override = self._overrides.get((service, name, *where))
            if override is not None:
                return override
        return quota.in_region(region)

    def count(self, service: str, name: str, account: str, region: str) -> int:
        """Return how many of a thing may exist; the service that makes them holds to it."""
        limit = self.limit(service, name, account, region)
        if limit is None:
            raise QuotaSpecError(f"no quota {service} {name} in quotas.yaml")
        return int(limit)

    def exceeded(self, service: str, name: str, account: str, region: str, resource: str = "") -> AwsError:
        """Make the error that AWS answers with when this quota is used up."""
        limit = self.limit(service, name, account, region) or 0
        names = {"limit": f"{limit:g}", "account": account, "region": region, "resource": resource}
        return self._table[service, name].refusal.error(**names)

    def throttled(self, service: str, operation: str, account: str, region: str) -> AwsError:
        """Make the error of a call that is throttled for no quota of its own (a fault)."""
        for key in ((service, operation), (service, "")):
            if key in self._throttled:
                names = {"limit": "0", "account": account, "region": region, "resource": "-"}
                return self._throttled[key].error(**names)
        return Refusal().error()

    def acquire(self, service: str, operation: str, account: str, region: str, resource: str = "") -> None:
        """Count one call, or raise AWS's error and count nothing."""
        wanted = [(operation, "")]
        if resource:
            wanted.append((operation + PER_RESOURCE, resource))
        self._take(service, [(name, one, 1) for name, one in wanted], account, region)

    def spend(self, service: str, costs: Mapping[str, int], account: str, region: str, resource: str) -> None:
        """Take points by quota name from one stream's share, or raise AWS's error and take none."""
        self._take(service, [(name, resource, cost) for name, cost in costs.items()], account, region)

    def _take(self, service: str, wanted: Iterable[tuple[str, str, int]], account: str, region: str) -> None:
        taken: list[tuple[Bucket, int]] = []
        with self._lock:
            for name, one, cost in wanted:
                rate = self.limit(service, name, account, region)
                if rate is None:
                    continue
                bucket = self._bucket((service, name, account, region, one), rate)
                if not bucket.refill(rate, self._clock(), cost):
                    raise self.exceeded(service, name, account, region, one)
                taken.append((bucket, cost))
            for bucket, cost in taken:
                bucket.tokens -= cost

    def per_resource(self, service: str, operation: str) -> bool:
        """Say whether the operation has a share per stream or shard."""
        return (service, operation + PER_RESOURCE) in self._table

    def describe(self, service: str = "") -> list[dict[str, Any]]:
        """Return every quota with AWS's default, the Regions that differ and what was changed."""
        return [
            {
                "service": own,
                "name": name,
                "unit": quota.unit,
                "default": quota.limit,
                "by_region": dict(quota.by_region),
                "changed": [
                    {"account": account, "region": region, "limit": limit}
                    for (of, what, account, region), limit in sorted(self._overrides.items())
                    if (of, what) == (own, name)
                ],
            }
            for (own, name), quota in sorted(self._table.items())
            if service in ("", own)
        ]

    def unheld(self) -> Mapping[str, Mapping[str, str]]:
        """Return by service what AWS limits and the local cloud doesn't, and why."""
        return self._unheld

    def _bucket(self, key: tuple[str, ...], rate: float) -> Bucket:
        if key not in self._buckets:
            self._buckets[key] = Bucket(max(1.0, rate) if rate > 0 else 0.0, self._clock())
        return self._buckets[key]


@cache
def _default_table() -> Table:
    return parse_table(yaml.safe_load(_TABLE.read_text(encoding="utf-8")))


def parse_table(raw: Mapping[str, Any]) -> Table:
    """Read the table's YAML: {service: {throttled, rates, points, counts, unheld}}."""
    quotas: dict[tuple[str, str], Quota] = {}
    throttled: dict[tuple[str, str], Refusal] = {}
    for service, part in raw.items():
        common = throttled[service, ""] = Refusal(**part["throttled"])
        for row in part.get("rates", ()):
            said = _refusal(row) if "code" in row else common
            for operation in row["operations"]:
                throttled[service, operation] = said
                if "tps" in row:
                    quotas[service, operation] = Quota(row["tps"], row.get("tps_in", {}), said, "calls/s")
                if "per_resource" in row:
                    share = Quota(row["per_resource"], {}, said, "calls/s")
                    quotas[service, operation + PER_RESOURCE] = share
        for name, limit in part.get("points", {}).items():
            quotas[service, name] = Quota(limit, {}, common, "points/s")
        for name, row in part.get("counts", {}).items():
            quotas[service, name] = Quota(row["limit"], row.get("limit_in", {}), _refusal(row), "count")
    unheld = {service: part["unheld"] for service, part in raw.items() if "unheld" in part}
    return Table(quotas, throttled, unheld)


def _refusal(row: Mapping[str, Any]) -> Refusal:
    return Refusal(row["code"], row["message"], row.get("status", 400))
