"""A probe passes on proof of every step, and says which step gave none."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.rollout.probe import (
    KNOWN_MS,
    LEAD_MS,
    ClipTruth,
    Interval,
    ProbeFace,
    Receipt,
    choose_interval,
    in_time,
    judge_probe,
)

TRUTH = ClipTruth("E1519", (0, 5_000), (5_000, 11_000), 11_000)
INTERVAL = Interval(100_000, 111_000, 171_000)
KNOWN = ProbeFace(102_000, "E1519", 120_000)
STRANGER = ProbeFace(108_000, None, 121_000)
PASSED = Receipt("played", "", (103_000, 106_000), 11, (KNOWN, STRANGER), 125_000)
EARLY, LATE = 130_000, 171_000


def test_a_complete_receipt_passes_before_the_deadline() -> None:
    verdict = judge_probe(INTERVAL, TRUTH, PASSED, EARLY)
    assert verdict is not None
    assert (verdict.result, verdict.step) == ("Successful", None)


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"proxy": "waiting"}, "proxy"),
        ({"fragments": ()}, "fragments"),
        ({"fragments": (171_001,)}, "fragments"),
        ({"records": 0}, "records"),
        ({"faces": ()}, "documents"),
        ({"faces": (replace(KNOWN, ingested_ms=171_001),)}, "documents"),
        ({"notified_ms": 0}, "notification"),
        ({"notified_ms": 171_001}, "notification"),
        ({"faces": (replace(KNOWN, person_id=None), STRANGER)}, "enrolled"),
        ({"faces": (KNOWN,)}, "stranger"),
    ],
)
def test_the_first_step_without_proof_is_waited_for_and_then_named(
    change: dict[str, object], step: str
) -> None:
    receipt = replace(PASSED, **change)  # type: ignore[arg-type]
    assert judge_probe(INTERVAL, TRUTH, receipt, EARLY) is None
    verdict = judge_probe(INTERVAL, TRUTH, receipt, LATE)
    assert verdict is not None
    assert (verdict.result, verdict.step) == ("Failed", step)


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"proxy": "failed", "proxy_reason": "the clip wasn't there"}, "proxy"),
        ({"faces": (KNOWN, replace(STRANGER, person_id="E1519"))}, "stranger"),
        ({"faces": (KNOWN, replace(STRANGER, person_id="E1001"))}, "stranger"),
        ({"faces": (replace(KNOWN, person_id="E1001"), STRANGER)}, "enrolled"),
    ],
)
def test_what_waiting_can_t_mend_fails_at_once(change: dict[str, object], step: str) -> None:
    verdict = judge_probe(INTERVAL, TRUTH, replace(PASSED, **change), EARLY)  # type: ignore[arg-type]
    assert verdict is not None
    assert (verdict.result, verdict.step) == ("Failed", step)
    assert "E1001" not in verdict.reason


def test_what_could_not_be_asked_is_inconclusive() -> None:
    nothing = Receipt(None, "", None, None, None, None)
    verdict = judge_probe(INTERVAL, TRUTH, nothing, LATE)
    assert verdict is not None
    assert (verdict.result, verdict.step) == ("Inconclusive", "proxy")
    verdict = judge_probe(INTERVAL, TRUTH, replace(PASSED, faces=None), LATE)
    assert verdict is not None
    assert (verdict.result, verdict.step) == ("Inconclusive", "documents")


def test_a_frame_where_the_picture_changes_may_show_either_face() -> None:
    between = replace(KNOWN, at_ms=105_200)
    verdict = judge_probe(INTERVAL, TRUTH, replace(PASSED, faces=(KNOWN, between, STRANGER)), EARLY)
    assert verdict is not None
    assert verdict.result == "Successful"


@given(now=st.integers(0, 2**41), length=st.integers(1, 30_000), allowance=st.integers(0, 120_000))
def test_an_interval_covers_whole_seconds_and_the_clip_and_leaves_the_lead(
    now: int, length: int, allowance: int
) -> None:
    chosen = choose_interval(now, length, allowance)
    assert chosen.start_ms % 1000 == chosen.end_ms % 1000 == 0
    assert LEAD_MS <= chosen.start_ms - now < LEAD_MS + 1000
    assert length <= chosen.end_ms - chosen.start_ms < length + 1000
    assert chosen.deadline_ms == chosen.end_ms + allowance


@given(now=st.integers(0, 2**41), ends=st.integers(-600_000, 600_000))
def test_another_attempt_begins_after_the_one_before_it_in_any_case(now: int, ends: int) -> None:
    chosen = choose_interval(now, 11_000, 60_000, after_ms=now + ends)
    assert chosen.start_ms >= max(now + LEAD_MS, now + ends)
    assert chosen.start_ms < max(now + LEAD_MS, now + ends) + 1000


def test_a_chosen_interval_is_in_time_until_ingest_might_learn_of_it_too_late() -> None:
    chosen = choose_interval(1_000_000, 11_000, 60_000)
    assert in_time(chosen.start_ms, 1_000_000)
    assert in_time(chosen.start_ms, chosen.start_ms - KNOWN_MS)
    assert not in_time(chosen.start_ms, chosen.start_ms - KNOWN_MS + 1)


def test_a_clips_truth_outlives_a_trip_through_json() -> None:
    assert ClipTruth.from_json(json.loads(json.dumps(asdict(TRUTH)))) == TRUTH
