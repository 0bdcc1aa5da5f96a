"""A bundle made twice has the same bytes; one that differs goes beside the first."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from gatehouse.exceptions import PlanError
from gatehouse.rollout.evidence import RolloutRecord, bundle_key, canonical_json, make_bundle

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
RUN = "manual__2026-11-23T12:00:00+00:00"
RECORD = RolloutRecord(
    rollout_id=RUN,
    phase="Healthy",
    detail="",
    created_at=NOON,
    ended_at=NOON,
    plan={"offices": {"berlin": {"b": 1, "a": 2}}},
    plan_hash="abc",
    approvals=[{"decision": "Approve", "decided_by": "ana"}],
    versions={"gatehouse": "0.1.0"},
)


def test_a_bundle_is_canonical_and_names_its_own_bytes() -> None:
    bundle = make_bundle(RECORD, {})
    assert bundle is not None
    assert bundle.key == f"evidence/rollouts/{RUN}.json"
    assert bundle.sha256 == hashlib.sha256(bundle.body).hexdigest()
    content = json.loads(bundle.body)
    assert content["approvals"] == [{"decision": "Approve", "decided_by": "ana"}]
    assert (content["ended_at"], content["supersedes"]) == ("2026-11-23T12:00:00+00:00", {})
    assert make_bundle(RECORD, {}) == bundle


def test_a_listed_bundle_is_not_written_again() -> None:
    first = make_bundle(RECORD, {})
    assert first is not None
    assert make_bundle(RECORD, {first.key: first.sha256}) is None


def test_a_run_taken_up_after_its_end_leaves_a_second_bundle_that_names_the_first() -> None:
    first = make_bundle(RECORD, {})
    assert first is not None
    listed = {first.key: first.sha256}
    second = make_bundle(replace(RECORD, phase="Degraded"), listed)
    assert second is not None
    assert second.key == f"evidence/rollouts/{RUN}@2.json"
    assert json.loads(second.body)["supersedes"] == listed
    assert make_bundle(replace(RECORD, phase="Degraded"), {**listed, second.key: second.sha256}) is None


def test_times_are_written_in_utc_whatever_zone_they_came_in() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=9)))
    assert canonical_json({"b": there, "a": "ü"}) == '{"a":"ü","b":"2026-11-23T12:00:00+00:00"}'.encode()


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"x"])
def test_what_json_cant_say_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical_json(value)


@pytest.mark.parametrize("rollout_id", ["../x", "a/b", "", "a b", "run@2", ".hidden"])
def test_an_id_that_makes_no_safe_key_is_refused(rollout_id: str) -> None:
    with pytest.raises(PlanError, match="makes no safe S3 key"):
        bundle_key(rollout_id)
