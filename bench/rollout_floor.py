"""Compute from a log of AWS calls how fast AWS's quotas let them be made at best.

Nothing of Gatehouse is imported: a planner that errs must not find its own error confirmed. What counts:

- Calls that changed something and succeeded. Reads and refused calls are left out, or a rollout that asks
  more often than it must would be given more time.
- Per Region and operation, calls per second: AWS lets a second's worth through at once, the rest one by one.
- Per Region, data streams in CREATING: so many at once, each for as long as the cloud was told to take.

The floor is the longest of these. Regions count side by side, and so do operations: that a processor can
only start once its streams are made, that a wave begins when the one before it has passed, and that
preflight proves itself first make every rollout longer, and are not taken off.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CHANGES = ("Add", "Create", "Delete", "Put", "Remove", "Start", "Stop", "Tag", "Update")
# The local cloud holds Lambda to none, AWS does: "15 requests per second, each" for the remaining control
# plane calls, docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html. Ours share one budget here.
LAMBDA_CONTROL_PER_SECOND = 15.0
THROTTLED = frozenset({"throttled", "LimitExceededException"})


@dataclass(frozen=True)
class Bound:
    """Say how long one quota alone takes."""

    region: str
    quota: str
    calls: int
    seconds: float


def changes(calls: Iterable[Mapping[str, Any]]) -> Counter[tuple[str, str, str]]:
    """Count the calls that changed something by Region, service and operation."""
    return Counter(
        (call["region"], call["service"], call["operation"])
        for call in calls
        if call["outcome"] == "ok" and call["operation"].startswith(CHANGES)
    )


def throttled(calls: Iterable[Mapping[str, Any]]) -> int:
    """Count the calls that a quota refused."""
    return sum(call["outcome"] in THROTTLED for call in calls)


def bounds(
    calls: Iterable[Mapping[str, Any]], quotas: Iterable[Mapping[str, Any]], creating_seconds: float
) -> list[Bound]:
    """Return what each quota takes for these calls, the longest first.

    `calls` and `quotas` are as the local cloud lists them.
    """
    made, limits = changes(calls), {(quota["service"], quota["name"]): quota for quota in quotas}
    found = []
    for (region, service, operation), number in made.items():
        quota = limits.get((service, operation))
        if quota is not None and quota["unit"] == "calls/s":
            seconds = _at_a_rate(number, limit_in(quota, region))
            found.append(Bound(region, f"{service}:{operation}", number, seconds))
        if (service, operation) == ("kinesis", "CreateStream"):
            at_once = limit_in(limits["kinesis", "StreamsCreating"], region)
            turns = math.ceil(number / at_once)
            found.append(Bound(region, "kinesis streams in CREATING", number, turns * creating_seconds))
    found += _lambda(made)
    return sorted(found, key=lambda bound: -bound.seconds)


def limit_in(quota: Mapping[str, Any], region: str) -> float:
    """Return a listed quota's limit in a Region, as it was changed or by AWS's default."""
    limit = float(quota["by_region"].get(region, quota["default"]))
    for change in quota["changed"]:
        if change["region"] in ("*", region):
            limit = float(change["limit"])
    return limit


def _lambda(made: Counter[tuple[str, str, str]]) -> list[Bound]:
    sums: Counter[str] = Counter()
    for (region, service, _), number in made.items():
        sums[region] += number if service == "lambda" else 0
    return [
        Bound(region, "lambda control plane", number, _at_a_rate(number, LAMBDA_CONTROL_PER_SECOND))
        for region, number in sums.items()
        if number
    ]


def _at_a_rate(number: int, per_second: float) -> float:
    return max(0.0, number - max(1.0, per_second)) / per_second
