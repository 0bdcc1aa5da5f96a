"""What a preflight saw becomes findings with remedies; what it couldn't see is never taken for good."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.capacity.demand import Fleet, Sampling, fleet_demand
from gatehouse.capacity.headroom import check_headroom
from gatehouse.capacity.quotas import load_quotas
from gatehouse.exceptions import PreflightError
from gatehouse.rollout.preflight import (
    PreflightSeen,
    RegionSeen,
    Seen,
    judge,
    refuse_blocked,
    render_findings,
    verdict,
)

QUOTAS = load_quotas(Path(__file__).parents[4] / "config")
YES = Seen("yes")
BOTH = frozenset({"stream_processor", "frame_search"})


def region(name: str = "eu-central-1", **changes: object) -> RegionSeen:
    well = {
        "engines": BOTH,
        "streaming_right": YES,
        "role_trust": YES,
        "ingest_function": YES,
        "cameras": {"CAM_1": YES},
    }
    return RegionSeen(name, **{**well, **changes})  # type: ignore[arg-type]


def seen(*regions: RegionSeen, **changes: object) -> PreflightSeen:
    return PreflightSeen(regions or (region(),), **{"ai_opt_out": YES, "opensearch": YES, **changes})  # type: ignore[arg-type]


def test_all_proved_well_finds_nothing() -> None:
    assert judge(seen()) == ()
    assert verdict(()).passed
    assert render_findings(()) == "Preflight: everything was proved well"


def test_an_account_without_the_right_to_streaming_is_stopped_with_the_way_out() -> None:
    (finding,) = judge(seen(region(streaming_right=Seen("no", "AccessDeniedException"))))
    assert (finding.code, finding.severity) == ("streaming_right", "blocking")
    assert "closed to new customers on 2026-04-30 (AccessDeniedException)" in finding.found
    assert "frame_search" in finding.remedy


def test_frame_search_alone_needs_neither_right_nor_role() -> None:
    searching = region("sa-east-1", engines=frozenset({"frame_search"}), streaming_right=Seen("no"))
    assert judge(seen(searching)) == ()


def test_a_region_without_the_engine_is_named_with_those_that_have_it() -> None:
    (finding,) = judge(seen(region("sa-east-1")))
    assert finding.code == "engine_region"
    assert "eu-central-1" in finding.remedy


def test_a_plan_that_exceeds_a_quota_is_stopped_with_what_to_request() -> None:
    sampling = Sampling(1, 0.5, 0.5, 1)
    needs = fleet_demand([Fleet("eu-central-1", "stream_processor", 100)], sampling).values()
    findings = judge(seen(headroom=check_headroom(QUOTAS, needs, {})))
    assert [finding.severity for finding in findings] == ["blocking"]
    assert "Request 120 for quota L-8D9029A2" in findings[0].remedy


def test_a_quota_that_is_nearly_used_up_is_told_and_stops_nothing() -> None:
    needs = fleet_demand([Fleet("eu-central-1", "stream_processor", 10)], Sampling(1, 0.5, 0.5, 1)).values()
    findings = judge(seen(headroom=check_headroom(QUOTAS, needs, {})))
    assert [finding.severity for finding in findings] == ["advisory"]
    assert "0 of 10 are left" in findings[0].found


def test_a_dry_run_says_what_it_did_not_prove() -> None:
    dry = region(streaming_right=Seen("not_proved", "a dry run"), role_trust=Seen("not_proved", "a dry run"))
    findings = judge(seen(dry))
    assert {finding.code for finding in findings} == {"streaming_right", "role_trust"}
    assert all("not proved (a dry run)" in finding.found for finding in findings)
    assert verdict(findings).passed


def test_one_camera_s_trouble_is_told_and_holds_up_no_other() -> None:
    here = region(
        secrets={"CAM_2": "gatehouse/rtsp/CAM_2"},
        cameras={"CAM_1": Seen("no", "refused: wrong password"), "CAM_3": Seen("unknown", "no proxy")},
        leftovers=("gatehouse-preflight-x",),
    )
    findings = judge(seen(here))
    assert [(finding.code, finding.subject) for finding in findings] == [
        ("camera", "CAM_1"), ("secret", "CAM_2"), ("camera", "CAM_3"), ("leftover", "eu-central-1"),
    ]  # fmt: skip
    assert verdict(findings).passed
    refuse_blocked(findings)


def test_a_refusal_lists_what_blocks_and_nothing_else() -> None:
    here = region(role_trust=Seen("no", "Access denied to Role"), cameras={"CAM_1": Seen("no")})
    with pytest.raises(PreflightError, match="nothing of the plan was written") as error:
        refuse_blocked(judge(seen(here)))
    assert "Access denied to Role" in str(error.value)
    assert "→ Let rekognition.amazonaws.com assume" in str(error.value)
    assert "CAM_1" not in str(error.value)


answers = st.sampled_from([Seen(answer) for answer in ("yes", "no", "not_proved", "unknown")])


@given(answers, answers, answers, answers, answers)
def test_a_no_or_a_missing_answer_never_passes(
    right: Seen, trust: Seen, ingest: Seen, search: Seen, opt_out: Seen
) -> None:
    here = region(streaming_right=right, role_trust=trust, ingest_function=ingest)
    findings = judge(seen(here, opensearch=search, ai_opt_out=opt_out))
    bad = {"no", "unknown"}
    assert verdict(findings).passed == all(s.answer not in bad for s in (right, trust, ingest, search))
    assert all(finding.remedy for finding in findings)
    severities = [finding.severity for finding in findings]
    assert severities == sorted(severities, key=["blocking", "advisory"].index)
    not_good = sum(s.answer != "yes" for s in (right, trust, ingest, search, opt_out))
    assert len(findings) == not_good
