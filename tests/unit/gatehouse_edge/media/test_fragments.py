"""Fragments are what Kinesis Video accepts, whatever the camera sends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse_edge.media.clock import CLOCK_RATE, ProducerClock
from gatehouse_edge.media.fragments import Fragment, Fragmenter, Limits
from gatehouse_edge.media.h264 import ParameterSets
from gatehouse_edge.media.rtp import AccessUnit, SenderReport

NOW = 1_800_000_000.0
# A Baseline SPS of 640×480: no reordering.
SETS = ParameterSets(bytes.fromhex("6742c01ed900a03db2"), bytes.fromhex("68cb83cb20"))


class Camera:
    """Feed a Fragmenter; times in ms after NOW."""

    def __init__(self, sets: ParameterSets | None = SETS, limits: Limits | None = None) -> None:
        self.clock = ProducerClock()
        self.clock.reported(SenderReport(0, NOW))
        self.found: list[Fragment] = []
        self.fragmenter = Fragmenter(self.clock, self.found.append, sets, limits or Limits())

    def send(self, at_ms: int, *, key: bool = False, intact: bool = True, size: int = 8) -> None:
        ticks = at_ms * CLOCK_RATE // 1000 & 0xFFFFFFFF
        self.fragmenter.add(AccessUnit(ticks, key, b"p" * size, intact), NOW + at_ms / 1000)

    def gops(self, count: int, gop_ms: int, frame_ms: int = 100, start_ms: int = 0) -> None:
        for at in range(start_ms, start_ms + count * gop_ms, frame_ms):
            self.send(at, key=(at - start_ms) % gop_ms == 0)

    @property
    def spans(self) -> list[tuple[int, int]]:
        return [(one.start_ms - int(NOW * 1000), one.duration_ms) for one in self.found]


def test_each_gop_is_a_fragment() -> None:
    camera = Camera()
    camera.gops(4, 1000)
    assert camera.spans == [(0, 1000), (1000, 1000), (2000, 1000)]
    assert camera.fragmenter.gop_ms == 1000


def test_short_gops_are_joined_to_a_second() -> None:
    camera = Camera()
    camera.gops(9, 400)
    assert camera.spans == [(0, 1200), (1200, 1200)]


def test_a_long_gop_is_cut_and_reported() -> None:
    camera = Camera()
    camera.gops(2, 20_000)
    assert camera.spans[:3] == [(0, 9000), (9000, 9000), (18_000, 2000)]
    assert camera.fragmenter.long_gops >= 2
    assert [bool(one.key_frame) for one in camera.found[:3]] == [True, False, False]


def test_nothing_starts_before_a_key_frame() -> None:
    camera = Camera()
    camera.send(0)
    camera.send(100)
    camera.gops(2, 1000, start_ms=200)
    assert camera.spans == [(200, 1000)]
    assert camera.fragmenter.units_dropped == 2


def test_after_a_loss_pictures_wait_for_the_next_key_frame() -> None:
    camera = Camera()
    camera.gops(1, 1500)
    camera.send(1500, intact=False)
    camera.send(1600)
    camera.gops(2, 1000, start_ms=2000)
    assert camera.spans == [(0, 1401), (2000, 1000)]
    assert camera.fragmenter.units_dropped == 2


def test_times_that_do_not_increase_are_dropped() -> None:
    camera = Camera()
    camera.gops(1, 1000)
    for at in (900, 850, 0):
        camera.send(at)
    camera.send(900, key=True)
    camera.gops(2, 1000, start_ms=1000)
    assert camera.fragmenter.units_dropped == 4
    assert camera.spans == [(0, 1000), (1000, 1000)]


def test_a_clock_set_back_is_followed() -> None:
    camera = Camera()
    camera.gops(2, 1000)
    camera.clock.reported(SenderReport(2000 * 90, NOW - 28))
    camera.gops(2, 1000, start_ms=2000)
    assert camera.spans == [(0, 1000), (1000, 1000), (-28_000, 1000)]
    assert camera.fragmenter.clock_resets == 1


def test_a_clock_that_jitters_back_is_smoothed() -> None:
    camera = Camera()
    camera.gops(2, 1000)
    camera.clock.reported(SenderReport(2000 * 90, NOW + 1.8))
    camera.gops(2, 1000, start_ms=2000)
    assert camera.spans[-1][0] == 1901
    assert camera.fragmenter.clock_resets == camera.fragmenter.units_dropped == 0


def test_without_parameter_sets_nothing_can_start_until_the_stream_brings_them() -> None:
    camera = Camera(sets=None)
    camera.gops(1, 1000)
    camera.fragmenter.learn(7, SETS.sps)
    camera.fragmenter.learn(8, SETS.pps)
    camera.gops(2, 1000, start_ms=1000)
    assert camera.spans == [(1000, 1000)]


def test_a_changed_parameter_set_changes_the_header_from_the_next_fragment_on() -> None:
    camera = Camera()
    camera.gops(2, 1000)
    camera.fragmenter.learn(8, SETS.pps + b"\x01")
    camera.gops(2, 1000, start_ms=2000)
    headers = [one.header for one in camera.found]
    assert headers[0] == headers[1] != headers[2]


def test_pictures_are_held_until_the_clock_is_known() -> None:
    camera = Camera()
    camera.clock = ProducerClock()
    camera.fragmenter = Fragmenter(camera.clock, camera.found.append, SETS)
    camera.gops(1, 1000)
    camera.clock.reported(SenderReport(0, NOW - 5))
    camera.gops(2, 1000, start_ms=1000)
    assert camera.spans == [(-5000, 1000), (-4000, 1000)]


def test_a_pause_is_no_part_of_a_fragment() -> None:
    camera = Camera()
    camera.gops(1, 1000)
    camera.gops(1, 1000, start_ms=8_000)
    assert camera.spans == [(0, 900 + Limits().pause_ms)]


frames = st.lists(st.tuples(st.integers(-300, 3000), st.booleans(), st.booleans()), max_size=120)


@given(frames)
def test_whatever_comes_fragments_are_in_bounds_and_in_order(steps: list[tuple[int, bool, bool]]) -> None:
    camera, at = Camera(), 0
    for step, key, intact in steps:
        at = max(0, at + step)
        camera.send(at, key=key, intact=intact)
    camera.fragmenter.flush()
    limits = Limits()
    starts: list[int] = []
    for one in camera.found:
        assert one.duration_ms <= limits.maximum_ms + limits.pause_ms
        starts.append(one.start_ms)
    assert starts == sorted(set(starts))
    assert [one for one in camera.found if one.key_frame] == camera.found or camera.fragmenter.long_gops


def test_a_fragment_too_short_for_aws_is_not_flushed(film: Any) -> None:
    camera = Camera(film.sets)
    camera.send(0, key=True)
    camera.send(300)
    camera.fragmenter.flush()
    assert camera.found == []
    assert camera.fragmenter.units_dropped == 2


def test_a_broken_sps_is_the_cameras_fault() -> None:
    camera = Camera(ParameterSets(b"\x67\x42\x00\x1e", b"\x68"))
    with pytest.raises(Exception, match="broken SPS"):
        camera.send(0, key=True)
