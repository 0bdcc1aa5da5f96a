"""A camera's hours go by its office's clock, over midnight and over a change of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from gatehouse.reconcile.hours import day_span, on_minutes
from gatehouse.reconcile.policy import OnHours

BERLIN = "Europe/Berlin"
HOURS = [
    OnHours(cameras="CAM_DAY*", days=("mon", "tue"), start="08:00", end="18:00"),
    OnHours(cameras="CAM_NIGHT*", days=("mon",), start="22:00", end="06:00"),
    OnHours(cameras="CAM_DAY_LATE", days=("mon",), start="17:00", end="20:00"),
]
CAMERAS = ["CAM_DAY_1", "CAM_DAY_LATE", "CAM_NIGHT_1", "CAM_ALWAYS"]


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 11, 23), [10, 12, 2, 24]),  # a Monday
        (date(2026, 11, 24), [10, 10, 6, 24]),
        (date(2026, 11, 25), [0, 0, 0, 24]),
        (date(2026, 10, 25), [0, 0, 0, 25]),  # clocks go back
        (date(2026, 3, 29), [0, 0, 0, 23]),
    ],
)
def test_a_days_minutes_are_those_of_the_offices_clock(day: date, hours: list[int]) -> None:
    since, until = day_span(day, BERLIN)
    found = on_minutes(CAMERAS, since, until, BERLIN, HOURS)
    assert found == {camera: hour * 60 for camera, hour in zip(CAMERAS, hours, strict=True)}


def test_a_look_counts_only_its_own_minutes() -> None:
    at = datetime(2026, 11, 23, 6, 50, tzinfo=UTC)  # 07:50 in Berlin
    found = on_minutes(CAMERAS[:1], at, at + timedelta(minutes=15), BERLIN, HOURS)
    assert found == {"CAM_DAY_1": 5}
    assert on_minutes(["CAM_ALWAYS"], at, at, BERLIN, HOURS) == {"CAM_ALWAYS": 0}
