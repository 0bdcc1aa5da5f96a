"""A frozen camera is found; a quiet one is left alone and costs nothing."""

from __future__ import annotations

from typing import Any

from gatehouse_edge.media import mkv
from gatehouse_edge.media.frozen import FrozenDetector, FrozenLimits, key_picture

LIMITS = FrozenLimits(check_s=10, frozen_s=60)


def watch(detector: FrozenDetector, seconds: int, key: bytes, other: int, picture: bytes) -> int:
    """Let a stream run with a fragment each second; return how many pictures were decoded."""
    decoded = 0
    for second in range(seconds):
        if detector.wants_picture(second * 1000, key, other):
            decoded += 1
            detector.compare(second * 1000, picture)
    return decoded


def test_a_repeated_buffer_is_frozen_after_the_limit() -> None:
    detector = FrozenDetector(LIMITS)
    watch(detector, 60, b"k" * 100, 500, b"\x05" * 9)
    assert not detector.frozen
    decoded = watch(detector, 80, b"k" * 100, 500, b"\x05" * 9)
    assert detector.frozen
    assert decoded <= 8


def test_an_encoder_that_skips_everything_is_frozen_until_it_moves() -> None:
    detector = FrozenDetector(LIMITS)
    for second in range(80):
        key = second.to_bytes(2, "big") * 500
        if detector.wants_picture(second * 1000, key, 20):
            detector.compare(second * 1000, b"\x07" * 9)
    assert detector.frozen
    detector.wants_picture(81_000, b"k" * 1000, 700)
    assert not detector.frozen


def test_a_quiet_scene_with_a_clock_on_it_is_not_frozen() -> None:
    detector = FrozenDetector(LIMITS)
    for second in range(200):
        key = second.to_bytes(2, "big") * 500
        if detector.wants_picture(second * 1000, key, 20):
            detector.compare(second * 1000, b"\x07" * 8 + bytes((second,)))
    assert not detector.frozen


def test_a_moving_scene_is_never_decoded() -> None:
    detector = FrozenDetector(LIMITS)
    wanted = [
        detector.wants_picture(second * 1000, second.to_bytes(2, "big") * 500, 5000) for second in range(100)
    ]
    assert not any(wanted)


def test_a_key_frame_decodes_to_pixels(film: Any) -> None:
    key = b"".join(len(nal).to_bytes(4, "big") + nal for nal in film.units[0][1])
    document = mkv.header(film.sets.codec_private(), 176, 128) + mkv.cluster(1, [(0, True, key)])
    picture = key_picture(document)
    assert len(picture) == 160 * 90
    assert max(picture) > 150
    assert key_picture(document[:200]) == b""
