"""Say beforehand what a rollout takes, costs and affects, per office, wave and Region."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gatehouse.capacity.cost import monthly_cost
from gatehouse.capacity.demand import Demand, Fleet, image_calls
from gatehouse.capacity.duration import Stage, wave_time
from gatehouse.capacity.headroom import check_headroom

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gatehouse.capacity.cost import Cost
    from gatehouse.capacity.duration import WaveTime
    from gatehouse.capacity.headroom import Headroom
    from gatehouse.capacity.prices import Prices
    from gatehouse.capacity.quota_file import Timings
    from gatehouse.capacity.quotas import Quotas
    from gatehouse.office.model import Engine
    from gatehouse.rollout.action import Action
    from gatehouse.rollout.plan import OfficePlan
    from gatehouse.rollout.resources import DesiredOffice
    from gatehouse.rollout.waves import FrozenWave

# What one action calls beside waiting; the order of the stages is that of the work.
CALLS: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "create_collection": ("streams", {"rekognition:CreateCollection": 1}),
    "create_video_stream": ("streams", {"kinesisvideo:CreateStream": 1}),
    "change_retention": (
        "streams",
        {"kinesisvideo:DescribeStream": 1, "kinesisvideo:UpdateDataRetention": 1},
    ),
    "create_record_stream": ("streams", {"kinesis:CreateStream": 1}),
    "create_mapping": ("connections", {"lambda:CreateEventSourceMapping": 1}),
    "change_mapping": ("connections", {"lambda:UpdateEventSourceMapping": 1}),
    "create_processor": (
        "connections",
        {"rekognition:CreateStreamProcessor": 1, "rekognition:DescribeStreamProcessor": 1},
    ),
    "replace_processor": (
        "connections",
        {
            "rekognition:StopStreamProcessor": 1,
            "rekognition:DeleteStreamProcessor": 1,
            "rekognition:CreateStreamProcessor": 1,
            "rekognition:DescribeStreamProcessor": 1,
        },
    ),
    "remove_processor": (
        "removal",
        {"rekognition:StopStreamProcessor": 1, "rekognition:DeleteStreamProcessor": 1},
    ),
    "remove_mapping": ("removal", {"lambda:DeleteEventSourceMapping": 1}),
    "remove_record_stream": ("removal", {"kinesis:DeleteStream": 1}),
}
STAGES = ("look", "streams", "connections", "media", "start", "proof", "removal")
LOOK = {
    "kinesisvideo:DescribeStream": 1,
    "kinesis:DescribeStreamSummary": 1,
    "rekognition:DescribeStreamProcessor": 1,
}


@dataclass(frozen=True, slots=True)
class OfficeForecast:
    """Say what one office's plan affects and costs a month, now and after it."""

    office: str
    region: str
    engine: Engine
    cameras: int
    people: int
    zones: tuple[str, ...]
    usd_now: float
    usd: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Hold what a whole rollout takes; `cost` is of its offices after it."""

    offices: tuple[OfficeForecast, ...]
    waves: tuple[WaveTime, ...]
    cost: Cost
    headroom: tuple[Headroom, ...]

    @property
    def seconds(self) -> float:
        """Return how long all waves last, one after another."""
        return sum(wave.seconds for wave in self.waves)

    @property
    def usd_now(self) -> float:
        """Return what the offices cost a month today."""
        return sum(office.usd_now for office in self.offices)

    @property
    def people(self) -> int:
        """Return how many enrolled people the offices' cameras know."""
        return sum(office.people for office in self.offices)


def forecast(
    plans: Mapping[str, OfficePlan],
    desired: Mapping[str, DesiredOffice],
    waves: Sequence[FrozenWave],
    quotas: Quotas,
    prices: Prices,
    *,
    people: Mapping[str, int],
    in_use: Mapping[str, Mapping[str, float]],
) -> Forecast:
    """Forecast a rollout; `people` are enrolled faces per office, `in_use` is per Region and quota key."""
    offices = tuple(
        _office(plans[name], desired[name], prices, people.get(name, 0)) for name in sorted(plans)
    )
    after = [_fleet(desired[name], len(desired[name].cameras), people.get(name, 0)) for name in sorted(plans)]
    times = tuple(_wave(wave, plans, desired, quotas) for wave in waves)
    needs = demand(plans, desired, prices)
    headroom = check_headroom(quotas, needs.values(), _with_searches(in_use, plans, desired, prices))
    return Forecast(offices, times, monthly_cost(after, prices), headroom)


def demand(
    plans: Mapping[str, OfficePlan], desired: Mapping[str, DesiredOffice], prices: Prices
) -> dict[str, Demand]:
    """Return what the whole plan adds in every Region, removals not counted: both engines run for a while."""
    sums: dict[str, dict[Engine, Counter[str]]] = {}
    for name, plan in plans.items():
        office = desired[name]
        counter = sums.setdefault(office.region, {}).setdefault(office.engine, Counter())
        counter.update(_added(plan, office, prices))
    return {
        region: Demand(region, {engine: dict(needs) for engine, needs in engines.items()})
        for region, engines in sums.items()
    }


def _added(plan: OfficePlan, office: DesiredOffice, prices: Prices) -> dict[str, float]:
    kinds = Counter(action.kind for action in plan.actions)
    searches = _searches(office, kinds["create_analysis"], prices)
    return {
        "video_streams": kinds["create_video_stream"],
        "shards": kinds["create_record_stream"] * office.shards,
        "lambda_concurrency": kinds["create_mapping"] * office.shards * office.mapping.parallelization_factor,
        "stream_processors": kinds["create_processor"],
        "face_search_processors": plan.starts,
        **searches,
    }


