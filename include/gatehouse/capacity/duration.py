"""Predict how long a rollout takes: no faster than AWS takes calls, creates, starts and we bake.

A wave's Region goes through stages; a stage lasts as long as its slowest quota or its slowest resource. The
Regions of a wave work side by side, the waves one after another. It is a floor: what throttles, fails or is
retried comes on top. It is never what the benchmark judges by.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gatehouse.capacity.quotas import Quotas

RECORD_STREAM_CREATED = "kinesis:CreateStream"


@dataclass(frozen=True, slots=True)
class Stage:
    """Hold one stage's calls (`{service:Operation: number}`) and how long its slowest resource takes."""

    name: str
    calls: Mapping[str, int]
    settles_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StageTime:
    """Say how long a stage lasts and what makes it last."""

    name: str
    seconds: float
    because: str


@dataclass(frozen=True, slots=True)
class RegionTime:
    """Say how long one Region's part of a wave lasts, without the bake."""

    region: str
    stages: tuple[StageTime, ...] = ()

    @property
    def seconds(self) -> float:
        """Sum the stages."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def slowest(self) -> StageTime | None:
        """Return the stage that takes longest."""
        return max(self.stages, key=lambda stage: stage.seconds, default=None)


@dataclass(frozen=True, slots=True)
class WaveTime:
    """Say how long a wave lasts: its slowest Region, then the bake."""

    name: str
    regions: tuple[RegionTime, ...] = field(default_factory=tuple)
    bake_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """Return the whole wave's length."""
        return max((region.seconds for region in self.regions), default=0.0) + self.bake_seconds


def region_time(quotas: Quotas, region: str, stages: Iterable[Stage]) -> RegionTime:
    """Predict one Region's part of a wave; stages without calls and without settling are left out."""
    times = (_stage_time(quotas, region, stage) for stage in stages)
    return RegionTime(region, tuple(time for time in times if time.seconds))


def wave_time(
    quotas: Quotas, name: str, stages: Mapping[str, Sequence[Stage]], bake_seconds: float
) -> WaveTime:
    """Predict a wave from its Regions' stages."""
    regions = tuple(region_time(quotas, region, own) for region, own in sorted(stages.items()))
    return WaveTime(name, regions, bake_seconds if stages else 0.0)


def calls_seconds(quotas: Quotas, region: str, calls: Mapping[str, int]) -> tuple[float, str]:
    """Return how long the slowest budget takes for these calls, and which one that is.

    AWS lets one second's worth through at once, so the first of them cost nothing.
    """
    budgets: Counter[str] = Counter()
    for operation, number in calls.items():
        budgets[quotas.quota(operation).key] += number
    slowest, because = 0.0, ""
    for key, number in budgets.items():
        per_second = quotas.limit(key, region)
        seconds = max(0.0, number - max(1.0, per_second)) / per_second
        if seconds > slowest:
            slowest, because = seconds, f"{number} {key} at {per_second:g}/s"
    return slowest, because


def creating_seconds(quotas: Quotas, region: str, streams: int) -> float:
    """Return how long data streams take when only some may be in CREATING at once."""
    turns = math.ceil(streams / quotas.count("streams_creating", region))
    return turns * quotas.timings.record_stream_creating


def _stage_time(quotas: Quotas, region: str, stage: Stage) -> StageTime:
    seconds, because = calls_seconds(quotas, region, stage.calls)
    seconds += stage.settles_seconds
    because = because or "waiting for AWS"
    streams = stage.calls.get(RECORD_STREAM_CREATED, 0)
    if (creating := creating_seconds(quotas, region, streams)) > seconds:
        allowed = quotas.count("streams_creating", region)
        seconds, because = creating, f"{streams} data streams, {allowed} in CREATING at once"
    return StageTime(stage.name, seconds, because)


def in_words(seconds: float) -> str:
    """Write a duration as people say it: `45 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
