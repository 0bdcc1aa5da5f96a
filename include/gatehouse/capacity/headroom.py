"""Compare what a whole plan needs with what each Region has left, and say what to request."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gatehouse.capacity.demand import Demand
    from gatehouse.capacity.quotas import Quota, Quotas
    from gatehouse.office.model import Engine

RESERVE = 0.2  # requested on top of what is needed, so that the next office doesn't wait for AWS again


@dataclass(frozen=True, slots=True)
class Headroom:
    """Hold one Region's quota beside what is in use and what the plan adds to it."""

    region: str
    quota: Quota
    limit: float
    in_use: float
    needed: float
    request: int
    engines: tuple[Engine, ...]
    source: str

    @property
    def short(self) -> float:
        """Return by how much the quota is too small; 0 if it isn't."""
        return max(0.0, self.in_use + self.needed - self.limit)

    @property
    def found(self) -> str:
        """Say how the sum comes about."""
        unit = " calls/s" if ":" in self.quota.key else ""
        return (
            f"{self.quota.name} ({', '.join(self.engines)}): {self.limit:g}{unit} allowed, "
            f"{self.in_use:g} in use, {self.needed:g} needed by the plan, {self.short:g} short. "
            f"Limit by {self.source}"
        )

    @property
    def remedy(self) -> str:
        """Say what to ask AWS for, or what to do where AWS raises nothing."""
        if self.quota.fixed:
            accounts = math.ceil((self.in_use + self.needed) / self.limit)
            return f"AWS doesn't raise this quota: spread the Region's offices over {accounts} accounts"
        code = f"quota {self.quota.code}" if self.quota.code else f"the quota '{self.quota.name}'"
        return (
            f"Request {self.request} for {code} of service {self.quota.service} in {self.region} "
            f"(Service Quotas; {RESERVE:.0%} reserve included), or take offices out of the plan"
        )


def check_headroom(
    quotas: Quotas, demands: Iterable[Demand], in_use: Mapping[str, Mapping[str, float]]
) -> tuple[Headroom, ...]:
    """Return every quota the demands draw on, the short ones first, by Region.

    `in_use` is `{region: {quota key: amount}}`; what isn't listed there isn't used.
    """
    found = [row for demand in demands for row in _region(quotas, demand, in_use.get(demand.region, {}))]
    return tuple(sorted(found, key=lambda row: (row.short == 0, row.region, row.quota.key)))


def _region(quotas: Quotas, demand: Demand, in_use: Mapping[str, float]) -> Iterator[Headroom]:
    for key, needed in demand.total().items():
        if not needed:
            continue
        used = in_use.get(key, 0.0)
        yield Headroom(
            region=demand.region,
            quota=quotas.quota(key),
            limit=quotas.limit(key, demand.region),
            in_use=used,
            needed=needed,
            request=math.ceil((used + needed) * (1 + RESERVE)),
            engines=demand.engines(key),
            source=quotas.source(key, demand.region),
        )


def short(rows: Iterable[Headroom]) -> tuple[Headroom, ...]:
    """Keep what is too small."""
    return tuple(row for row in rows if row.short > 0)
