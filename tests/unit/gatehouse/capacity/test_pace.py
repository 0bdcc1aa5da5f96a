"""Calls are spaced so that a bucket of AWS's kind never runs dry, and none of it is wasted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.capacity.pace import Pace

RATES = st.sampled_from([1.0, 5.0, 15.0, 20.0, 50.0, 300.0])


def admitted(times: list[float], per_second: float) -> bool:
    """Tell whether AWS would take calls at these times: a second's worth at once, then one by one."""
    room = most = max(1.0, per_second)
    before = times[0]
    for at in times:
        room = min(most, room + (at - before) * per_second)
        before = at
        if room < 1 - 1e-6:
            return False
        room -= 1
    return True


@given(RATES, st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_no_call_is_ever_throttled(per_second: float, idle: list[float]) -> None:
    pace, now, times = Pace(per_second), 0.0, []
    for seconds in idle:
        now += seconds
        now += pace.wait(now)
        times.append(now)
    assert admitted(times, per_second)


@given(RATES.filter(lambda rate: rate > 1), st.lists(st.floats(0, 0.2), min_size=20, max_size=200))
def test_calls_that_are_late_on_their_way_are_not_throttled_either(
    per_second: float, delays: list[float]
) -> None:
    pace, now, times = Pace(per_second), 0.0, []
    for delay in delays:
        now += pace.wait(now)
        times.append(now + min(delay, 0.4 / per_second))
    assert admitted(sorted(times), per_second)


@pytest.mark.parametrize("per_second", [1.0, 5.0, 20.0, 50.0])
def test_who_calls_without_a_break_gets_all_that_is_allowed(per_second: float) -> None:
    pace, now = Pace(per_second), 0.0
    for _ in range(300):
        now += pace.wait(now)
    assert now <= 300 / per_second


def test_what_isnt_used_for_long_is_saved_up_for_half_a_second_only() -> None:
    pace = Pace(20)
    pace.wait(0.0)
    at_once = 0
    while pace.wait(100.0) == 0:
        at_once += 1
    assert at_once == 10
