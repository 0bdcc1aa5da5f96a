"""A rollout takes as long as its slowest quota, its slowest resource and its bake."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.capacity.duration import Stage, calls_seconds, in_words, region_time, wave_time
from gatehouse.capacity.quotas import load_quotas

QUOTAS = load_quotas(Path(__file__).parents[4] / "config")
WEST = "us-west-2"
OPERATIONS = sorted(QUOTAS.budgets)
calls = st.dictionaries(st.sampled_from(OPERATIONS), st.integers(0, 5000), max_size=5)


def test_stopping_is_the_slowest_call_there_is() -> None:
    (time,) = region_time(QUOTAS, WEST, [Stage("remove", {"rekognition:StopStreamProcessor": 10_000})]).stages
    assert time.seconds == pytest.approx(9_999)  # 2.8 h (aws.md §0.7)
    assert time.because == "10000 rekognition:StopStreamProcessor at 1/s"


def test_five_data_streams_are_created_at_once() -> None:
    (time,) = region_time(QUOTAS, WEST, [Stage("streams", {"kinesis:CreateStream": 11})]).stages
    assert time.seconds == 3 * QUOTAS.timings.record_stream_creating
    assert "5 in CREATING at once" in time.because


def test_calls_that_share_a_budget_add_up() -> None:
    mixed = {"lambda:CreateEventSourceMapping": 150, "lambda:DeleteEventSourceMapping": 150}
    seconds, because = calls_seconds(QUOTAS, WEST, mixed)
    assert seconds == pytest.approx((300 - 15) / 15)
    assert because.startswith("300 lambda:CreateEventSourceMapping")


@given(calls, calls)
def test_more_calls_never_take_less_time(first: dict[str, int], more: dict[str, int]) -> None:
    both = {key: first.get(key, 0) + more.get(key, 0) for key in {*first, *more}}
    assert calls_seconds(QUOTAS, WEST, both)[0] >= calls_seconds(QUOTAS, WEST, first)[0]


@given(calls, st.floats(1, 10))
def test_a_higher_quota_never_takes_longer(planned: dict[str, int], factor: float) -> None:
    limits = {QUOTAS.quota(key).key: QUOTAS.limit(key, WEST) * factor for key in planned}
    raised = QUOTAS.with_observed(WEST, limits)
    assert calls_seconds(raised, WEST, planned)[0] <= calls_seconds(QUOTAS, WEST, planned)[0] + 1e-9


def test_regions_work_side_by_side_and_the_bake_comes_on_top() -> None:
    stages = {
        WEST: [Stage("start", {}, 30), Stage("prove", {}, 45)],
        "eu-west-1": [Stage("start", {}, 40)],
    }
    wave = wave_time(QUOTAS, "pilot", stages, bake_seconds=600)
    assert wave.seconds == 75 + 600
    assert wave_time(QUOTAS, "nothing to do", {}, bake_seconds=600).seconds == 0


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (45, "45 s"), (720, "12 min"), (12_000, "3 h 20 min"), (7200, "2 h")]
)
def test_durations_are_written_as_people_say_them(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
