"""Simulate fleets of up to 10,000 cameras over accounts and Regions: what breaks first, how long, what cost.

Everything is computed for all sizes or all cameras at once. A rollout is simulated camera by camera: every
operation lets as many calls start within a second as its quota allows, only so many data streams are in
CREATING at a time, and a camera's next step waits for its last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gatehouse.capacity.cost import monthly_cost
from gatehouse.capacity.demand import Fleet, fleet_needs
from gatehouse.capacity.headroom import RESERVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from gatehouse.capacity.prices import Prices
    from gatehouse.capacity.quotas import Quota, Quotas
    from gatehouse.office.model import Engine

    Times = npt.NDArray[np.float64]

CAMERAS_PER_OFFICE = 25
LARGEST = 10_000
SIZES = (10, 50, 100, 300, 1000, 3000, LARGEST)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Spread cameras evenly over accounts and Regions, all with one engine."""

    name: str
    engine: Engine
    accounts: int
    regions: tuple[str, ...]

    @property
    def places(self) -> int:
        """Count the accounts' Regions; each has its own quotas."""
        return self.accounts * len(self.regions)


@dataclass(frozen=True, slots=True)
class Break:
    """Say from how many cameras of the company on a quota is too small, and what the largest fleet needs."""

    cameras: int
    regions: tuple[str, ...]
    quota: Quota
    limit: float
    needed: float
    accounts: int

    @property
    def remedy(self) -> str:
        """Say which value to request, or over how many accounts to spread."""
        spread = f"{self.accounts} accounts at AWS's default"
        if self.quota.fixed:
            return f"can't be raised: {spread}"
        name = self.quota.code or self.quota.name
        return f"raise {name} to {math.ceil(self.needed * (1 + RESERVE)):,} or {spread}"


@dataclass(frozen=True, slots=True)
class Size:
    """Hold what a fleet of one size takes and costs, its counts being granted and call rates default."""

    cameras: int
    rollout_seconds: float
    removal_seconds: float
    usd: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold what a scenario comes to; `breaks` in the order in which a growing fleet meets them."""

    scenario: Scenario
    breaks: tuple[Break, ...]
    sizes: tuple[Size, ...]


def simulate(scenario: Scenario, quotas: Quotas, prices: Prices, sizes: Sequence[int] = SIZES) -> Outcome:
    """Grow a scenario to its largest size."""
    return Outcome(
        scenario,
        _grouped(_breaks(scenario, quotas, prices, max(sizes))),
        tuple(_size(scenario, quotas, prices, cameras) for cameras in sizes),
    )


def _breaks(scenario: Scenario, quotas: Quotas, prices: Prices, largest: int) -> list[Break]:
    company = np.arange(1, largest + 1)
    here = np.ceil(company / scenario.places)
    found = []
    for region in scenario.regions:
        # The fullest of a Region's accounts; arrays stand for the numbers of all sizes at once.
        offices = cast("Any", np.ceil(here / CAMERAS_PER_OFFICE))
        fleet = Fleet(region, scenario.engine, cast("Any", here), offices)
        for key, needed in fleet_needs(fleet, prices.assumptions.sampling).items():
            limit, needs = quotas.limit(key, region), np.asarray(needed, dtype=float)
            over = needs > limit
            if over.any():
                accounts = math.ceil(needs[-1] * scenario.accounts / limit)
                first = int(company[int(over.argmax())])
                found.append(Break(first, (region,), quotas.quota(key), limit, float(needs[-1]), accounts))
    return found


def _grouped(breaks: Iterable[Break]) -> tuple[Break, ...]:
    """Put the Regions together in which the same breaks at the same size, and sort by that size."""
    groups: dict[tuple[int, str], Break] = {}
    for found in breaks:
        key = (found.cameras, found.quota.key)
        regions = groups[key].regions if key in groups else ()
        groups[key] = replace(found, regions=(*regions, *found.regions))
    return tuple(sorted(groups.values(), key=lambda found: found.cameras))


def _size(scenario: Scenario, quotas: Quotas, prices: Prices, cameras: int) -> Size:
    here = math.ceil(cameras / scenario.places)
    shares = _shares(cameras, len(scenario.regions))
    fleets = [
        Fleet(region, scenario.engine, share, math.ceil(share / CAMERAS_PER_OFFICE))
        for region, share in zip(scenario.regions, shares, strict=True)
    ]
    return Size(
        cameras,
        max(rollout_seconds(quotas, region, scenario.engine, here) for region in scenario.regions),
        max(removal_seconds(quotas, region, scenario.engine, here) for region in scenario.regions),
        monthly_cost(fleets, prices, shared_in=scenario.regions[0]).usd,
    )


def _shares(cameras: int, regions: int) -> list[int]:
    return [cameras // regions + (index < cameras % regions) for index in range(regions)]


def paced(ready: Times, at_once: int, seconds: float) -> Times:
    """Return when each starts if only so many may start, or be under way, within so many seconds.

    First come, first served: `ready` is sorted, and so is what is returned.
    """
    turns = -(-len(ready) // at_once)
    grid = np.full(turns * at_once, np.inf)
    grid[: len(ready)] = ready
    waited = (np.arange(turns) * seconds)[:, None]
    starts = np.maximum.accumulate(grid.reshape(turns, at_once) - waited, axis=0) + waited
    return cast("Times", starts.ravel()[: len(ready)])


def rollout_seconds(quotas: Quotas, region: str, engine: Engine, cameras: int) -> float:
    """Return how long one Region's cameras take from nothing to proved."""
    timings = quotas.timings
    offices = math.ceil(cameras / CAMERAS_PER_OFFICE)
    streams = cameras if engine == "stream_processor" else offices

    def call(ready: Times, operation: str) -> Times:
        return paced(np.sort(ready), max(1, int(quotas.limit(operation, region))), 1.0)

    video = call(np.zeros(cameras), "kinesisvideo:CreateStream") + timings.video_stream_creating
    creating = paced(
        call(np.zeros(streams), "kinesis:CreateStream"),
        quotas.count("streams_creating", region),
        timings.record_stream_creating,
    )
    records = creating + timings.record_stream_creating
    mapped = call(records, "lambda:CreateEventSourceMapping") + timings.mapping_enabling
    if engine == "frame_search":
        connected = np.maximum(video, mapped[np.arange(cameras) // CAMERAS_PER_OFFICE])
        return float(connected.max() + timings.media_flowing + timings.proof)
    made = call(np.maximum(video, records), "rekognition:CreateStreamProcessor")
    flowing = np.maximum(mapped, made) + timings.media_flowing
    running = call(flowing, "rekognition:StartStreamProcessor") + timings.processor_starting
    return float(running.max() + timings.proof)


def removal_seconds(quotas: Quotas, region: str, engine: Engine, cameras: int) -> float:
    """Return how long it takes to take one Region's cameras down again."""
    streams = cameras if engine == "stream_processor" else math.ceil(cameras / CAMERAS_PER_OFFICE)

    def call(ready: Times, operation: str) -> Times:
        return paced(np.sort(ready), max(1, int(quotas.limit(operation, region))), 1.0)

    free = np.zeros(streams)
    if engine == "stream_processor":
        stopped = call(free, "rekognition:StopStreamProcessor") + quotas.timings.processor_stopping
        free = call(stopped, "rekognition:DeleteStreamProcessor")
    unmapped = call(free, "lambda:DeleteEventSourceMapping")
    gone = call(unmapped, "kinesis:DeleteStream")
    video = call(np.zeros(cameras), "kinesisvideo:DeleteStream")
    return float(max(gone.max(), video.max()))