def _searches(office: DesiredOffice, cameras: int, prices: Prices) -> dict[str, float]:
    sampling = replace(prices.assumptions.sampling, frames_per_second=office.frames_per_second)
    return image_calls(cameras, sampling)


def _with_searches(
    in_use: Mapping[str, Mapping[str, float]],
    plans: Mapping[str, OfficePlan],
    desired: Mapping[str, DesiredOffice],
    prices: Prices,
) -> dict[str, Counter[str]]:
    """Add the Image API's calls of the cameras that are analysed already: AWS doesn't tell them."""
    used = {region: Counter(dict(amounts)) for region, amounts in in_use.items()}
    for name, plan in plans.items():
        office = desired[name]
        kept = plan.kept.get("analysis", 0) + sum(a.kind == "replace_analysis" for a in plan.actions)
        used.setdefault(office.region, Counter()).update(_searches(office, kept, prices))
    return used


def _office(plan: OfficePlan, office: DesiredOffice, prices: Prices, people: int) -> OfficeForecast:
    touched = {action.camera_id for action in plan.actions if action.camera_id}
    zones = {office.zones.get(camera_id, "") for camera_id in touched} - {""}
    now = [fleet for fleet in _fleets_now(plan, office) if fleet.cameras]
    now[:1] = [replace(fleet, faces_enrolled=people) for fleet in now[:1]]
    return OfficeForecast(
        office=office.office,
        region=office.region,
        engine=office.engine,
        cameras=len(office.cameras),
        people=people,
        zones=tuple(sorted(zones)),
        usd_now=monthly_cost(now, prices).usd,
        usd=monthly_cost([_fleet(office, len(office.cameras), people)], prices).usd,
    )


def _fleet(office: DesiredOffice, cameras: int, people: int) -> Fleet:
    return Fleet(
        region=office.region,
        engine=office.engine,
        cameras=cameras,
        shards=office.shards,
        parallelization=office.mapping.parallelization_factor,
        retention_hours=office.retention_hours,
        faces_enrolled=people,
        frames_per_second=office.frames_per_second,
    )


def _fleets_now(plan: OfficePlan, office: DesiredOffice) -> tuple[Fleet, Fleet]:
    """Return what runs today, as far as the plan tells: what it keeps, replaces or removes."""
    kinds = Counter(action.kind for action in plan.actions)
    streamed = plan.kept.get("processor", 0) + kinds["replace_processor"] + kinds["remove_processor"]
    searched = plan.kept.get("analysis", 0) + kinds["replace_analysis"] + kinds["remove_analysis"]
    fleet = _fleet(office, 0, 0)
    return (
        replace(fleet, engine="stream_processor", cameras=streamed),
        replace(fleet, engine="frame_search", cameras=searched),
    )


def _wave(
    wave: FrozenWave,
    plans: Mapping[str, OfficePlan],
    desired: Mapping[str, DesiredOffice],
    quotas: Quotas,
) -> WaveTime:
    regions: dict[str, list[tuple[int, tuple[Action, ...]]]] = {}
    changes = False
    for office in (name for name in wave.offices if name in plans):
        cameras = {camera for unit in wave.units if unit.office == office for camera in unit.cameras}
        actions = plans[office].part(cameras, last=True)
        changes = changes or bool(actions)
        regions.setdefault(desired[office].region, []).append((len(cameras), actions))
    stages = {region: region_stages(work, quotas.timings) for region, work in regions.items()}
    return wave_time(quotas, wave.name, stages, wave.bake_seconds if changes else 0)


def region_stages(work: Iterable[tuple[int, Sequence[Action]]], timings: Timings) -> tuple[Stage, ...]:
    """Return the stages of one Region's part of a wave: `(cameras, actions)` of each office."""
    calls: dict[str, Counter[str]] = {name: Counter() for name in STAGES}
    kinds: Counter[str] = Counter()
    for cameras, actions in work:
        calls["look"].update({operation: number * cameras for operation, number in LOOK.items()})
        kinds.update(action.kind for action in actions)
    for kind, number in kinds.items():
        if kind in CALLS:
            stage, each = CALLS[kind]
            calls[stage].update({operation: times * number for operation, times in each.items()})
    started = kinds["create_processor"] + kinds["replace_processor"]
    calls["start"].update({"rekognition:StartStreamProcessor": started} if started else {})
    return tuple(Stage(name, dict(calls[name]), _settles(name, kinds, timings)) for name in STAGES)


def _settles(stage: str, kinds: Counter[str], timings: Timings) -> float:
    """Return how long a stage's slowest resource takes after its call."""
    building = any(kind.startswith(("create", "replace", "switch")) for kind in kinds)
    waits = {
        "streams": timings.video_stream_creating if kinds["create_video_stream"] else 0.0,
        "connections": max(
            timings.mapping_enabling if kinds["create_mapping"] else 0.0,
            timings.processor_stopping if kinds["replace_processor"] else 0.0,
        ),
        "media": timings.media_flowing if building else 0.0,
        "start": timings.processor_starting
        if kinds["create_processor"] + kinds["replace_processor"]
        else 0.0,
        "proof": timings.proof if building else 0.0,
        "removal": timings.processor_stopping if kinds["remove_processor"] else 0.0,
    }
    return waits.get(stage, 0.0)
