"""No data never passes, only post-change evidence counts, and a wave is as good as its worst camera."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.office.policy import Gate, Tolerance
from gatehouse.rollout.gate import Analysis, Bake, judge_camera, judge_wave
from gatehouse.rollout.sample import CameraSample

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
GATE = Gate(bake_seconds=600, settle_seconds=60, sample_every_seconds=30, minimum_samples=3, failed_samples=2)
BORN = Tolerance(cameras=1, percent=50, minimum_cameras=2)
STRICT = Tolerance(cameras=9, percent=100, quarantine=False)
GOOD: dict[str, Any] = {
    "fragments": 30,
    "ack_errors": 0,
    "lag_seconds": 3.0,
    "frames": 60,
    "face_frames": 10,
    "documents": 12,
    "latency_seconds": 4.0,
    "processor": "RUNNING",
}
BAD: dict[str, dict[str, Any]] = {
    "fragments": {"fragments": 0},
    "ack_errors": {"ack_errors": 20},
    "lag": {"lag_seconds": 300.0},
    "frames": {"frames": 0},
    "documents": {"documents": 1},
    "latency": {"latency_seconds": 90.0},
    "processor": {"processor": "STOPPED"},
}


def sample(number: int, camera: str = "CAM_1", **changes: Any) -> CameraSample:
    """Return the number-th sample, one each 30 s from the end of settling on."""
    at = NOON + timedelta(seconds=60 + 30 * number)
    return CameraSample(camera, since=max(NOON, at - 120 * SECOND), at=at, **{**GOOD, **changes})


def camera(*samples: CameraSample) -> tuple[str, str]:
    found = judge_camera(samples, NOON, GATE)
    return found.result, found.reason


def wave(
    samples: list[CameraSample],
    cameras: str = "12",
    after: int = 600,
    tolerance: Tolerance = BORN,
    *,
    overdue: bool = False,
) -> Analysis:
    changed = {f"CAM_{name}": NOON for name in cameras}
    bake = Bake(changed, NOON + 600 * SECOND, NOON + after * SECOND, overdue)
    return judge_wave(samples, bake, GATE, tolerance)


def good(name: str, count: int = 3) -> list[CameraSample]:
    return [sample(number, f"CAM_{name}") for number in range(count)]


def test_enough_good_samples_are_successful() -> None:
    assert camera(sample(0), sample(1), sample(2)) == ("Successful", "")


def test_too_few_samples_are_inconclusive() -> None:
    result, reason = camera(sample(0), sample(1))
    assert result == "Inconclusive"
    assert reason.startswith("fragments: 2 of 3 samples are there")


@pytest.mark.parametrize("metric", BAD)
def test_bad_samples_in_a_row_fail_a_camera(metric: str) -> None:
    assert (
        camera(*(sample(at) for at in range(3)), *(sample(at, **BAD[metric]) for at in (3, 4)))[0] == "Failed"
    )


@pytest.mark.parametrize("metric", BAD)
def test_one_bad_sample_at_the_end_is_not_settled_and_one_between_is_borne(metric: str) -> None:
    start = [sample(at) for at in range(3)]
    result, reason = camera(*start, sample(3, **BAD[metric]))
    assert (result, "not settled" in reason) == ("Inconclusive", True)
    assert camera(*start, sample(3, **BAD[metric]), sample(4))[0] == "Successful"


def test_what_was_before_the_change_or_has_not_settled_counts_for_nothing() -> None:
    before = [replace(sample(at), since=NOON - SECOND) for at in range(3)]
    early = [replace(sample(0), at=NOON + timedelta(seconds=at)) for at in (10, 20, 30)]
    assert judge_camera([*before, *early], NOON, GATE).samples == 0
    assert camera(*before, *early)[0] == "Inconclusive"


def test_a_camera_that_nobody_passes_is_healthy_without_documents() -> None:
    nobody = {"face_frames": 0, "documents": 0, "latency_seconds": None}
    assert camera(*(sample(at, **nobody) for at in range(3)))[0] == "Successful"


def test_what_cant_be_asked_is_an_error_once_it_lasts() -> None:
    unread = {"documents": None, "errors": {"documents": "ConnectionError"}}
    start = [sample(at) for at in range(3)]
    assert camera(*start, *(sample(at, **unread) for at in (3, 4, 5)))[0] == "Inconclusive"
    result, reason = camera(*start, *(sample(at, **unread) for at in (3, 4, 5, 6)))
    assert (result, reason) == ("Error", "documents can't be asked: ConnectionError")


def test_a_processor_starting_for_over_two_minutes_fails_at_once() -> None:
    starting = {"processor": "STARTING"}
    assert camera(sample(0, **starting, starting_seconds=120))[0] == "Inconclusive"
    result, reason = camera(replace(sample(0, **starting, starting_seconds=121), at=NOON + SECOND))
    assert result == "Failed"
    assert reason == "its processor is STARTING for 121 s. Delete and create it again"


def test_a_failed_processor_says_why() -> None:
    failed = sample(0, processor="FAILED", processor_message="Access denied to Role")
    assert camera(failed) == ("Failed", "its processor FAILED: Access denied to Role")


def test_a_wave_bakes_then_passes() -> None:
    samples = [*good("1"), *good("2")]
    assert wave(samples, after=599).decision == "bake"
    assert wave(samples).decision == "pass"


def test_no_data_pauses_and_fails_when_the_stages_time_is_up() -> None:
    found = wave([])
    assert (found.result, found.decision) == ("Inconclusive", "pause")
    late = wave([], overdue=True)
    assert (late.decision, late.reason.endswith("The stage's time is up")) == ("fail", True)


def test_data_that_comes_late_ends_the_pause() -> None:
    samples = [*good("1"), *good("2", count=2)]
    assert wave(samples).decision == "pause"
    assert wave([*samples, sample(5, "CAM_2")], after=700).decision == "pass"


def test_a_few_bad_cameras_are_set_aside() -> None:
    samples = [*good("1"), *(sample(at, "CAM_2", frames=0) for at in range(3))]
    found = wave(samples)
    assert (found.result, found.decision, found.quarantined) == ("Successful", "pass", ("CAM_2",))
    assert "Set aside: CAM_2: 0.0 analysed frames a minute, 6 expected" in found.reason


def test_too_many_bad_cameras_stop_the_bake() -> None:
    samples = [sample(at, f"CAM_{name}", frames=0) for at in range(3) for name in "12"]
    found = wave([*samples, *good("3")], "123", after=100)
    assert (found.result, found.decision, found.quarantined) == ("Failed", "fail", ())


def test_without_quarantine_a_bad_camera_fails_the_wave_when_it_has_baked() -> None:
    samples = [*good("1"), *(sample(at, "CAM_2", frames=0) for at in range(3))]
    assert wave(samples, after=300, tolerance=STRICT).decision == "bake"
    assert wave(samples, tolerance=STRICT).decision == "fail"


def test_a_wave_that_cant_be_seen_pauses_at_once() -> None:
    blind = {"documents": None, "errors": {"documents": "ConnectionError"}}
    found = wave([*good("1"), *(sample(at, "CAM_2", **blind) for at in range(4))], after=200)
    assert (found.result, found.decision) == ("Error", "pause")


values = st.one_of(st.none(), st.integers(0, 100))
any_sample = st.builds(
    CameraSample,
    camera_id=st.sampled_from(["CAM_1", "CAM_2", "CAM_3"]),
    since=st.integers(-60, 600).map(lambda seconds: NOON + seconds * SECOND),
    at=st.integers(1, 900).map(lambda seconds: NOON + seconds * SECOND),
    fragments=values,
    ack_errors=values,
    lag_seconds=values,
    frames=values,
    face_frames=values,
    documents=values,
    latency_seconds=values,
    processor=st.sampled_from([None, "RUNNING", "STARTING", "STOPPED", "FAILED", ""]),
    errors=st.dictionaries(st.sampled_from(list(BAD)), st.just("down"), max_size=2),
)
# One look a moment, as a gate makes them.
looks = st.lists(any_sample, max_size=12, unique_by=lambda found: (found.camera_id, found.at))


@given(looks, st.booleans(), st.randoms(use_true_random=False))
def test_a_wave_passes_only_with_enough_good_samples_of_every_camera_kept(
    samples: list[CameraSample], overdue: bool, random: Any
) -> None:
    found = wave(samples, overdue=overdue)
    shuffled = [*samples, *samples]
    random.shuffle(shuffled)
    assert wave(shuffled, overdue=overdue) == found
    if found.decision == "pass":
        for camera_id in {"CAM_1", "CAM_2"} - set(found.quarantined):
            mine = [item for item in samples if item.camera_id == camera_id and item.since >= NOON]
            assert len([item for item in mine if item.processor == "RUNNING" and item.fragments]) >= 3
    assert len(found.quarantined) <= BORN.cameras


@given(looks)
def test_every_wave_is_decided_when_its_time_is_up(samples: list[CameraSample]) -> None:
    assert wave(samples, after=9999, overdue=True).decision in {"pass", "fail"}


@given(any_sample)
def test_a_sample_survives_the_trip_through_json(found: CameraSample) -> None:
    assert CameraSample.from_json(found.to_json()) == found
