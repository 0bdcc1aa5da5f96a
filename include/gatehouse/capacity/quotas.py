"""Know the Region quotas that bind a rollout: AWS's defaults, overridden by what an account really has.

A quota has a key: `service:Operation` for calls per second (`rekognition:StopStreamProcessor`), a name for
what may exist (`shards`). Operations that share one budget share the key of the first of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gatehouse.capacity.quota_file import CountEntries, read_quota_file
from gatehouse.exceptions import ConfigError
from gatehouse.office.source import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gatehouse.capacity.quota_file import Cited, CountEntry, QuotasFile, RateEntry, Timings


@dataclass(frozen=True, slots=True)
class Quota:
    """Hold one quota; `code` is empty where AWS publishes none, `fixed` can't be raised."""

    key: str
    service: str
    name: str
    default: float
    regions: Mapping[str, float]
    code: str
    fixed: bool
    cited: Cited


@dataclass(frozen=True, slots=True)
class Quotas:
    """Answer what a Region allows; `observed` is `{(region, key): limit}` of the account itself."""

    quotas: Mapping[str, Quota]
    budgets: Mapping[str, str]
    timings: Timings
    observed: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def quota(self, key: str) -> Quota:
        """Return a quota by its key or by an operation that draws on it."""
        key = self.budgets.get(key, key)
        if key not in self.quotas:
            msg = f"No quota '{key}' in config/quotas.yaml. {nearest(key, [*self.quotas, *self.budgets])}"
            raise ConfigError(msg)
        return self.quotas[key]

    def limit(self, key: str, region: str) -> float:
        """Return the limit in force in a Region."""
        quota = self.quota(key)
        return self.observed.get((region, quota.key), quota.regions.get(region, quota.default))

    def count(self, key: str, region: str) -> int:
        """Return how many there may be in a Region."""
        return int(self.limit(key, region))

    def with_observed(self, region: str, limits: Mapping[str, float]) -> Quotas:
        """Override a Region's limits by what Service Quotas says; keys are quota keys or quota codes."""
        by_code = {quota.code: quota.key for quota in self.quotas.values() if quota.code}
        seen = {(region, self.quota(by_code.get(key, key)).key): limit for key, limit in limits.items()}
        return replace(self, observed={**self.observed, **seen})

    def source(self, key: str, region: str) -> str:
        """Say where a limit comes from."""
        quota = self.quota(key)
        if (region, quota.key) in self.observed:
            return "Service Quotas"
        return f"AWS's default ({quota.cited.cite}, read {quota.cited.read})"


def load_quotas(root: Path) -> Quotas:
    """Read quotas.yaml of a configuration folder; raise one ConfigError that lists everything wrong in it."""
    parsed = read_quota_file(root)
    rates = list(_rates(parsed))
    quotas = {quota.key: quota for quota in (*rates, *_counts(parsed))}
    return Quotas(quotas, dict(_budgets(parsed)), parsed.timings_seconds)


def _entries(file: QuotasFile) -> Iterator[tuple[str, RateEntry]]:
    for service, entries in file.rates.items():
        for entry in entries:
            yield service, entry


def _rates(file: QuotasFile) -> Iterator[Quota]:
    for service, entry in _entries(file):
        for operation in entry.operations[:1] if entry.shared else entry.operations:
            yield Quota(
                key=f"{service}:{operation}",
                service=service,
                name=", ".join(entry.operations) if entry.shared else operation,
                default=entry.per_second,
                regions=entry.regions,
                code=entry.codes.get(operation, ""),
                fixed=entry.fixed,
                cited=file.sources[entry.source],
            )


def _budgets(file: QuotasFile) -> Iterator[tuple[str, str]]:
    """Yield every operation with the key of the quota that it draws on."""
    for service, entry in _entries(file):
        for operation in entry.operations:
            own = entry.operations[0] if entry.shared else operation
            yield f"{service}:{operation}", f"{service}:{own}"


def _counts(file: QuotasFile) -> Iterator[Quota]:
    for key in CountEntries.model_fields:
        entry: CountEntry = getattr(file.counts, key)
        cited = file.sources[entry.source]
        limit, code = float(entry.limit), entry.code or ""
        yield Quota(key, entry.service, entry.name, limit, entry.regions, code, entry.fixed, cited)
