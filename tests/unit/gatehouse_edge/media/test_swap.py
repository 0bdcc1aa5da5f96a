"""A probe's interval holds its clip's pictures and no other, whatever the camera sends."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse_edge.media.clip import MINIMUM_MS, Clip, ClipFrame, cut_clip
from gatehouse_edge.media.clock import CLOCK_RATE, ProducerClock
from gatehouse_edge.media.fragments import Fragment, Fragmenter
from gatehouse_edge.media.h264 import ParameterSets
from gatehouse_edge.media.rtp import AccessUnit, SenderReport
from gatehouse_edge.media.swap import Swap

NOW = 1_800_000_000.0
ZERO = int(NOW * 1000)
SETS = ParameterSets(bytes.fromhex("6742c01ed900a03db2"), bytes.fromhex("68cb83cb20"))
OWN_SETS = b"".join(len(nal).to_bytes(4, "big") + nal for nal in (SETS.sps, SETS.pps))


def make_clip(seconds: int = 4, frame_ms: int = 100, gop_ms: int = 1000) -> Clip:
    frames = [ClipFrame(at, at % gop_ms == 0, b"clip%d" % at) for at in range(0, seconds * 1000, frame_ms)]
    return Clip(tuple(frames), seconds * 1000)


@dataclass
class Stream:
    """Feed a camera's pictures past a probe of [start, end), in ms after NOW."""

    start: int
    end: int
    clip: Clip | None = field(default_factory=make_clip)
    found: list[Fragment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.swap = Swap("p1", ZERO + self.start, ZERO + self.end)
        if self.clip:
            self.swap.load(self.clip)
        self.clock = ProducerClock()
        self.clock.reported(SenderReport(0, NOW))
        self.fragmenter = self.session()

    def session(self) -> Fragmenter:
        self.fragmenter = Fragmenter(self.clock, self.found.append, SETS, swap=lambda: self.swap)
        return self.fragmenter

    def send(self, at_ms: int, *, key: bool = False, intact: bool = True) -> None:
        ticks = at_ms * CLOCK_RATE // 1000 & 0xFFFFFFFF
        self.fragmenter.add(AccessUnit(ticks, key, b"cam%d" % at_ms, intact), NOW + at_ms / 1000)

    def play(self, until_ms: int, frame_ms: int = 100, gop_ms: int = 1000, start_ms: int = 0) -> None:
        for at in range(start_ms, until_ms, frame_ms):
            self.send(at, key=at % gop_ms == 0)

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        """Every picture that was emitted: its time after NOW and its bytes."""
        return [(at - ZERO, data) for one in self.found for at, data in blocks(one.cluster)]


def blocks(cluster: bytes) -> Iterator[tuple[int, bytes]]:
    """Read the pictures of a Cluster as `mkv.cluster` writes it."""
    at = 12
    size = int.from_bytes(cluster[at + 1 : at + 9], "big") & ((1 << 56) - 1)
    timecode = int.from_bytes(cluster[at + 9 : at + 9 + size], "big")
    at += 9 + size
    while at < len(cluster):
        _, width, _, offset, _ = struct.unpack_from(">BQBhB", cluster, at)
        size = (width & ((1 << 56) - 1)) - 4
        yield timecode + offset, cluster[at + 13 : at + 13 + size]
        at += 13 + size


def test_the_clip_takes_exactly_its_interval_and_the_camera_goes_on_at_its_next_key_frame() -> None:
    stream = Stream(2_500, 4_700)
    stream.play(8_000)
    inside = [(at, data) for at, data in stream.frames if 2_500 <= at < 4_700]
    assert inside == [(2_500 + at, b"clip%d" % at) for at in range(0, 2_200, 100)]
    outside = [at for at, _ in stream.frames if not 2_500 <= at < 4_700]
    assert outside == [*range(0, 2_500, 100), *range(5_000, 7_000, 100)]
    assert stream.fragmenter.units_dropped == 3
    assert stream.swap.state == "played"


def test_no_fragment_at_either_edge_is_too_short_for_aws() -> None:
    stream = Stream(2_500, 4_700)
    stream.play(8_000)
    spans = [(one.start_ms - ZERO, one.duration_ms, one.probe) for one in stream.found]
    assert spans == [
        (0, 1000, False),
        (1000, 1500, False),
        (2500, 1000, True),
        (3500, 1200, True),
        (5000, 1000, False),
        (6000, 1000, False),
    ]


def test_the_track_stays_the_cameras_and_it_goes_on_with_its_own_parameter_sets() -> None:
    stream = Stream(2_000, 4_000)
    stream.play(7_000)
    assert len({one.header for one in stream.found}) == 1
    resumed = next(data for at, data in stream.frames if at == 4_000)
    assert resumed == OWN_SETS + b"cam4000"
    assert dict(stream.frames)[5_000] == b"cam5000"


def test_a_long_interval_repeats_the_clip() -> None:
    stream = Stream(2_000, 12_000, make_clip(seconds=3))
    stream.play(14_000)
    assert dict(stream.frames)[8_000] == b"clip0"
    assert dict(stream.frames)[11_900] == b"clip900"


def test_without_its_clip_a_probe_fails_and_its_interval_stays_empty() -> None:
    stream = Stream(2_000, 4_000, None)
    stream.play(7_000)
    assert stream.swap.state == "failed"
    assert "the clip wasn't there" in stream.swap.reason
    assert [at for at, _ in stream.frames if 2_000 <= at < 4_000] == []
    assert (4_000, OWN_SETS + b"cam4000") in stream.frames


def test_an_order_that_comes_in_its_interval_fails() -> None:
    stream = Stream(2_000, 4_000)
    stream.play(7_000, start_ms=3_000)
    assert stream.swap.state == "failed"
    assert "wasn't streaming when the interval began" in stream.swap.reason
    assert [at for at, _ in stream.frames] == [*range(4_000, 6_000, 100)]


def test_a_camera_that_goes_away_in_the_interval_fails_the_probe_for_good() -> None:
    stream = Stream(2_000, 6_000)
    stream.play(3_500)
    stream.fragmenter.flush()
    stream.swap.interrupted()
    stream.session()
    stream.play(9_000, start_ms=5_000)
    assert stream.swap.state == "failed"
    inside = [at for at, _ in stream.frames if 2_000 <= at < 6_000]
    assert inside == [*range(2_000, 3_000, 100)]


def test_a_clock_set_back_brings_nothing_into_the_interval_again() -> None:
    stream = Stream(20_000, 22_000)
    stream.play(25_000)
    played = len([at for at, _ in stream.frames if 20_000 <= at < 22_000])
    stream.clock.reported(SenderReport(25_000 * 90, NOW + 10))
    stream.play(45_000, start_ms=25_000)
    assert len([at for at, _ in stream.frames if 20_000 <= at < 22_000]) == played == 20


@dataclass(frozen=True)
class Picture:
    gap_ms: int
    key: bool
    intact: bool
    clock_ms: int


PICTURES = st.lists(
    st.builds(
        Picture,
        gap_ms=st.one_of(st.integers(1, 400), st.sampled_from([20, 40, 100, 900, 2_500])),
        key=st.integers(0, 9).map(lambda one: one < 2),
        intact=st.integers(0, 19).map(bool),
        clock_ms=st.one_of(st.just(0), st.just(0), st.integers(-300, 300)),
    ),
    min_size=20,
    max_size=250,
)
CLIPS = st.builds(
    make_clip,
    seconds=st.integers(1, 4),
    frame_ms=st.sampled_from([40, 83, 125, 200]),
    gop_ms=st.just(1000),
).filter(lambda clip: clip.frames[0].key)


@given(pictures=PICTURES, clip=CLIPS, start=st.integers(500, 12_000), length=st.integers(1_000, 7_000))
def test_no_picture_of_the_camera_is_inside_and_none_of_the_clip_outside(
    pictures: list[Picture], clip: Clip, start: int, length: int
) -> None:
    stream = Stream(start, start + length, clip)
    at = 0
    stream.send(0, key=True)
    for picture in pictures:
        at += picture.gap_ms
        if picture.clock_ms:
            stream.clock.reported(SenderReport(at * 90, NOW + (at + picture.clock_ms) / 1000))
        stream.send(at, key=picture.key, intact=picture.intact)
    for when, data in stream.frames:
        assert (start <= when < start + length) == data.startswith(b"clip")
    times = [when for when, _ in stream.frames]
    assert times == sorted(set(times))
    if stream.swap.state == "played":
        inside = [data for _, data in stream.frames if data.startswith(b"clip")]
        assert len(inside) == sum(len(cut.blocks) for cut in cut_clip(clip, start, start + length))
        assert times.count(start) == 1
    for one in stream.found:
        own = [when for when, _ in blocks(one.cluster)]
        assert one.start_ms == own[0]
        assert {start + ZERO <= when < start + length + ZERO for when in own} == {one.probe}


@given(clip=CLIPS, start=st.integers(0, 10_000), length=st.integers(1_000, 30_000))
def test_cuts_cover_the_interval_without_a_gap_and_none_is_too_short(
    clip: Clip, start: int, length: int
) -> None:
    cuts = cut_clip(clip, start, start + length)
    assert cuts[0].start_ms == start
    assert cuts[-1].end_ms == start + length
    assert [one.end_ms for one in cuts[:-1]] == [one.start_ms for one in cuts[1:]]
    for one in cuts:
        assert MINIMUM_MS <= one.end_ms - one.start_ms <= 9_000
        assert one.blocks[0][1]
        assert all(0 <= offset < one.end_ms - one.start_ms for offset, _, _ in one.blocks)


@pytest.mark.parametrize("gop_ms", [400, 1_000, 2_000, 5_000, 20_000])
@pytest.mark.parametrize("frame_ms", [40, 100, 200])
@pytest.mark.parametrize("start", [3_000, 3_333, 3_960, 12_001])
def test_a_steady_camera_loses_nothing_before_the_interval(gop_ms: int, frame_ms: int, start: int) -> None:
    stream = Stream(start, start + 3_000)
    stream.play(start + 3_200, frame_ms, gop_ms)
    before = [when for when, _ in stream.frames if when < start]
    assert before == [*range(0, start, frame_ms)]
    assert stream.swap.state == "played"
    for one in stream.found:
        assert one.duration_ms >= 900
