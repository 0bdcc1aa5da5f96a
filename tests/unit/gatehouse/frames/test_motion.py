from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.frames.motion import THUMBNAIL_SIZE, MotionGate, Reference, changed_share, passage

WIDTH, HEIGHT = THUMBNAIL_SIZE
GATE = MotionGate()
STILL = np.full((HEIGHT, WIDTH), 100, dtype=np.uint8)
AT = 1_795_000_000_000


def test_the_first_frame_passes() -> None:
    assert passage(GATE, None, STILL, AT) == "first"


def test_a_still_scene_is_gated_until_a_look_is_due() -> None:
    reference = Reference(AT, STILL, faces=False)
    assert passage(GATE, reference, STILL, AT + 9_999) is None
    assert passage(GATE, reference, STILL, AT + 10_000) == "due"
    assert passage(GATE, reference, STILL, AT - 10_000) == "due"


def test_somebody_who_stands_still_is_not_gated() -> None:
    assert passage(GATE, Reference(AT, STILL, faces=True), STILL, AT + 1000) == "faces"


def test_a_head_of_a_hundredth_of_the_frame_passes() -> None:
    entered = STILL.copy()
    entered[10:14, 10:16] = 160
    assert passage(GATE, Reference(AT, STILL, faces=False), entered, AT + 1000) == "motion"


def test_a_camera_with_another_resolution_passes() -> None:
    assert changed_share(STILL, STILL[:, : WIDTH // 2], 10) == 1.0


@given(st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_noise_is_no_motion(seed: int, noise: int) -> None:
    random = np.random.default_rng(seed)
    noisy = (STILL + random.integers(-noise, noise + 1, STILL.shape)).astype(np.uint8)
    assert passage(GATE, Reference(AT, STILL, faces=False), noisy, AT + 1000) is None


@given(st.integers(0, 255), st.integers(0, 255), st.integers(1, 255))
def test_the_share_is_the_same_both_ways_round(before: int, after: int, level: int) -> None:
    one, other = np.full_like(STILL, before), np.full_like(STILL, after)
    share = changed_share(one, other, level)
    assert share == changed_share(other, one, level) == pytest.approx(float(abs(before - after) > level))
