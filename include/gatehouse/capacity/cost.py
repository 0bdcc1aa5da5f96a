"""Estimate what cameras cost a month, per service and Region, for both engines.

Every line tells what it is made of, so that a wrong assumption is found and not argued about.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatehouse.capacity.demand import Fleet
    from gatehouse.capacity.prices import Assumptions, Prices

KILOBYTES_PER_GB = 1e6
HOURS_PER_MONTH = 720.0  # what exists is billed round the clock (aws.md §6)
PUT_UNIT_KILOBYTES = 25


@dataclass(frozen=True, slots=True)
class CostLine:
    """Hold one service's monthly cost in one Region."""

    service: str
    region: str
    usd: float
    basis: str


@dataclass(frozen=True, slots=True)
class Cost:
    """Hold a plan's monthly cost; `estimated` names the Regions priced at another one's prices."""

    lines: tuple[CostLine, ...]
    estimated: tuple[str, ...] = ()

    @property
    def usd(self) -> float:
        """Sum everything."""
        return sum(line.usd for line in self.lines)

    def by_service(self) -> dict[str, float]:
        """Sum per service, the dearest first."""
        sums: dict[str, float] = defaultdict(float)
        for line in self.lines:
            sums[line.service] += line.usd
        return dict(sorted(sums.items(), key=lambda item: -item[1]))

    def by_region(self) -> dict[str, float]:
        """Sum per Region."""
        sums: dict[str, float] = defaultdict(float)
        for line in self.lines:
            sums[line.region] += line.usd
        return dict(sorted(sums.items()))


@dataclass(frozen=True, slots=True)
class Volume:
    """Hold what a Region's cameras make in a month."""

    stream_minutes: float = 0.0
    detections: float = 0.0
    searches: float = 0.0
    records: float = 0.0
    faces: float = 0.0
    video_gb: float = 0.0
    consumed_gb: float = 0.0
    stored_gb: float = 0.0
    shards: float = 0.0
    vectors: float = 0.0

    def __add__(self, other: Volume) -> Volume:
        return Volume(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def volume(fleet: Fleet, assumed: Assumptions) -> Volume:
    """Return what a fleet makes in a month."""
    on = fleet.cameras * assumed.seconds_per_month
    video_gb = on * assumed.megabits_per_second / 8000
    stored_gb = fleet.cameras * fleet.retention_hours * 3600 * assumed.megabits_per_second / 8000
    stored_gb *= assumed.hours_per_day / 24
    shards = fleet.record_streams * fleet.shards
    seen = assumed.motion_share * assumed.face_share * assumed.faces_per_frame
    if fleet.engine == "stream_processor":
        frames = on * assumed.stream_frames_per_second
        consumed = video_gb if assumed.rekognition_reads_are_billed else 0.0
        return Volume(
            stream_minutes=on / 60,
            records=frames,
            faces=frames * seen,
            video_gb=video_gb,
            consumed_gb=consumed,
            stored_gb=stored_gb,
            shards=shards,
            vectors=fleet.faces_enrolled,
        )
    frames = on * (fleet.frames_per_second or assumed.frames_per_second)
    return Volume(
        detections=frames * assumed.motion_share,
        searches=frames * seen,
        records=frames,  # a gated frame still is a record
        faces=frames * seen,
        video_gb=video_gb,
        consumed_gb=video_gb,
        stored_gb=stored_gb,
        shards=shards,
        vectors=fleet.faces_enrolled,
    )


def monthly_cost(fleets: Iterable[Fleet], prices: Prices, *, shared_in: str = "") -> Cost:
    """Return what the fleets cost a month.

    `shared_in` names the Region of what the company has once (OpenSearch's instances); left out, only what
    the cameras add is counted.
    """
    volumes: dict[str, Volume] = {}
    for fleet in fleets:
        made = volume(fleet, prices.assumptions)
        volumes[fleet.region] = volumes.get(fleet.region, Volume()) + made
    lines = [line for region, made in sorted(volumes.items()) for line in _lines(region, made, prices)]
    if shared_in and prices.assumptions.search_instances:
        number = prices.assumptions.search_instances
        usd = prices.of(shared_in).search_instance_hour.of(number * HOURS_PER_MONTH)
        lines.append(CostLine("OpenSearch", shared_in, usd, f"{number} instances, once per company"))
    regions = {line.region for line in lines}
    estimated = tuple(sorted(region for region in regions if prices.priced_as(region) != region))
    return Cost(tuple(line for line in lines if line.usd), estimated)


def _lines(region: str, made: Volume, prices: Prices) -> Iterator[CostLine]:
    own, assumed = prices.of(region), prices.assumptions
    yield CostLine(
        "Rekognition video",
        region,
        own.stream_minute.of(made.stream_minutes),
        f"{made.stream_minutes:,.0f} minutes of face search",
    )
    yield CostLine(
        "Rekognition image",
        region,
        own.image_detect.of(made.detections)
        + own.image_search.of(made.searches)
        + own.face_vector_month.of(made.vectors),
        f"{made.detections:,.0f} DetectFaces, {made.searches:,.0f} searches, {made.vectors:,.0f} vectors",
    )
    yield CostLine(
        "Kinesis Video",
        region,
        own.video_ingested_gb.of(made.video_gb)
        + own.video_consumed_gb.of(made.consumed_gb)
        + own.video_stored_gb_month.of(made.stored_gb),
        f"{made.video_gb:,.0f} GB in, {made.consumed_gb:,.0f} GB read, {made.stored_gb:,.0f} GB kept",
    )
    units = made.records * -(-assumed.record_kilobytes // PUT_UNIT_KILOBYTES)
    yield CostLine(
        "Kinesis Data",
        region,
        own.shard_hour.of(made.shards * HOURS_PER_MONTH) + own.put_units_million.of(units / 1e6),
        f"{made.shards:,.0f} shards, {units:,.0f} put units",
    )
    yield from _ingest_lines(region, made, prices)


def _ingest_lines(region: str, made: Volume, prices: Prices) -> Iterator[CostLine]:
    own, assumed = prices.of(region), prices.assumptions
    calls = made.records / assumed.frames_per_invocation
    gb_seconds = calls * assumed.lambda_milliseconds / 1000 * assumed.lambda_gigabytes
    yield CostLine(
        "Lambda",
        region,
        own.lambda_requests_million.of(calls / 1e6) + own.lambda_gb_second.of(gb_seconds),
        f"{calls:,.0f} invocations of {assumed.lambda_milliseconds:g} ms",
    )
    months = assumed.retention_days / assumed.days_per_month
    pictures = made.faces * assumed.evidence_share
    kept = pictures * months * assumed.evidence_kilobytes / KILOBYTES_PER_GB
    yield CostLine(
        "S3",
        region,
        own.s3_put_thousand.of(pictures / 1000) + own.s3_stored_gb_month.of(kept),
        f"{pictures:,.0f} frames stored, {kept:,.1f} GB kept",
    )
    documents = made.faces * months * assumed.document_kilobytes / KILOBYTES_PER_GB
    yield CostLine(
        "OpenSearch",
        region,
        own.search_stored_gb_month.of(documents),
        f"{documents:,.1f} GB of documents over {assumed.retention_days:g} days",
    )
