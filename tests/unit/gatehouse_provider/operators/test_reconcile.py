"""Reconciling heals what is safe, leaves the rest with its reason, and takes no silence for success."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from sqlalchemy import select

from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.ledger.evidence import record_approval
from gatehouse.ledger.health import save_health
from gatehouse.ledger.leases import release_leases, take_lease
from gatehouse.ledger.rollouts import record_plan, set_camera_phase, set_rollout_phase
from gatehouse.ledger.tables import camera_day, heal
from gatehouse.office import naming
from gatehouse.office.config import load_company
from gatehouse.office.documents import edge_document, snapshot_with_streams
from gatehouse.office.edge import EdgeDesired, EdgeObserved, ObservedCamera
from gatehouse.reconcile.alarms import Health
from gatehouse.rollout.plan import OfficePlan, plan_office
from gatehouse.rollout.resources import desired_office
from gatehouse.rollout.waves import FrozenWave, Unit
from gatehouse_provider.hooks.office import OfficeHook
from gatehouse_provider.operators.reconcile import RegionReconcileOperator

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Connection

    from gatehouse.rollout.phases import CameraStep

pytestmark = pytest.mark.usefixtures("ledger", "foundation", "no_search")
REGION = "eu-central-1"
LOBBY = "CAM_BER_F0_LOBBY_001"
CAMERAS = [LOBBY, "CAM_BER_F0_GARAGE_002", "CAM_BER_F3_LAB_003"]


@pytest.fixture
def no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Point OpenSearch's connection to where nothing listens."""
    nowhere = {"conn_type": "opensearch", "host": "127.0.0.1", "port": 9, "extra": {"use_ssl": False}}
    monkeypatch.setenv("AIRFLOW_CONN_OPENSEARCH_DEFAULT", json.dumps(nowhere))


