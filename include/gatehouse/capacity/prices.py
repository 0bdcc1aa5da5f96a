"""Say what config/prices.yaml may contain, and read it: prices with their sources, and named assumptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from gatehouse.capacity.demand import Sampling
from gatehouse.capacity.quota_file import Cited, Region, StrictConfig, Text
from gatehouse.office.source import Problem, Source, nearest, parse, read_source, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Amount = Annotated[float, Field(ge=0, strict=False)]
Positive = Annotated[float, Field(gt=0, strict=False)]
Share = Annotated[float, Field(ge=0, le=1, strict=False)]


class Tier(StrictConfig):
    """Price the `first` so many units, or all that are left."""

    price: Amount
    first: Annotated[int, Field(ge=1)] | None = None


class Price(StrictConfig):
    """Price a unit, flat or in tiers per month."""

    source: Text
    price: Amount | None = None
    tiers: Annotated[tuple[Tier, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.price is None) == (not self.tiers):
            msg = "give either price or tiers"
            raise ValueError(msg)
        if self.tiers and [tier.first is None for tier in self.tiers] != [False] * (len(self.tiers) - 1) + [
            True
        ]:
            msg = "every tier but the last has 'first', the last has none"
            raise ValueError(msg)
        return self

    def of(self, units: float) -> float:
        """Return what so many units of one month cost."""
        if self.price is not None:
            return units * self.price
        total, left = 0.0, units
        for tier in self.tiers:
            here = left if tier.first is None else min(left, tier.first)
            total, left = total + here * tier.price, left - here
        return total


class RegionPrices(StrictConfig):
    """Name everything that a rollout is charged for in a Region."""

    stream_minute: Price
    image_search: Price
    image_detect: Price
    face_vector_month: Price
    video_ingested_gb: Price
    video_consumed_gb: Price
    video_stored_gb_month: Price
    shard_hour: Price
    put_units_million: Price
    lambda_requests_million: Price
    lambda_gb_second: Price
    s3_put_thousand: Price
    s3_stored_gb_month: Price
    search_instance_hour: Price
    search_stored_gb_month: Price


class Assumptions(StrictConfig):
    """Say what cameras see and how they are set up, on average unless named otherwise."""

    hours_per_day: Annotated[float, Field(gt=0, le=24, strict=False)]
    days_per_month: Annotated[float, Field(gt=0, le=31, strict=False)]
    megabits_per_second: Positive
    stream_frames_per_second: Positive
    frames_per_second: Positive
    motion_share: Share
    face_share: Share
    faces_per_frame: Positive
    peak_motion_share: Share
    peak_face_share: Share
    rekognition_reads_are_billed: bool
    record_kilobytes: Positive
    lambda_milliseconds: Positive
    lambda_gigabytes: Positive
    frames_per_invocation: Positive
    document_kilobytes: Positive
    evidence_share: Share
    evidence_kilobytes: Positive
    retention_days: Positive
    search_instances: Annotated[int, Field(ge=0)]

    @property
    def sampling(self) -> Sampling:
        """Return what frame_search asks of the Image API when it is busiest."""
        return Sampling(
            self.frames_per_second, self.peak_motion_share, self.peak_face_share, self.faces_per_frame
        )

    @property
    def seconds_per_month(self) -> float:
        """Return how long a camera is on in a month."""
        return self.hours_per_day * 3600 * self.days_per_month


class Prices(StrictConfig):
    """Hold config/prices.yaml."""

    currency: Text
    base: Region
    sources: dict[str, Cited]
    regions: Annotated[dict[Region, RegionPrices], Field(min_length=1)]
    assumptions: Assumptions

    def priced_as(self, region: str) -> str:
        """Return the Region whose prices are used for a Region."""
        return region if region in self.regions else self.base

    def of(self, region: str) -> RegionPrices:
        """Return a Region's prices, or those of the base Region."""
        return self.regions[self.priced_as(region)]


def load_prices(root: Path) -> Prices:
    """Read prices.yaml of a configuration folder; raise one ConfigError that lists everything wrong in it."""
    source = read_source(root / "prices.yaml", f"{root.name}/prices.yaml")
    prices, problems = parse(source, Prices)
    if prices is not None:
        problems = list(_slips(prices, source))
    refuse(problems)
    if prices is None:
        raise AssertionError  # pragma: no cover - a missing model always has a problem
    return prices


def _slips(prices: Prices, source: Source) -> Iterator[Problem]:
    if prices.base not in prices.regions:
        hint = nearest(prices.base, prices.regions)
        yield source.problem(("base",), f"base Region '{prices.base}' has no prices. {hint}")
    for region, of_region in prices.regions.items():
        for name in RegionPrices.model_fields:
            named = getattr(of_region, name).source
            if named not in prices.sources:
                place = ("regions", region, name, "source")
                yield source.problem(place, f"unknown source '{named}'. {nearest(named, prices.sources)}")
