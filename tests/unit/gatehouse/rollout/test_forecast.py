"""Before anything is written, a person reads what a rollout takes, costs and affects."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.capacity.demand import fleet_demand
from gatehouse.capacity.headroom import short
from gatehouse.capacity.prices import load_prices
from gatehouse.capacity.quotas import load_quotas
from gatehouse.office.config import load_company
from gatehouse.rollout.apply import apply
from gatehouse.rollout.forecast import Forecast, _fleet, demand, forecast
from gatehouse.rollout.plan import OfficePlan, plan_office
from gatehouse.rollout.plan_text import render_plan
from gatehouse.rollout.resources import DesiredOffice, ObservedOffice, Orphan, desired_office
from gatehouse.rollout.waves import FrozenWave, Unit

CONFIG = Path(__file__).parents[4] / "config"
QUOTAS, PRICES = load_quotas(CONFIG), load_prices(CONFIG)
BERLIN = replace(desired_office(load_company(CONFIG), "berlin"), engine="stream_processor")
EMPTY = ObservedOffice()
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def office(name: str, engine: str, cameras: int) -> DesiredOffice:
    ids = tuple(f"CAM_{name.upper()}_{number:05}" for number in range(cameras))
    zones = {camera_id: "floor 1, lobby" for camera_id in ids}
    return replace(BERLIN, office=name, engine=engine, cameras=ids, zones=zones)  # type: ignore[arg-type]


def foresee(offices: list[DesiredOffice], plans: dict[str, OfficePlan], **options: object) -> Forecast:
    units = tuple(Unit(each.office, 0, each.cameras) for each in offices)
    wave = FrozenWave("pilot", units, bake_seconds=900)
    desired = {each.office: each for each in offices}
    arguments = {"people": {"berlin": 212}, "in_use": {}, **options}
    return forecast(plans, desired, [wave], QUOTAS, PRICES, **arguments)  # type: ignore[arg-type]


def plans_of(offices: list[DesiredOffice]) -> dict[str, OfficePlan]:
    return {each.office: plan_office(each, EMPTY) for each in offices}


@given(st.sampled_from(["stream_processor", "frame_search"]), st.integers(1, 40))
def test_the_plan_of_an_empty_account_needs_what_its_fleet_needs(engine: str, cameras: int) -> None:
    berlin = office("berlin", engine, cameras)
    planned = demand(plans_of([berlin]), {"berlin": berlin}, PRICES)[berlin.region].total()
    fleet = fleet_demand([_fleet(berlin, cameras, 0)], PRICES.assumptions.sampling)[berlin.region].total()
    assert {key: amount for key, amount in planned.items() if amount} == pytest.approx(fleet)


def test_eleven_cameras_on_stream_processors_are_one_too_many() -> None:
    berlin = office("berlin", "stream_processor", 11)
    (row,) = short(foresee([berlin], plans_of([berlin])).headroom)
    assert (row.quota.key, row.short) == ("face_search_processors", 1)


def test_two_offices_share_their_region() -> None:
    offices = [office("berlin", "stream_processor", 6), office("munich", "stream_processor", 6)]
    (row,) = short(foresee(offices, plans_of(offices)).headroom)
    assert row.short == 2


def test_a_change_of_engine_needs_both_for_a_while_and_tells_the_saving() -> None:
    old, new = office("berlin", "stream_processor", 3), office("berlin", "frame_search", 3)
    before = apply(old, EMPTY, plan_office(old, EMPTY).actions, AT)
    plan = plan_office(new, before)
    seen = foresee([new], {"berlin": plan})
    assert demand({"berlin": plan}, {"berlin": new}, PRICES)[new.region].total()["shards"] == 1
    assert seen.usd_now > 3 * 5184 > seen.cost.usd


def test_nothing_to_do_takes_no_bake() -> None:
    berlin = office("berlin", "frame_search", 3)
    done = apply(berlin, EMPTY, plan_office(berlin, EMPTY).actions, AT)
    seen = foresee([berlin], {"berlin": plan_office(berlin, done)})
    assert seen.seconds == 0
    assert seen.usd_now == pytest.approx(seen.cost.usd)


@given(st.integers(1, 300), st.integers(0, 300))
@settings(max_examples=20)
def test_more_cameras_never_take_less_time(cameras: int, more: int) -> None:
    few, many = (
        office("berlin", "stream_processor", cameras),
        office("berlin", "stream_processor", cameras + more),
    )
    assert foresee([many], plans_of([many])).seconds >= foresee([few], plans_of([few])).seconds


def test_the_text_tells_everything_a_person_decides_by() -> None:
    offices = [office("berlin", "stream_processor", 12), office("lyon", "frame_search", 2)]
    plans = plans_of(offices)
    plans["lyon"] = replace(plans["lyon"], orphans=(Orphan("processor", "gatehouse-CAM_OLD", "CAM_OLD"),))
    text = render_plan(
        plans, foresee(offices, plans), digest="ab" * 32, refused={"tokyo": "a bad manifest"}, dry_run=True
    )
    assert text.startswith("Dry run: nothing is changed · abababababab\n2 offices, 14 cameras, 212 enrolled")
    table = [line.split() for line in text.splitlines()]
    assert table[5][:5] == ["berlin", "eu-central-1", "stream_processor", "12", "49"]
    assert "pilot:" in text
    assert "15 min of it bake" in text
    assert "$" in text
    assert "Estimated at another Region's prices: eu-central-1" in text
    assert "! eu-central-1: Face search stream processors" in text
    assert "! office tokyo is refused: a bad manifest" in text
    assert "? processor gatehouse-CAM_OLD carries lyon's tag" in text


def test_the_text_says_where_cameras_go_live_unprobed() -> None:
    offices = [office("berlin", "stream_processor", 2)]
    plans = plans_of(offices)

    def told(**more: bool) -> bool:
        text = render_plan(plans, foresee(offices, plans), digest="ab" * 32, refused={}, dry_run=True, **more)
        return "NOT PROBED" in text

    assert told(probes=False)
    assert not told(probes=True)
    assert not told(probes=False, proves_path=False)
