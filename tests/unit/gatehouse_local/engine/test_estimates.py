"""Pose, quality, confidence and scale behave as their docstrings say."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse_local.engine.model import confidence_of
from gatehouse_local.engine.pose import NOSE_DROP, estimate_pose
from gatehouse_local.engine.quality import measure_quality
from gatehouse_local.engine.scale import Scale, UnknownScaleError, load_scale

# Right eye's corners, left eye's corners, nose: a level, frontal face with eyes 100 pixels apart.
LEVEL = np.array([[170, 100], [130, 100], [30, 100], [70, 100], [100, 100 + 100 * NOSE_DROP]], float)


def test_a_level_face_has_no_angles() -> None:
    pose = estimate_pose(LEVEL)
    assert (pose.roll, pose.yaw, pose.pitch) == pytest.approx((0, 0, 0), abs=1e-6)


def test_a_nose_towards_the_right_is_a_positive_yaw_and_a_raised_one_a_positive_pitch() -> None:
    turned = LEVEL.copy()
    turned[4] += (20, -20)
    pose = estimate_pose(turned)
    assert 20 < pose.yaw < 40
    assert 20 < pose.pitch < 40


@given(st.floats(-60, 60))
def test_roll_is_the_angle_of_the_eyes_and_leaves_the_others_alone(degrees: float) -> None:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    pose = estimate_pose(LEVEL @ turn.T)
    assert (pose.roll, pose.yaw, pose.pitch) == pytest.approx((degrees, 0, 0), abs=1e-6)


def test_blur_lowers_sharpness_and_light_raises_brightness() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (150, 150, 3), dtype=np.uint8)
    smooth = np.full_like(noise, 200)
    assert measure_quality(noise).sharpness > 90
    assert measure_quality(smooth).sharpness == 0
    assert measure_quality(smooth).brightness == pytest.approx(200 / 255 * 100, abs=0.1)


@given(st.floats(-1, 4), st.floats(0, 1))
def test_confidence_grows_with_the_margin(score: float, more: float) -> None:
    assert 0 <= confidence_of(score) <= confidence_of(score + more) <= 100


@given(st.floats(1, 99))
def test_a_scale_maps_there_and_back(similarity: float) -> None:
    scale = Scale("any", 0.6, 0.03)
    assert scale.similarity(np.array([scale.distance(similarity)]))[0] == pytest.approx(similarity)


def test_a_scale_goes_through_its_two_points() -> None:
    scale = Scale.through("any", (0.55, 80), (0.45, 99))
    assert scale.similarity(np.array([0.55, 0.45])) == pytest.approx([80, 99])


def test_every_committed_scale_says_how_it_was_derived() -> None:
    folder = resources.files("gatehouse_local.engine") / "scales"
    for file in folder.iterdir():
        data = json.loads(file.read_text("utf-8"))
        scale = load_scale(data["name"])
        assert file.name == f"{scale.name}.json"
        assert data["derived"].keys() >= {"date", "command", "rule", "excluded"}
        assert [rate["similarity"] for rate in data["measured"]["rates"]] == [80, 90, 95, 99]
        assert scale.similarity(np.array([0.0]))[0] > 99.9


def test_an_unknown_scale_is_named_with_those_that_exist() -> None:
    with pytest.raises(UnknownScaleError, match=r"'ours'.*real-faces"):
        load_scale("ours")
