from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.frames.rate import TokenBucket

rates = st.floats(0.5, 100)
gaps = st.lists(st.floats(0, 3), min_size=2, max_size=60)


@given(rates, st.integers(1, 5), gaps)
def test_no_second_has_more_calls_than_the_rate_and_one_burst(
    rate: float, burst: int, gaps: list[float]
) -> None:
    bucket, now, calls = TokenBucket(rate, burst), 1000.0, []
    for gap in gaps:
        now += gap
        calls.append(now + bucket.reserve(now))
    assert calls == sorted(calls), "who reserves first calls first"
    for start in calls:
        assert sum(start <= call < start + 1 for call in calls) <= rate + burst + 1e-6


@given(rates)
def test_a_rare_call_does_not_wait(rate: float) -> None:
    bucket = TokenBucket(rate)
    assert bucket.reserve(1000.0) == 0
    assert bucket.reserve(1000.0 + 2 / rate) == 0


def test_a_throttled_call_holds_the_next_ones_back() -> None:
    bucket = TokenBucket(10)
    bucket.reserve(1000.0)
    bucket.slow_down(1000.0, 2.0)
    assert bucket.reserve(1000.5) == pytest.approx(1.5)
    assert bucket.reserve(1000.5) == pytest.approx(1.6)
