"""Frames are chosen by the stream's own clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatehouse_local.processors.sampling import Sampler


def test_one_frame_a_second_is_the_first_of_each_second() -> None:
    times = [1000.0 + number / 10 for number in range(31)]
    assert Sampler(1).choose(times) == [0, 10, 20, 30]


def test_rounding_to_milliseconds_never_takes_a_second_for_the_one_before() -> None:
    assert Sampler(1).choose([12.4, 12.9999999, 13.0000001]) == [0, 1]


def test_a_clock_that_jumps_back_is_followed() -> None:
    assert Sampler(1).choose([50.0, 50.5, 20.0, 20.5, 21.0]) == [0, 2, 4]


@given(
    st.lists(st.integers(20, 400), min_size=1, max_size=200),
    st.integers(0, 200),
    st.sampled_from([0.5, 1, 2, 5]),
)
def test_cutting_the_stream_into_fragments_changes_nothing(gaps: list[int], cut: int, fps: float) -> None:
    times, now = [], 1_700_000_000_000
    for gap in gaps:
        now += gap
        times.append(now / 1000)
    whole = Sampler(fps).choose(times)
    parts = Sampler(fps)
    first = parts.choose(times[:cut])
    assert first + [index + cut for index in parts.choose(times[cut:])] == whole
    chosen = [int(round(times[index] * 1000) * fps // 1000) for index in whole]
    assert len(chosen) == len(set(chosen))
