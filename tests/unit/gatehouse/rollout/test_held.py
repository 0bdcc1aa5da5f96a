"""What holds a rollout ends by its own end: a pause, a stop of everything, a freeze."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gatehouse.office.policy import Freeze, FreezeSpan
from gatehouse.rollout.held import held_spans, in_seconds
from gatehouse.rollout.waves import StageClock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OFFICES = {"berlin": "UTC", "tokyo": "UTC"}


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def events(*given: tuple[float, str]) -> list[dict[str, Any]]:
    return [{"at": at(minutes), "command": command, "until": None} for minutes, command in given]


def hotfix(begin: float, end: float) -> dict[str, Any]:
    return {"at": at(begin), "command": "hotfix", "until": at(end)}


def frozen(begin: float, end: float, *offices: str) -> FreezeSpan:
    start, stop = (at(minutes).replace(tzinfo=None) for minutes in (begin, end))
    return FreezeSpan(name=f"from-{begin}", start=start, end=stop, offices=offices)


def held(given: list[dict[str, Any]], *spans: FreezeSpan, until: float = 60) -> list[tuple[float, float]]:
    """Return the held minutes of the hour from noon."""
    found = held_spans(given, Freeze(spans=spans), OFFICES, NOON, at(until))
    return [((a - NOON).total_seconds() / 60, (b - NOON).total_seconds() / 60) for a, b in found]


@pytest.mark.parametrize("ends", ["resume", "promote"])
def test_a_pause_lasts_until_its_own_rollout_goes_on(ends: str) -> None:
    assert held(events((5, "pause"), (6, "pause"), (20, ends), (21, "resume"))) == [(5, 20)]


def test_releasing_everything_ends_nobodys_pause() -> None:
    found = held(events((5, "pause"), (10, "stop_all"), (20, "release_all"), (40, "resume")))
    assert found == [(5, 40), (10, 20)]


def test_resuming_a_rollout_ends_no_stop_of_everything() -> None:
    found = held(events((5, "stop_all"), (10, "pause"), (20, "resume"), (40, "release_all")))
    assert found == [(10, 20), (5, 40)]


def test_what_lasts_holds_until_now() -> None:
    assert held(events((5, "pause"), (10, "stop_all")), until=30) == [(5, 30), (10, 30)]


def test_of_a_stop_and_a_release_of_one_moment_the_stop_counts() -> None:
    assert held(events((5, "stop_all"), (5, "release_all")), until=30) == [(5, 30)]


def test_a_freeze_of_any_office_of_it_holds() -> None:
    assert held([], frozen(-30, 10, "tokyo"), frozen(20, 30), frozen(0, 60, "portland")) == [
        (20, 30),
        (-30, 10),
        (20, 30),
    ]


def test_a_hotfix_ends_a_freeze_for_its_time_and_a_stop_only_if_given_after_it() -> None:
    frozen_hour = frozen(0, 60, "berlin")
    assert held([hotfix(10, 30)], frozen_hour) == [(0, 10), (30, 60)]
    stop = events((20, "stop_all"))
    assert held([hotfix(10, 40), *stop]) == [(20, 60)]
    assert held([*stop, hotfix(25, 40)]) == [(20, 25), (40, 60)]


def test_held_time_is_no_time_of_a_bake() -> None:
    spans = held_spans(
        events((5, "pause"), (15, "resume")), Freeze(spans=(frozen(10, 40),)), OFFICES, NOON, at(60)
    )
    assert StageClock(NOON.timestamp(), in_seconds(spans)).worked(at(60).timestamp()) == 25 * 60
