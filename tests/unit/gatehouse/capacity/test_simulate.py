"""A growing fleet meets its quotas in a known order, and is paced by them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.capacity.demand import Fleet, fleet_demand
from gatehouse.capacity.headroom import check_headroom, short
from gatehouse.capacity.prices import load_prices
from gatehouse.capacity.quotas import load_quotas
from gatehouse.capacity.scale_page import SCENARIOS, render
from gatehouse.capacity.simulate import (
    CAMERAS_PER_OFFICE,
    Scenario,
    paced,
    removal_seconds,
    rollout_seconds,
    simulate,
)

ROOT = Path(__file__).parents[4]
QUOTAS, PRICES = load_quotas(ROOT / "config"), load_prices(ROOT / "config")
WEST = "us-west-2"


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 7), st.integers(1, 9))
def test_pacing_equals_serving_one_after_another(ready: list[int], at_once: int, seconds: int) -> None:
    ready.sort()
    expected: list[float] = []
    for index, arrival in enumerate(ready):
        free = expected[index - at_once] + seconds if index >= at_once else 0
        expected.append(max(arrival, free))
    assert paced(np.array(ready, dtype=float), at_once, seconds).tolist() == expected


@pytest.mark.parametrize("engine", ["stream_processor", "frame_search"])
@given(extra=st.integers(1, 2000))
def test_a_break_is_the_first_size_whose_headroom_is_short(engine: str, extra: int) -> None:
    scenario = Scenario("one place", engine, 1, (WEST,))  # type: ignore[arg-type]
    first = simulate(scenario, QUOTAS, PRICES, [10, 4000]).breaks[0].cameras

    def fits(cameras: int) -> bool:
        fleet = Fleet(WEST, engine, cameras, -(-cameras // CAMERAS_PER_OFFICE))  # type: ignore[arg-type]
        demand = fleet_demand([fleet], PRICES.assumptions.sampling)
        return not short(check_headroom(QUOTAS, demand.values(), {}))

    assert fits(first - 1)
    assert not fits(first - 1 + extra)


def test_processors_break_first_at_eleven_a_region() -> None:
    found = simulate(SCENARIOS[0], QUOTAS, PRICES).breaks[0]
    assert (found.quota.key, found.cameras) == ("face_search_processors", 31)
    assert found.remedy.startswith("raise L-8D9029A2 to 4,001 or")


def test_more_accounts_move_every_break_further_out() -> None:
    one, ten = (simulate(Scenario("x", "stream_processor", n, (WEST,)), QUOTAS, PRICES) for n in (1, 10))
    assert ten.breaks[0].quota.key == one.breaks[0].quota.key
    assert ten.breaks[0].cameras == one.breaks[0].cameras * 10 - 9


@given(st.sampled_from(["stream_processor", "frame_search"]), st.integers(1, 3000))
def test_a_rollout_is_never_faster_than_its_slowest_quota(engine: str, cameras: int) -> None:
    seconds = rollout_seconds(QUOTAS, WEST, engine, cameras)  # type: ignore[arg-type]
    streams = cameras if engine == "stream_processor" else -(-cameras // CAMERAS_PER_OFFICE)
    assert seconds >= (cameras - 50) / 50
    assert seconds >= -(-streams // 5) * QUOTAS.timings.record_stream_creating


def test_taking_ten_thousand_processors_down_takes_hours() -> None:
    assert removal_seconds(QUOTAS, WEST, "stream_processor", 10_000) == pytest.approx(9_999, rel=0.01)


def test_the_page_is_what_the_configuration_says() -> None:
    outcomes = [simulate(scenario, QUOTAS, PRICES) for scenario in SCENARIOS]
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert render(outcomes, QUOTAS, PRICES) == page, "run `make docs`"
