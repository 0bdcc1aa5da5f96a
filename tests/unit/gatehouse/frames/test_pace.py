from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatehouse.frames.pace import LOSING_S, Pace, Standing

MOST = 10.0
on_time = st.floats(-5, MOST)


@given(st.lists(on_time, min_size=1), st.floats(-60, 60))
def test_a_camera_on_time_loses_nothing_however_wrong_its_clock_is(lags: list[float], clock: float) -> None:
    pace = Pace(MOST)
    assert {pace.judge(lag, clock) for lag in lags} == {"in_order"}
    assert pace.standing is Standing.ON_TIME


def test_a_camera_that_was_on_time_and_falls_behind_sheds_until_it_is_on_time_again() -> None:
    pace = Pace(MOST)
    assert [pace.judge(lag, 1) for lag in (1, 11, 20, 10.5, 3, 9)] == [
        "in_order",
        "newest_first",
        "newest_first",
        "newest_first",
        "in_order",
        "in_order",
    ]


@given(st.lists(st.floats(0, 86_400), min_size=1, max_size=30))
def test_a_restart_far_behind_loses_nothing_while_it_gains(lags: list[float]) -> None:
    pace = Pace(MOST)
    assert {pace.judge(lag, 1) for lag in sorted(lags, reverse=True)} == {"in_order"}


def test_a_restart_that_loses_ground_sheds() -> None:
    pace = Pace(MOST)
    assert pace.judge(600, 1) == "in_order"
    assert pace.judge(500, 1) == "in_order"
    assert pace.judge(500 + LOSING_S, 1) == "in_order"
    assert pace.judge(501 + LOSING_S, 1) == "newest_first"
    assert pace.judge(300, 1) == "newest_first"
    assert pace.judge(5, 1) == "in_order"


def test_what_an_office_had_spooled_is_caught_up_with_and_not_shed() -> None:
    pace = Pace(MOST)
    assert pace.judge(1, 2) == "in_order"
    assert pace.judge(1, 122) == "in_order"
    assert pace.judge(30, 60) == "in_order"
    # The last spooled fragment is read, and the backlog behind it isn't worked off yet.
    assert pace.judge(25, 2) == "in_order"
    assert pace.standing is Standing.CATCHING_UP
    assert pace.judge(5, 2) == "in_order"
