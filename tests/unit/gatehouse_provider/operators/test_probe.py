"""A unit's changed cameras are probed in one interval, taken up after a kill, and named where they fail."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred

from gatehouse.ingest.snapshot import IngestSnapshot, ProbeSpan
from gatehouse.ledger.calls import calls_of, mark_changed
from gatehouse.ledger.control import Event, command_rollout
from gatehouse.ledger.probes import Probe, plan_probes, probes_of, set_probe_state
from gatehouse.ledger.rollouts import camera_phases, set_camera_phase
from gatehouse.ledger.tables import camera_call, face, person, photo
from gatehouse.office import naming
from gatehouse.office.documents import edge_with_probe, snapshot_with_probe
from gatehouse.office.edge import EdgeDesired
from gatehouse.rollout.probe import LEAD_MS, Verdict
from gatehouse.rollout.probe_attempts import attempt_id
from gatehouse_provider.operators.probe import OfficeProbeOperator
from gatehouse_provider.triggers.probe import ProbesTrigger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from gatehouse.rollout.control import Command

pytestmark = pytest.mark.usefixtures("ledger", "foundation")
BUCKET = "gatehouse-123456789012-eu-central-1"
BERLIN = ["CAM_BER_F0_LOBBY_001", "CAM_BER_F0_GARAGE_002", "CAM_BER_F3_LAB_003"]
LOBBY = BERLIN[0]
TRUTH = {
    "clip_sha256": "0" * 64,
    "duration_s": 11,
    "fps": 12,
    "enrolled": {"person_id": "E1519", "start_s": 0, "end_s": 5},
    "stranger": {"start_s": 5, "end_s": 11},
}
PASSED = Verdict("Successful", None, "every step of the path gave proof in time")
UNSEEN = Verdict("Inconclusive", "documents", "documents could not be asked for in time")
UNMATCHED = Verdict("Failed", "enrolled", "the enrolled face was seen and not matched in time")
Rollout = Any


class Site:
    """Berlin, provisioned and verified, and the documents that a probe changes."""

    def __init__(self, rollout: Rollout, ledger: Connection, s3: Any, unit: dict[str, Any]) -> None:
        self.rollout, self.ledger, self.s3, self.unit = rollout, ledger, s3, unit

    def probe(self, **arguments: Any) -> Any:
        return self._operator(**arguments).execute(self.rollout.context)

    def ordered(self) -> ProbesTrigger:
        """Take the step until it waits."""
        with pytest.raises(TaskDeferred) as deferred:
            self.probe()
        return self._waits(deferred.value)

    def judged(self, verdicts: dict[str, Verdict]) -> Any:
        told = {probe_id: asdict(verdict) for probe_id, verdict in verdicts.items()}
        event = {"status": "success", "verdicts": told}
        return self._operator().probes_judged(self.rollout.context, event)

    def ordered_again(self, verdicts: dict[str, Verdict]) -> ProbesTrigger:
        with pytest.raises(TaskDeferred) as deferred:
            self.judged(verdicts)
        return self._waits(deferred.value)

    def command(self, command: Command) -> None:
        assert command_rollout(
            self.ledger, "run-1", command, Event(command, datetime.now(UTC), "olga", "test")
        )

    def stopped(self) -> Any:
        event = {"status": "stopped", "message": "the rollout was aborted"}
        return self._operator().probes_judged(self.rollout.context, event)

    def replace_order(self, camera_id: str, probe_id: str) -> None:
        """Order another probe of a camera, as another run would that took the office over."""
        edge = self.edge()
        (order,) = {camera.probe for camera in edge.cameras if camera.camera_id == camera_id}
        assert order is not None
        edge = edge_with_probe(edge, camera_id, order.model_copy(update={"probe_id": probe_id}))
        key = naming.edge_desired_key("berlin")
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=edge.model_dump_json().encode())

    def step(self, camera_id: str) -> str:
        return camera_phases(self.ledger, "run-1")[camera_id][1]

    def probes(self) -> dict[str, Probe]:
        return {probe.probe_id: probe for probe in probes_of(self.ledger, "run-1")}

    def edge(self) -> EdgeDesired:
        body = self.s3.get_object(Bucket=BUCKET, Key=naming.edge_desired_key("berlin"))["Body"].read()
        return EdgeDesired.model_validate_json(body)

    def orders(self) -> dict[str, str]:
        return {camera.camera_id: camera.probe.probe_id for camera in self.edge().cameras if camera.probe}

    def snapshot(self) -> IngestSnapshot:
        body = self.s3.get_object(Bucket=BUCKET, Key=naming.SNAPSHOT_KEY)["Body"].read()
        return IngestSnapshot.model_validate_json(body)

    def stream(self, camera_id: str) -> str:
        streams = self.snapshot().streams.items()
        return next(arn for arn, stream in streams if stream.camera_id == camera_id)

    def left_by_a_killed_task(self, start_in_ms: int, camera_id: str = LOBBY) -> Probe:
        """Plan a probe as a task would that is killed before it orders it."""
        start_ms = (int(time.time()) + 1) * 1000 + start_in_ms
        probe_id = attempt_id("run-1", camera_id, 1)
        left = Probe(probe_id, "run-1", camera_id, self.stream(camera_id), start_ms, start_ms + 11_000)
        plan_probes(self.ledger, [left], datetime.now(UTC))
        set_camera_phase(self.ledger, "run-1", "berlin", [(camera_id, "probing", "")], datetime.now(UTC))
        return left

    def _operator(self, **arguments: Any) -> OfficeProbeOperator:
        return OfficeProbeOperator(task_id="probe", unit=self.unit, **arguments)

    def _waits(self, deferred: TaskDeferred) -> ProbesTrigger:
        assert deferred.method_name == "probes_judged"
        assert isinstance(deferred.trigger, ProbesTrigger)
        return deferred.trigger


@pytest.fixture
def site(rollout: Rollout, ledger: Connection, foundation: Callable[..., Any]) -> Site:
    s3 = foundation("s3")
    # Every test's run has the same name, and so has every first attempt.
    s3.delete_object(Bucket=BUCKET, Key=naming.edge_desired_key("berlin"))
    rollout.plan("berlin")
    rollout.approve()
    (unit,) = rollout.begin("pilot")
    rollout.provision(unit)
    at = datetime.now(UTC)
    set_camera_phase(ledger, "run-1", "berlin", [(camera, "verified", "") for camera in BERLIN], at)
    mark_changed(ledger, "run-1", BERLIN, at)
    ledger.execute(
        person.insert().values(
            person_id="p-7", employee_id="E1519", kind="employee", status="active", updated_at=at
        )
    )
    of_them = {"photo_id": "f-1", "person_id": "p-7", "updated_at": at}
    ledger.execute(photo.insert().values(**of_them, s3_key="1.jpg", etag="a", state="usable"))
    collection = naming.collection_id("berlin")
    ledger.execute(
        face.insert().values(**of_them, office="berlin", collection_id=collection, state="indexed")
    )
    s3.put_object(Bucket=BUCKET, Key=naming.PROBE_CLIP_KEY, Body=b"clip")
    s3.put_object(Bucket=BUCKET, Key=naming.PROBE_TRUTH_KEY, Body=json.dumps(TRUTH).encode())
    return Site(rollout, ledger, s3, unit)


def test_all_changed_cameras_play_in_one_interval_that_ingest_knows(site: Site) -> None:
    version = site.edge().version
    before_ms = time.time() * 1000
    trigger = site.ordered()
    probes = site.probes()
    assert {probe.camera_id: probe.state for probe in probes.values()} == dict.fromkeys(BERLIN, "ordered")
    ((start_ms, end_ms),) = {(probe.start_ms, probe.end_ms) for probe in probes.values()}
    assert start_ms >= before_ms + LEAD_MS
    assert end_ms - start_ms == 11_000
    assert site.edge().version == version + 1
    assert site.orders() == {probe.camera_id: probe.probe_id for probe in probes.values()}
    (order,) = {
        (camera.probe.start_ms, camera.probe.end_ms) for camera in site.edge().cameras if camera.probe
    }
    assert order == (start_ms, end_ms)
    for probe in probes.values():
        assert (
            ProbeSpan(probe_id=probe.probe_id, start_ms=start_ms, end_ms=end_ms)
            in (site.snapshot().probes[probe.stream_arn])
        )
        assert site.step(probe.camera_id) == "probing"
    assert set(trigger.probes) == set(probes)
    assert trigger.truth["person_id"] == "p-7"
    calls = {call.action: call.state for call in calls_of(site.ledger, "run-1", "berlin")}
    assert (calls["order_snapshot"], calls["order_edge_document"]) == ("done", "done")


def test_proved_cameras_go_on_to_the_bake_and_arent_probed_again(site: Site) -> None:
    trigger = site.ordered()
    assert site.judged(dict.fromkeys(trigger.probes, PASSED)) == {"proved": sorted(BERLIN)}
    assert {site.step(camera) for camera in BERLIN} == {"verified"}
    assert site.orders() == {}
    version = site.edge().version
    assert site.probe() == {"proved": sorted(BERLIN)}
    assert (site.edge().version, len(site.probes())) == (version, len(BERLIN))


def test_a_failed_probe_fails_its_camera_alone_with_the_step_without_proof(site: Site) -> None:
    trigger = site.ordered()
    lobbys = attempt_id("run-1", LOBBY, 1)
    with pytest.raises(AirflowFailException, match="2 cameras are proved") as failure:
        site.judged({probe: UNMATCHED if probe == lobbys else PASSED for probe in trigger.probes})
    assert f"{LOBBY} failed: its probe failed at enrolled" in str(failure.value)
    assert BERLIN[1] not in str(failure.value)
    assert (site.step(LOBBY), site.step(BERLIN[1])) == ("failed", "verified")
    assert site.orders() == {}


@pytest.mark.full
def test_what_couldnt_be_asked_is_tried_once_more_after_the_first_interval(site: Site) -> None:
    trigger = site.ordered()
    lobbys = attempt_id("run-1", LOBBY, 1)
    first = site.probes()[lobbys]
    again = site.ordered_again({probe: UNSEEN if probe == lobbys else PASSED for probe in trigger.probes})
    assert again.probes == [attempt_id("run-1", LOBBY, 2, again=True)]
    second = site.probes()[again.probes[0]]
    assert second.start_ms >= first.end_ms
    assert site.orders()[LOBBY] == second.probe_id
    with pytest.raises(AirflowFailException, match="documents could not be asked for in time"):
        site.judged({second.probe_id: UNSEEN})
    assert site.step(LOBBY) == "failed"
    assert len(site.probes()) == len(BERLIN) + 1


def test_a_task_that_was_killed_while_it_waited_waits_for_the_same_probes(site: Site) -> None:
    trigger, version = site.ordered(), site.edge().version
    assert sorted(site.ordered().probes) == sorted(trigger.probes)
    assert (site.edge().version, len(site.probes())) == (version, len(BERLIN))


@pytest.mark.full
def test_a_task_that_was_killed_before_it_ordered_orders_what_it_had_planned(site: Site) -> None:
    left = site.left_by_a_killed_task(start_in_ms=60_000)
    trigger = site.ordered()
    assert left.probe_id in trigger.probes
    found = site.probes()[left.probe_id]
    assert (found.state, found.start_ms) == ("ordered", left.start_ms)
    assert site.orders()[LOBBY] == left.probe_id


def test_an_interval_that_was_missed_gets_one_new_attempt(site: Site) -> None:
    left = site.left_by_a_killed_task(start_in_ms=3_000)
    trigger = site.ordered()
    assert left.probe_id not in trigger.probes
    found = site.probes()
    assert found[left.probe_id].state == "failed"
    assert "no time left" in found[left.probe_id].detail
    again = found[attempt_id("run-1", LOBBY, 2, again=True)]
    assert again.start_ms >= left.end_ms
    assert site.orders()[LOBBY] == again.probe_id


@pytest.mark.full
def test_a_task_that_was_killed_before_it_noted_the_order_waits_for_it(site: Site) -> None:
    site.ordered()
    lobbys = attempt_id("run-1", LOBBY, 1)
    site.ledger.exec_driver_sql(f"UPDATE probe SET state = 'planned' WHERE probe_id = '{lobbys}'")  # noqa: S608
    assert lobbys in site.ordered().probes
    assert site.probes()[lobbys].state == "ordered"


def test_without_a_clip_no_camera_goes_live(site: Site) -> None:
    site.s3.delete_object(Bucket=BUCKET, Key=naming.PROBE_CLIP_KEY)
    with pytest.raises(AirflowFailException, match=f"s3://{BUCKET}/probe/clip.mp4 isn't there") as failure:
        site.probe()
    assert "Upload a clip" in str(failure.value)
    assert {site.step(camera) for camera in BERLIN} == {"failed"}
    assert site.probes() == {}


@pytest.mark.full
def test_a_truth_that_cant_be_read_names_what_is_wrong(site: Site) -> None:
    wrong = json.dumps({**TRUTH, "duration_s": 1}).encode()
    site.s3.put_object(Bucket=BUCKET, Key=naming.PROBE_TRUTH_KEY, Body=wrong)
    with pytest.raises(AirflowFailException, match="somebody is seen after the clip's end at 1 s"):
        site.probe()


@pytest.mark.full
def test_the_clips_person_has_to_be_enrolled_in_the_office(site: Site) -> None:
    site.ledger.execute(face.update().values(state="deleted"))
    with pytest.raises(AirflowFailException, match="run hr_face_sync, and run the rollout again") as failure:
        site.probe()
    assert "E1519" not in str(failure.value)
    assert {site.step(camera) for camera in BERLIN} == {"failed"}


def test_where_nothing_was_changed_nothing_is_probed(site: Site) -> None:
    site.ledger.exec_driver_sql("UPDATE camera_state SET changed_at = NULL")
    site.ledger.execute(camera_call.delete())
    assert site.probe() == {"proved": []}
    assert calls_of(site.ledger, "run-1", "berlin") == []


def test_the_verified_cameras_of_a_unit_are_probed_whatever_became_of_the_others(site: Site) -> None:
    rows: list[tuple[str, Any, str]] = [(LOBBY, "failed", "no fragment arrived")]
    set_camera_phase(site.ledger, "run-1", "berlin", rows, datetime.now(UTC))
    trigger = site.ordered()
    assert {probe.camera_id for probe in site.probes().values()} == set(BERLIN[1:])
    with pytest.raises(AirflowFailException, match=f"{LOBBY} failed: no fragment arrived"):
        site.judged(dict.fromkeys(trigger.probes, PASSED))


@pytest.mark.full
def test_a_unit_of_which_nothing_is_verified_is_passed_by(site: Site) -> None:
    rows: list[tuple[str, Any, str]] = [(camera, "failed", "no media") for camera in BERLIN]
    set_camera_phase(site.ledger, "run-1", "berlin", rows, datetime.now(UTC))
    with pytest.raises(AirflowSkipException, match="no camera of this unit is verified"):
        site.probe()


def switch_probes_off(config: Path) -> None:
    settings = config / "rollout.yaml"
    settings.write_text(settings.read_text().replace("  enabled: true ", "  enabled: false "))


@pytest.mark.full
def test_a_plan_without_probes_orders_none(site: Site, config: Path) -> None:
    switch_probes_off(config)
    site.rollout.plan("berlin")
    site.rollout.approve()
    assert site.probe() == {"proved": []}
    assert site.probes() == {}


@pytest.mark.full
def test_probes_switched_off_after_the_approval_are_ordered_all_the_same(site: Site, config: Path) -> None:
    switch_probes_off(config)
    assert len(site.ordered().probes) == len(BERLIN)


@pytest.mark.full
def test_an_aborted_wait_fails_with_the_reason(site: Site) -> None:
    site.ordered()
    with pytest.raises(AirflowFailException, match="Office berlin: the rollout was aborted"):
        site.stopped()


def test_an_abort_leaves_no_clip_to_play(site: Site) -> None:
    site.ordered()
    site.command("abort")
    with pytest.raises(AirflowFailException, match="the rollout was aborted"):
        site.stopped()
    assert site.orders() == {}
    assert {(probe.state, probe.detail[:10]) for probe in site.probes().values()} == {
        ("failed", "called off")
    }
    calls = {call.action: call.state for call in calls_of(site.ledger, "run-1", "berlin")}
    assert calls["clear_edge_document"] == "done"


@pytest.mark.full
def test_an_abort_after_the_verdicts_leaves_no_clip_to_play_and_orders_none(site: Site) -> None:
    trigger = site.ordered()
    site.command("abort")
    with pytest.raises(AirflowFailException, match="the rollout was aborted"):
        site.judged({trigger.probes[0]: UNSEEN})
    assert site.orders() == {}
    assert len(site.probes()) == len(BERLIN)


@pytest.mark.full
def test_an_abort_while_it_is_paused_leaves_no_clip_to_play(site: Site) -> None:
    site.ordered()
    operator = OfficeProbeOperator(task_id="probe", unit=site.unit)
    with pytest.raises(AirflowFailException, match="the rollout was aborted"):
        operator.go_on(site.rollout.context, {"do": "stop", "reason": "the rollout was aborted"})
    assert site.orders() == {}


@pytest.mark.full
def test_a_pause_doesnt_leave_the_orders_of_ended_probes(site: Site) -> None:
    trigger = site.ordered()
    site.command("pause")
    with pytest.raises(TaskDeferred):
        site.judged(dict.fromkeys(trigger.probes, PASSED))
    assert site.orders() == {}


@pytest.mark.full
def test_an_order_of_another_run_isnt_taken_back(site: Site) -> None:
    site.ordered()
    site.replace_order(LOBBY, "another-1")
    with pytest.raises(AirflowFailException, match="the rollout was aborted"):
        site.stopped()
    assert site.orders() == {LOBBY: "another-1"}


@pytest.mark.full
def test_a_verdict_that_comes_twice_changes_nothing_the_second_time(site: Site) -> None:
    trigger = site.ordered()
    site.judged(dict.fromkeys(trigger.probes, PASSED))
    set_camera_phase(site.ledger, "run-1", "berlin", [(LOBBY, "baking", "")], datetime.now(UTC))
    assert site.judged(dict.fromkeys(trigger.probes, UNMATCHED)) == {"proved": sorted(BERLIN)}
    assert site.step(LOBBY) == "baking"
    assert not set_probe_state(site.ledger, trigger.probes[0], "failed", datetime.now(UTC))


@pytest.mark.full
def test_ingest_forgets_probes_of_which_no_record_can_come_any_more(site: Site) -> None:
    ended = round((datetime.now(UTC) - timedelta(hours=25)).timestamp() * 1000)
    old = ProbeSpan(probe_id="old", start_ms=ended - 11_000, end_ms=ended)
    recent = ProbeSpan(probe_id="recent", start_ms=ended + 7_200_000, end_ms=ended + 7_211_000)
    snapshot = site.snapshot()
    for span in (old, recent):
        snapshot = snapshot_with_probe(snapshot, site.stream(LOBBY), span)
    body = snapshot.model_dump_json().encode()
    site.s3.put_object(Bucket=BUCKET, Key=naming.SNAPSHOT_KEY, Body=body)
    trigger = site.ordered()
    site.judged(dict.fromkeys(trigger.probes, PASSED))
    known = {span.probe_id for span in site.snapshot().probes[site.stream(LOBBY)]}
    assert known >= {"recent", attempt_id("run-1", LOBBY, 1)}
    assert "old" not in known
