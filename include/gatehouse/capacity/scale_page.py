"""Write what the simulation found as a page (docs/scale.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.capacity.duration import in_words
from gatehouse.capacity.simulate import CAMERAS_PER_OFFICE, LARGEST, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatehouse.capacity.prices import Prices
    from gatehouse.capacity.quotas import Quotas
    from gatehouse.capacity.simulate import Outcome

THREE = ("eu-central-1", "us-west-2", "ap-northeast-1")
FIVE = (*THREE, "us-east-1", "eu-west-1")
SCENARIOS = (
    Scenario("Stream processors, one account in three Regions", "stream_processor", 1, THREE),
    Scenario(
        "Stream processors, ten accounts in all five Regions that have them", "stream_processor", 10, FIVE
    ),
    Scenario("Frame search, one account in three Regions", "frame_search", 1, THREE),
    Scenario("Frame search, four accounts in three Regions", "frame_search", 4, THREE),
)


def render(outcomes: Iterable[Outcome], quotas: Quotas, prices: Prices) -> str:
    """Return the page."""
    outcomes = tuple(outcomes)
    lines = [*_head(prices), *_summary(outcomes)]
    for outcome in outcomes:
        lines += ["", f"## {outcome.scenario.name}", *_breaks(outcome), *_sizes(outcome)]
    return "\n".join([*lines, *_assumptions(quotas, prices)]).rstrip() + "\n"


def _head(prices: Prices) -> Iterator[str]:
    yield "# Scale: what breaks first, and when"
    yield ""
    yield "Generated from `config/quotas.yaml` and `config/prices.yaml` by `make docs`; change those."
    yield ""
    yield (
        f"A simulation of fleets up to {LARGEST:,} cameras, spread evenly, {CAMERAS_PER_OFFICE} to an "
        "office. Quotas are AWS's defaults per account and Region. Times are one wave without bake, counts "
        "granted and calls per second at their defaults; what throttles or fails comes on top. Nothing here "
        "was measured on AWS."
    )
    yield (
        f"Cost is {prices.currency} a month at the prices of {prices.base} where a Region has none of its "
        "own; the price of a face-search minute is not confirmed for 2026."
    )


def _summary(outcomes: tuple[Outcome, ...]) -> Iterator[str]:
    yield ""
    yield "| fleet | breaks first | at cameras | what to do |"
    yield "|---|---|---|---|"
    for outcome in outcomes:
        name = outcome.scenario.name
        if not outcome.breaks:
            yield f"| {name} | nothing | – | – |"
            continue
        first = outcome.breaks[0]
        what = f"{first.quota.name} in {', '.join(first.regions)}"
        yield f"| {name} | {what} | {first.cameras:,} | {first.remedy} |"


def _breaks(outcome: Outcome) -> Iterator[str]:
    yield f"| from cameras | Region | quota | default | at {outcome.sizes[-1].cameras:,} | do |"
    yield "|---|---|---|---|---|---|"
    for found in outcome.breaks:
        yield (
            f"| {found.cameras:,} | {', '.join(found.regions)} | {found.quota.service}: {found.quota.name} "
            f"| {found.limit:,g} | {found.needed:,.0f} | {found.remedy} |"
        )
    yield ""


def _sizes(outcome: Outcome) -> Iterator[str]:
    yield "| cameras | rollout | removal | a month | per camera |"
    yield "|---|---|---|---|---|"
    for size in outcome.sizes:
        yield (
            f"| {size.cameras:,} | {in_words(size.rollout_seconds)} | {in_words(size.removal_seconds)} "
            f"| ${size.usd:,.0f} | ${size.usd / size.cameras:,.0f} |"
        )


def _assumptions(quotas: Quotas, prices: Prices) -> Iterator[str]:
    yield ""
    yield "## What it rests on"
    yield "| assumption | value |"
    yield "|---|---|"
    for name, value in prices.assumptions.model_dump().items():
        yield f"| {name.replace('_', ' ')} | {value} |"
    for name, value in quotas.timings.model_dump(exclude={"source"}).items():
        yield f"| {name.replace('_', ' ')}, seconds | {value:g} |"
