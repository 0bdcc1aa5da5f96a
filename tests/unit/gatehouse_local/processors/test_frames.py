"""Sampled frames come out of a fragment in order, with their own pixels, B-frames or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gatehouse_local.kinesisvideo.media import Fragment
from gatehouse_local.processors.frames import FragmentUndecodableError, Frame, open_clip
from gatehouse_local.processors.sampling import Sampler


def number(frame: Frame) -> int:
    return round((float(frame.pixels.mean()) - 40) / 6)


@pytest.mark.parametrize("b_frames", [0, 2])
def test_the_first_frame_of_each_second_is_decoded(fragment: Callable[..., Fragment], b_frames: int) -> None:
    with open_clip(fragment(31, b_frames=b_frames)) as clip:
        frames = list(clip.frames(Sampler(1)))
        assert clip.span == pytest.approx(3.0)
    assert [frame.offset for frame in frames] == pytest.approx([0.0, 1.0, 2.0, 3.0])
    assert [number(frame) for frame in frames] == [0, 10, 20, 30]


def test_a_fragment_that_starts_within_a_second_waits_for_the_next(fragment: Callable[..., Fragment]) -> None:
    sampler = Sampler(1)
    with open_clip(fragment(10, producer=1000.0)) as clip:
        assert [number(frame) for frame in clip.frames(sampler)] == [0]
    with open_clip(fragment(10, producer=1000.5)) as clip:
        assert [number(frame) for frame in clip.frames(sampler)] == [5]


def test_offsets_count_from_the_clusters_own_time(fragment: Callable[..., Fragment]) -> None:
    late = replace(fragment(10), timecode=-5.0)
    with open_clip(late) as clip:
        assert [frame.offset for frame in clip.frames(Sampler(1))] == pytest.approx([5.0])


def test_bytes_that_are_no_video_are_named(fragment: Callable[..., Fragment]) -> None:
    with (
        pytest.raises(FragmentUndecodableError, match="91343852333179544"),
        open_clip(replace(fragment(1), mkv=b"\x1aE\xdf\xa3nonsense")),
    ):
        pass