@pytest.fixture
def berlin(config: Path, ledger: Connection, foundation: Callable[..., Any]) -> OfficePlan:
    """Roll Berlin out, up to the start of its processors; those that failed in another test go first."""
    rekognition = foundation("rekognition")
    for known in rekognition.list_stream_processors()["StreamProcessors"]:
        rekognition.delete_stream_processor(Name=known["Name"])
    company = load_company(config)
    office, desired = company.office("berlin"), desired_office(company, "berlin")
    hook = OfficeHook(desired, "run-0", known=desired.cameras)
    plan = plan_office(desired, hook.observe())
    streams = {"collection", "video stream", "record stream", "retention"}
    for action in [action for action in plan.actions if action.what in streams]:
        hook.carry_out(action)
    for camera_id in desired.cameras:
        hook.records.wait_until_active(naming.record_stream(camera_id), 60)
        waiter = hook.video.get_waiter("stream_active")
        waiter.wait(StreamName=naming.video_stream(camera_id), WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    for action in [action for action in plan.actions if action.what not in streams]:
        hook.carry_out(action)
    arns = hook.video_arns(desired.cameras)
    change = hook.documents.change
    change(
        desired.bucket,
        naming.SNAPSHOT_KEY,
        IngestSnapshot,
        lambda stored: snapshot_with_streams(stored, office, arns, company.rules),
    )
    key = naming.edge_desired_key("berlin")
    change(desired.bucket, key, EdgeDesired, lambda stored: edge_document(stored, office, desired.cameras))
    planned(ledger, "run-0", plan, "approved")
    prepared: list[tuple[str, CameraStep, str]] = [(camera, "prepared", "") for camera in desired.cameras]
    set_camera_phase(ledger, "run-0", "berlin", prepared, datetime.now(UTC))
    return plan


def planned(ledger: Connection, run_id: str, plan: OfficePlan, decision: str) -> None:
    """Remember a plan of all Berlin's cameras, and what was decided on it."""
    at = datetime.now(UTC)
    wave = FrozenWave("all", (Unit("berlin", 0, tuple(CAMERAS)),), 0)
    frozen = {"offices": {"berlin": plan.to_json()}, "waves": [wave.to_json()]}
    record_plan(ledger, run_id, frozen, "h", [], dry_run=False, at=at)
    record_approval(ledger, run_id, "h", decision, "ada", at)


def reconcile(**arguments: Any) -> dict[str, Any]:
    operator = RegionReconcileOperator(task_id="reconcile", region=REGION, **arguments)
    report: dict[str, Any] = operator.execute({"run_id": "reconcile-1"})
    return report["offices"]["berlin"]


def statuses(aws: Callable[..., Any]) -> set[str]:
    listed = aws("rekognition").list_stream_processors()["StreamProcessors"]
    return {processor["Status"] for processor in listed if processor["Name"].startswith("gatehouse-CAM_BER")}


def until(state: Callable[[], str], wanted: str) -> None:
    """Wait until AWS is done with something."""
    deadline = time.monotonic() + 30
    while state() != wanted:
        assert time.monotonic() < deadline, f"still {state()} instead of {wanted}"
        time.sleep(0.2)


@pytest.mark.usefixtures("berlin")
def test_an_office_is_healed_after_a_dry_run_and_a_lease_and_silence_is_blind(
    foundation: Callable[..., Any], ledger: Connection
) -> None:
    mappings = foundation("lambda").list_event_source_mappings()["EventSourceMappings"]
    uuid = next(each["UUID"] for each in mappings if LOBBY in each["EventSourceArn"])
    functions = foundation("lambda")
    until(lambda: functions.get_event_source_mapping(UUID=uuid)["State"], "Enabled")
    functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    until(lambda: functions.get_event_source_mapping(UUID=uuid)["State"], "Disabled")

    wanted = {f"start_processor gatehouse-{camera}" for camera in CAMERAS}
    wanted.add(f"correct_mapping gatehouse-records-{LOBBY}")
    shown = reconcile(plan_only=True)
    assert set(shown["mends"]) == wanted
    assert "cameras" not in shown
    assert statuses(foundation) == {"STOPPED"}

    take_lease(ledger, "berlin", "run-7", datetime.now(UTC), timedelta(minutes=15))
    held = reconcile()
    assert held["mends"] == []
    assert any("another run holds the office" in left for left in held["left"])
    assert statuses(foundation) == {"STOPPED"}

    release_leases(ledger, "run-7")
    assert set(reconcile()["mends"]) == wanted
    # They start, and fail: this foundation's role may do nothing.
    until(lambda: "".join(statuses(foundation)), "FAILED")
    assert {row.state for row in ledger.execute(select(heal.c.state))} == {"done"}
    until(lambda: functions.get_event_source_mapping(UUID=uuid)["State"], "Enabled")
    # Neither the proxy nor the search answers: no camera is well.
    assert held["cameras"] == {"blind": 3}
    assert {row.verdict for row in ledger.execute(select(camera_day.c.verdict))} == {"blind"}
    again = reconcile()
    assert again["mends"] == []
    assert sum("its role may not read the video stream" in left for left in again["left"]) == 3


@pytest.mark.usefixtures("berlin")
def test_what_a_rejected_plan_would_have_changed_is_not_healed(config: Path, ledger: Connection) -> None:
    policy = config / "rollout.yaml"
    policy.write_text(policy.read_text().replace("batch_size: 100", "batch_size: 50"))
    desired = desired_office(load_company(config), "berlin")
    planned(ledger, "run-1", plan_office(desired, OfficeHook(desired, "run-1").observe()), "rejected")
    set_rollout_phase(ledger, "run-1", "Degraded", datetime.now(UTC), ended=True)
    shown = reconcile(plan_only=True)
    assert not [mend for mend in shown["mends"] if mend.startswith("correct_mapping")]
    assert (
        sum("mapping changed since the last rollout, and isn't approved" in it for it in shown["left"]) == 3
    )


@pytest.mark.usefixtures("berlin")
def test_an_alarm_is_told_once_and_later_where_it_cant_be_told_at_once(
    ledger: Connection,
    told: Callable[[], list[dict[str, Any]]],
    sns_refuses: Callable[[], AbstractContextManager[None]],
) -> None:
    before = datetime.now(UTC) - timedelta(minutes=30)
    save_health(ledger, [Health(camera, "berlin", "blind", 1, "well", before, before) for camera in CAMERAS])
    reconcile(plan_only=True)
    with (
        sns_refuses(),
        pytest.raises(AirflowFailException, match=r"3 messages to operators wait.*AuthorizationError"),
    ):
        reconcile()
    assert told() == []
    reconcile()
    messages = told()
    assert {(message["kind"], message["office"]) for message in messages} == {("camera_alarm", "berlin")}
    assert {message["subject"] for message in messages} == {
        f"Gatehouse: {camera} (berlin) is blind" for camera in CAMERAS
    }
    assert "no media came in 15 of 15 minutes" in messages[0]["text"]
    reconcile()
    assert told() == []


def test_a_processor_is_not_started_for_a_camera_that_sends_nothing(
    berlin: OfficePlan, foundation: Callable[..., Any], config: Path
) -> None:
    del berlin
    at = datetime.now(UTC)
    cameras = [(LOBBY, None), *((camera, at) for camera in CAMERAS if camera != LOBBY)]
    report = EdgeObserved(
        office="berlin",
        at=at,
        started_at=at - timedelta(hours=1),
        version_applied=1,
        cameras=tuple(
            ObservedCamera(camera_id=camera, phase="streaming", last_persisted_at=persisted)
            for camera, persisted in cameras
        ),
    )
    bucket = load_company(config).regions.regions[REGION].bucket
    place = {"Bucket": bucket, "Key": naming.edge_observed_key("berlin")}
    foundation("s3").put_object(**place, Body=report.model_dump_json().encode())
    try:
        shown = reconcile(plan_only=True)
    finally:
        foundation("s3").delete_object(**place)
    assert f"start_processor gatehouse-{LOBBY}" not in shown["mends"]
    assert any(LOBBY in left and "no media comes from its camera" in left for left in shown["left"])


@pytest.mark.usefixtures("berlin")
def test_what_carries_our_tag_in_no_manifest_is_reported_and_left_alone(
    foundation: Callable[..., Any],
) -> None:
    tags = {naming.TAG_OFFICE: "berlin"}
    video = foundation("kinesisvideo")
    video.create_stream(StreamName="gatehouse-CAM_GONE_001", DataRetentionInHours=1, Tags=tags)
    video.create_stream(StreamName="gatehouse-somebodys", DataRetentionInHours=1)
    for name in ("gatehouse-CAM_GONE_001", "gatehouse-somebodys"):
        until(lambda name=name: video.describe_stream(StreamName=name)["StreamInfo"]["Status"], "ACTIVE")
    try:
        left = reconcile(plan_only=True)["left"]
        assert [line for line in left if line.startswith("video_stream/")] == [
            "video_stream/gatehouse-CAM_GONE_001: it carries the office's tag and is in no manifest. No heal "
            "is known to be safe. Run office_decommission, or put it into the manifest"
        ]
    finally:
        for name in ("gatehouse-CAM_GONE_001", "gatehouse-somebodys"):
            arn = video.describe_stream(StreamName=name)["StreamInfo"]["StreamARN"]
            video.delete_stream(StreamARN=arn)
