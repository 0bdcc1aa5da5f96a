"""A plan's cost follows from prices with a source and assumptions with a name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.capacity.cost import monthly_cost
from gatehouse.capacity.demand import Fleet
from gatehouse.capacity.prices import Price, Tier, load_prices
from gatehouse.exceptions import ConfigError

CONFIG = Path(__file__).parents[4] / "config"
PRICES = load_prices(CONFIG)
HOME = "us-east-1"
SEARCH = PRICES.of(HOME).image_search


def test_a_camera_on_a_stream_processor_costs_what_aws_md_says() -> None:
    cost = monthly_cost([Fleet(HOME, "stream_processor", 1)], PRICES).by_service()
    assert cost["Rekognition video"] == pytest.approx(5184)
    assert cost["Kinesis Data"] == pytest.approx(10.80 + 2.592 * 0.014)


@pytest.mark.parametrize(("images", "usd"), [(2_592_000, 2273.6), (259_200_000, 111_880 - 0)])
def test_searches_cost_what_aws_md_says(images: int, usd: float) -> None:
    assert SEARCH.of(images) == pytest.approx(usd, rel=1e-3)


def test_gating_is_what_makes_frame_search_bearable() -> None:
    gated = monthly_cost([Fleet(HOME, "frame_search", 500)], PRICES).usd
    streamed = monthly_cost([Fleet(HOME, "stream_processor", 500)], PRICES).usd
    assert gated < streamed / 10


fleets = st.lists(
    st.builds(
        Fleet,
        region=st.sampled_from([HOME, "eu-central-1"]),
        engine=st.sampled_from(["stream_processor", "frame_search"]),
        cameras=st.integers(0, 5000),
        offices=st.integers(1, 20),
        faces_enrolled=st.integers(0, 100_000),
    ),
    max_size=5,
)


@given(fleets)
def test_the_sums_agree_and_nothing_is_negative(planned: list[Fleet]) -> None:
    cost = monthly_cost(planned, PRICES, shared_in=HOME)
    assert sum(cost.by_service().values()) == pytest.approx(cost.usd)
    assert sum(cost.by_region().values()) == pytest.approx(cost.usd)
    assert all(line.usd > 0 and line.basis for line in cost.lines)


@given(fleets.filter(bool), st.integers(1, 1000))
def test_more_cameras_never_cost_less(planned: list[Fleet], more: int) -> None:
    grown = [replace(planned[0], cameras=planned[0].cameras + more), *planned[1:]]
    assert monthly_cost(grown, PRICES).usd > monthly_cost(planned, PRICES).usd


@given(st.floats(0, 1e9), st.floats(0, 1e8))
def test_tiers_never_make_more_units_cheaper(units: float, more: float) -> None:
    assert SEARCH.of(units + more) >= SEARCH.of(units) - 1e-6
    assert SEARCH.of(units) <= units * 0.001 + 1e-6


def test_a_region_without_prices_is_named_as_estimated() -> None:
    cost = monthly_cost([Fleet("eu-central-1", "frame_search", 3)], PRICES)
    assert cost.estimated == ("eu-central-1",)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("motion_share: 0.10", "motion_shre: 0.10", "Did you mean 'motion_share'?"),
        ("base: us-east-1", "base: us-east-2", "base Region 'us-east-2' has no prices"),
        ("source: stream}", "source: streem}", "Did you mean 'stream'?"),
        ("{price: 0.015, source", "{source", "give either price or tiers"),
    ],
)
def test_a_slip_is_refused_with_its_place(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = (CONFIG / "prices.yaml").read_text()
    assert old in text
    (tmp_path / "prices.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        load_prices(tmp_path)
    assert says in str(error.value)
    assert "prices.yaml:" in str(error.value)


def test_a_price_is_flat_or_tiered_and_the_last_tier_is_open() -> None:
    with pytest.raises(ValueError, match="the last has none"):
        Price(source="x", tiers=(Tier(price=1, first=5),))
