"""Everything a rollout did is gathered into a bundle that is listed and never changed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from gatehouse.exceptions import LedgerError
from gatehouse.ledger import calls, evidence
from gatehouse.ledger.control import Event, command_company, command_rollout
from gatehouse.ledger.probes import Probe, plan_probes
from gatehouse.ledger.rollouts import record_plan, set_camera_phase, set_rollout_phase
from gatehouse.office.policy import Gate, Tolerance
from gatehouse.rollout.evidence import Bundle, make_bundle
from gatehouse.rollout.gate import Bake, judge_wave
from gatehouse.rollout.sample import CameraSample

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
SAMPLE = CameraSample("CAM_1", NOON, LATER, fragments=3, errors={"documents": "down"})
ANALYSIS = judge_wave([SAMPLE], Bake({"CAM_1": NOON}, LATER, LATER), Gate(), Tolerance())


@pytest.fixture
def ended(connection: Connection) -> Connection:
    record_plan(connection, "run-1", {"offices": {}}, "abc", [("pilot", ["berlin"])], dry_run=False, at=NOON)
    set_rollout_phase(connection, "run-1", "Progressing", NOON)
    evidence.record_approval(connection, "run-1", "abc", "Approve", "ana", NOON)
    call = ("CAM_1", "create_video_stream", "gatehouse-CAM_1")
    calls.begin_call(connection, "run-1", "berlin", call, NOON)
    calls.end_call(connection, "run-1", "berlin", call, NOON)
    plan_probes(connection, [Probe("p1", "run-1", "CAM_1", "arn", 1, 2)], NOON)
    command_rollout(connection, "run-1", "promote", Event("e1", NOON, "ana", "seen by eye"), wave="pilot")
    evidence.record_analysis(connection, "run-1", "pilot", LATER, ANALYSIS, [SAMPLE])
    set_camera_phase(connection, "run-1", "berlin", [("CAM_1", "baking", "")], NOON)
    set_camera_phase(connection, "run-1", "berlin", [("CAM_1", "healthy", "seen")], NOON)
    set_rollout_phase(connection, "run-1", "Healthy", LATER, ended=True)
    return connection


def bundle(connection: Connection) -> Bundle:
    record = evidence.rollout_record(connection, "run-1", {"gatehouse": "0.1.0"})
    made = make_bundle(record, evidence.bundles_of(connection, "run-1"))
    assert made is not None
    return made


def test_a_bundle_holds_everything_the_ledger_knows(ended: Connection) -> None:
    content = json.loads(bundle(ended).body)
    assert content["approvals"][0]["decided_by"] == "ana"
    assert content["analyses"][0]["samples"]["samples"][0]["fragments"] == 3
    assert content["analyses"][0]["samples"]["judged"]["decision"] == "pause"
    assert [call["state"] for call in content["calls"]] == ["done"]
    assert [item["probe_id"] for item in content["probes"]] == ["p1"]
    assert [event["command"] for event in content["controls"]] == ["promote"]
    assert content["verification"]["CAM_1"] == {"office": "berlin", "step": "healthy", "detail": "seen"}
    assert [found["name"] for found in content["waves"]] == ["pilot"]


def test_a_bundle_made_again_is_the_same_also_after_a_later_stop(ended: Connection) -> None:
    first = bundle(ended)
    command_company(ended, "stop_all", Event("e2", LATER + timedelta(days=1), "bo", "AWS is down"))
    assert bundle(ended) == first


def test_a_listed_bundle_isnt_written_again_nor_replaced(ended: Connection) -> None:
    made = bundle(ended)
    for _ in range(2):
        evidence.record_bundle(ended, "run-1", "bucket", made, "v1", LATER)
    record = evidence.rollout_record(ended, "run-1", {"gatehouse": "0.1.0"})
    assert make_bundle(record, evidence.bundles_of(ended, "run-1")) is None
    with pytest.raises(LedgerError, match="is listed with other content and was not replaced"):
        evidence.record_bundle(ended, "run-1", "bucket", replace(made, sha256="00"), "v2", LATER)


def test_a_rollout_that_hasnt_ended_makes_no_bundle(ended: Connection) -> None:
    set_rollout_phase(ended, "run-1", "Progressing", LATER)
    with pytest.raises(LedgerError, match="Rollout run-1 hasn't ended; no evidence was written"):
        evidence.rollout_record(ended, "run-1")


def test_a_bake_that_is_taken_up_finds_its_samples(ended: Connection) -> None:
    evidence.record_analysis(ended, "run-1", "pilot", LATER, ANALYSIS, [SAMPLE])
    assert evidence.samples_of(ended, "run-1", "pilot") == [SAMPLE]
    assert evidence.samples_of(ended, "run-1", "pilot", "berlin/0") == []


def test_the_first_decision_on_a_plan_stands(ended: Connection) -> None:
    assert not evidence.record_approval(ended, "run-1", "abc", "Reject", "bo", LATER)
    assert evidence.decision_on(ended, "run-1", "abc") == "Approve"
    assert evidence.decision_on(ended, "run-1", "def") == ""
