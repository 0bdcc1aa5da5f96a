"""A changed camera is probed until it is proved or failed, an attempt that says nothing once more."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.rollout.probe import Verdict
from gatehouse.rollout.probe_attempts import (
    MISSED,
    attempt_id,
    camera_after,
    is_repeated,
    proved,
    standing,
)

CHANGED = {"CAM_1": 1_000}
FIRST, SECOND = attempt_id("run-1", "CAM_1", 1), attempt_id("run-1", "CAM_1", 2, again=True)
PASSED = Verdict("Successful", None, "every step of the path gave proof in time")
UNSEEN = Verdict("Inconclusive", "documents", "documents could not be asked for in time")
UNMATCHED = Verdict("Failed", "enrolled", "the enrolled face was seen and not matched in time")
NOT_PLAYED = Verdict("Failed", "proxy", "the proxy could not play the clip: it restarted")


@dataclass(frozen=True)
class Attempt:
    """One stored probe."""

    probe_id: str = FIRST
    camera_id: str = "CAM_1"
    start_ms: int = 2_000
    state: str = "ordered"


@pytest.mark.parametrize("step", ["verified", "probing"])
def test_a_changed_camera_is_due(step: str) -> None:
    assert standing("run-1", {"CAM_1": step}, CHANGED, []).due == {"CAM_1": FIRST}


@pytest.mark.parametrize("step", ["failed", "prepared", "baking", "healthy", "rolled_back", "planned"])
def test_a_camera_that_isnt_just_verified_is_left_alone(step: str) -> None:
    found = standing("run-1", {"CAM_1": step}, CHANGED, [])
    assert (found.due, found.running) == ({}, ())


def test_a_camera_that_wasnt_changed_isnt_probed() -> None:
    assert standing("run-1", {"CAM_1": "verified"}, {}, []).due == {}


@pytest.mark.parametrize("state", ["planned", "ordered", "playing", "played"])
@pytest.mark.parametrize("step", ["verified", "probing"])
def test_what_a_killed_task_left_is_waited_for_and_not_doubled(step: str, state: str) -> None:
    found = standing("run-1", {"CAM_1": step}, CHANGED, [Attempt(state=state)])
    assert (found.running, found.due, found.outdated) == ((FIRST,), {}, ())


def test_a_proved_camera_isnt_probed_again() -> None:
    found = standing("run-1", {"CAM_1": "verified"}, CHANGED, [Attempt(state="passed")])
    assert (found.proved, found.due, found.running) == ({"CAM_1"}, {}, ())


def test_what_was_proved_before_a_change_is_to_be_proved_again() -> None:
    found = standing("run-1", {"CAM_1": "verified"}, {"CAM_1": 2_001}, [Attempt(state="passed")])
    assert found.proved == frozenset()
    assert found.due == {"CAM_1": attempt_id("run-1", "CAM_1", 2)}


def test_an_attempt_from_before_a_change_is_given_up_for_a_new_one() -> None:
    found = standing("run-1", {"CAM_1": "verified"}, {"CAM_1": 2_001}, [Attempt(state="playing")])
    assert (found.outdated, found.running) == ((FIRST,), ())
    assert found.due == {"CAM_1": attempt_id("run-1", "CAM_1", 2)}


def test_an_ended_attempt_of_a_camera_still_probing_is_repeated() -> None:
    found = standing("run-1", {"CAM_1": "probing"}, CHANGED, [Attempt(state="failed")])
    assert found.due == {"CAM_1": SECOND}


def test_whoever_verifies_a_failed_camera_again_gets_a_first_attempt_again() -> None:
    tried = [Attempt(state="failed"), Attempt(SECOND, start_ms=30_000, state="failed")]
    found = standing("run-1", {"CAM_1": "verified"}, CHANGED, tried)
    assert found.due == {"CAM_1": attempt_id("run-1", "CAM_1", 3)}


@pytest.mark.parametrize("verdict", [UNSEEN, MISSED, NOT_PLAYED])
def test_an_attempt_that_says_nothing_is_repeated_once(verdict: Verdict) -> None:
    assert is_repeated(FIRST, verdict)
    assert camera_after(FIRST, verdict)[0] == "probing"
    assert not is_repeated(SECOND, verdict)
    step, reason = camera_after(SECOND, verdict)
    assert step == "failed"
    assert verdict.reason in reason


def test_what_was_seen_to_fail_isnt_repeated() -> None:
    step, reason = camera_after(FIRST, UNMATCHED)
    assert step == "failed"
    assert reason.startswith("its probe failed at enrolled: the enrolled face was seen and not matched")
    assert "hr_face_sync" in reason


def test_a_passed_probe_leaves_its_camera_to_the_bake() -> None:
    assert camera_after(FIRST, PASSED)[0] == "verified"


@given(verdicts=st.lists(st.sampled_from([PASSED, UNSEEN, UNMATCHED, NOT_PLAYED, MISSED]), min_size=2))
def test_a_camera_comes_to_an_end_after_two_attempts_at_most(verdicts: list[Verdict]) -> None:
    step, attempts = "verified", list[Attempt]()
    for number, verdict in enumerate(verdicts):
        due = standing("run-1", {"CAM_1": step}, CHANGED, attempts).due
        if not due:
            break
        assert number < 2
        ended = "passed" if verdict is PASSED else "failed"
        attempts.append(Attempt(due["CAM_1"], start_ms=2_000 + number * 30_000, state=ended))
        step = camera_after(due["CAM_1"], verdict)[0]
    assert step in {"verified", "failed"}
    assert (step == "verified") == (proved(CHANGED, attempts) == {"CAM_1"})
    assert len({attempt.probe_id for attempt in attempts}) == len(attempts)


def test_cameras_are_judged_each_for_itself() -> None:
    other = replace(Attempt(), probe_id="p9", camera_id="CAM_2", state="passed")
    steps = {"CAM_1": "probing", "CAM_2": "verified", "CAM_3": "verified"}
    found = standing("run-1", steps, dict.fromkeys(steps, 1_000), [Attempt(), other])
    assert (found.running, found.proved) == ((FIRST,), {"CAM_2"})
    assert list(found.due) == ["CAM_3"]
