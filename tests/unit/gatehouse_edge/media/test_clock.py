"""Producer time is the camera's where it tells it and can be believed."""

from __future__ import annotations

import pytest

from gatehouse_edge.media.clock import CLOCK_RATE, ProducerClock
from gatehouse_edge.media.rtp import SenderReport

NOW = 1_800_000_000.0


def test_the_cameras_report_decides() -> None:
    clock = ProducerClock()
    clock.reported(SenderReport(90_000, NOW - 3))
    ticks = clock.extend(180_000)
    clock.arrived(ticks, NOW)
    clock.renew()
    assert (clock.source, clock.at_ms(ticks)) == ("camera", round((NOW - 2) * 1000))


def test_without_a_report_arrival_decides_and_the_least_delay_counts() -> None:
    clock = ProducerClock()
    for second, delay in enumerate((0.5, 0.1, 0.4)):
        ticks = clock.extend(second * CLOCK_RATE)
        clock.arrived(ticks, NOW + second + delay)
    clock.renew()
    assert clock.source == "arrival"
    assert clock.at_ms(ticks) == pytest.approx((NOW + 2.1) * 1000, abs=1)


@pytest.mark.parametrize("error_s", [-3600, 7200, -1e9])
def test_a_clock_far_off_is_not_believed(error_s: float) -> None:
    clock = ProducerClock(tolerance_s=60)
    clock.reported(SenderReport(0, NOW + error_s))
    ticks = clock.extend(0)
    clock.arrived(ticks, NOW)
    clock.renew()
    assert clock.source == "arrival"
    assert clock.error_s == pytest.approx(error_s)
    assert clock.at_ms(ticks) == NOW * 1000


def test_timestamps_wrap() -> None:
    clock = ProducerClock()
    clock.reported(SenderReport((1 << 32) - 90_000, NOW))
    before, after = clock.extend((1 << 32) - 45_000), clock.extend(45_000)
    clock.arrived(after, NOW + 1.5)
    clock.renew()
    assert after - before == 90_000
    assert clock.at_ms(after) == round((NOW + 1.5) * 1000)
    clock.reported(SenderReport(90_000, NOW + 2.25))
    clock.renew()
    assert clock.at_ms(after) == round((NOW + 1.75) * 1000)


def test_reordered_pictures_unwrap_backwards() -> None:
    clock = ProducerClock()
    assert [clock.extend(ticks) for ticks in (5, (1 << 32) - 5, 10)] == [5, -5, 10]


def test_a_restarted_rtp_clock_forgets_what_it_meant() -> None:
    clock = ProducerClock()
    clock.reported(SenderReport(0, NOW))
    clock.arrived(clock.extend(0), NOW)
    ticks = clock.extend(100 * CLOCK_RATE)
    clock.arrived(ticks, NOW + 1)
    clock.renew()
    assert (clock.source, clock.at_ms(ticks)) == ("arrival", round((NOW + 1) * 1000))
