"""Partial is never success, and a roll-back is finished once begun."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatehouse.rollout.phases import (
    CAMERA_STEPS,
    PHASES,
    Phase,
    may_become,
    may_precede,
    may_step,
    may_step_from,
    phase_of,
    worst_of,
    worst_result,
)

phases = st.sampled_from(PHASES)


@given(st.lists(phases, max_size=6))
def test_the_whole_is_healthy_only_if_all_of_something_is(found: list[Phase]) -> None:
    assert (worst_of(found) == "Healthy") == (set(found) == {"Healthy"})


@given(st.lists(phases, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_worst_of_parts_is_the_worst_of_all(found: list[Phase], random: object) -> None:
    at = random.randrange(1, len(found) + 1)  # type: ignore[attr-defined]
    parts = [worst_of(part) for part in (found[:at], found[at:]) if part]
    assert worst_of(parts) == worst_of(found)


def test_nothing_begun_is_pending_and_some_done_is_progressing() -> None:
    assert worst_of([]) == "Pending"
    assert worst_of(["Pending", "Pending"]) == "Pending"
    assert worst_of(["Healthy", "Pending"]) == "Progressing"
    assert worst_of(["Healthy", "Degraded", "Paused"]) == "Degraded"


def test_nothing_becomes_healthy_unseen() -> None:
    assert not may_become("Pending", "Healthy")
    assert "Pending" not in may_precede("Healthy")
    assert all(may_become(phase, phase) for phase in PHASES)


def test_only_a_baked_camera_becomes_healthy() -> None:
    assert may_step_from("healthy") == ("baking", "healthy")
    assert [step for step in CAMERA_STEPS if phase_of(step) == "Healthy"] == ["healthy"]


def test_a_promoted_camera_is_no_healthy_one_until_it_bakes_again() -> None:
    assert phase_of("promoted") == "Degraded"
    assert may_step_from("promoted") == ("baking", "promoted")
    assert may_step("promoted", "baking")
    assert not may_step("promoted", "healthy")
    assert not may_step("promoted", "verified")


def test_a_late_word_calls_off_no_roll_back_and_no_quarantine() -> None:
    assert [step for step in CAMERA_STEPS if may_step("rolling_back", step)] == [
        "rolling_back",
        "rolled_back",
    ]
    for step in ("rolled_back", "quarantined"):
        onward = {then for then in CAMERA_STEPS if may_step(step, then)}
        assert onward == {step, "provisioning", "rolling_back"}


def test_no_result_at_all_is_inconclusive() -> None:
    assert worst_result([]) == "Inconclusive"
    assert worst_result(["Successful", "Inconclusive"]) == "Inconclusive"
    assert worst_result(["Error", "Failed"]) == "Failed"
