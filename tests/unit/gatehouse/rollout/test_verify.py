"""Only fresh evidence of the whole path verifies a camera."""

from __future__ import annotations

import pytest

from gatehouse.rollout.verify import Evidence, judge_analysis, judge_camera, judge_media, judge_processor

WHOLE = Evidence(fragments=5, frames_analysed=20, documents=3, processor_status="RUNNING")


def test_the_whole_path_seen_is_verified() -> None:
    verdict = judge_camera("CAM_1", WHOLE, overdue=False)
    assert (verdict.outcome, verdict.reason) == (
        "verified",
        "5 fragments, 20 frames analysed, 3 documents searchable",
    )


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (Evidence(processor_status="RUNNING"), "proxy hasn't reported this camera"),
        (Evidence(edge_phase="reconnecting", edge_reason="401"), "proxy says 'reconnecting: 401'"),
        (Evidence(fragments=5), "no analysed frame is searchable"),
        (Evidence(fragments=5, frames_analysed=20), "no face is searchable"),
    ],
)
def test_no_data_waits_and_in_the_end_fails_with_the_missing_step(evidence: Evidence, reason: str) -> None:
    waiting = judge_camera("CAM_1", evidence, overdue=False)
    overdue = judge_camera("CAM_1", evidence, overdue=True)
    assert (waiting.outcome, overdue.outcome) == ("waiting", "failed")
    assert reason in overdue.reason


def test_analysed_frames_are_enough_where_a_probe_brings_the_faces() -> None:
    quiet = Evidence(fragments=5, frames_analysed=20, processor_status="RUNNING")
    verdict = judge_analysis("CAM_1", quiet, overdue=False)
    assert (verdict.outcome, verdict.reason) == ("verified", "5 fragments, 20 frames analysed")


def test_without_an_analysed_frame_no_camera_is_left_to_its_probe() -> None:
    verdict = judge_analysis("CAM_1", Evidence(fragments=5), overdue=True)
    assert verdict.outcome == "failed"
    assert "no analysed frame is searchable" in verdict.reason


def test_a_failed_processor_fails_at_once_with_the_message_of_aws() -> None:
    evidence = Evidence(fragments=5, processor_status="FAILED", processor_message="Access denied to Role")
    verdict = judge_camera("CAM_1", evidence, overdue=False)
    assert verdict.outcome == "failed"
    assert "Access denied to Role" in verdict.reason


def test_media_flows_once_a_fragment_arrived() -> None:
    assert judge_media("CAM_1", Evidence(fragments=1), overdue=False).outcome == "verified"
    assert judge_media("CAM_1", Evidence(edge_phase="starting"), overdue=False).outcome == "waiting"


def test_a_camera_that_the_proxy_refuses_is_not_waited_for() -> None:
    refused = Evidence(edge_phase="refused", edge_reason="serves H.265", edge_after_s=10.5)
    verdict = judge_media("CAM_1", refused, overdue=False)
    assert verdict.outcome == "failed"
    assert "serves H.265" in verdict.reason


def test_a_refusal_right_after_the_change_may_be_from_before_it() -> None:
    early = Evidence(edge_phase="refused", edge_reason="wrong password", edge_after_s=3.0)
    assert judge_media("CAM_1", early, overdue=False).outcome == "waiting"
    overdue = judge_media("CAM_1", early, overdue=True)
    assert overdue.outcome == "failed"
    assert "wrong password" in overdue.reason


@pytest.mark.parametrize(
    ("status", "overdue", "outcome"),
    [
        ("RUNNING", False, "verified"),
        ("STARTING", False, "waiting"),
        ("STARTING", True, "failed"),
        ("", True, "failed"),
        ("FAILED", False, "failed"),
    ],
)
def test_a_started_processor_is_waited_for_until_it_runs(status: str, overdue: bool, outcome: str) -> None:
    assert judge_processor("CAM_1", Evidence(processor_status=status), overdue=overdue).outcome == outcome
