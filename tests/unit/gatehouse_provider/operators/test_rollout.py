"""A rollout plans before it acts, changes only what isn't right, and says why something isn't."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.ledger.rollouts import camera_phases
from gatehouse.office.edge import EdgeDesired
from gatehouse_provider.operators.approval import PlanApprovalOperator
from gatehouse_provider.operators.provision import OfficeProvisionOperator
from gatehouse_provider.operators.report import RolloutReportOperator
from gatehouse_provider.operators.rollout import RolloutPlanOperator
from gatehouse_provider.operators.wave import WaveBeginOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

pytestmark = pytest.mark.usefixtures("ledger", "foundation")
BUCKET = "gatehouse-123456789012-eu-central-1"


def plan(run: str = "run-1", **arguments: Any) -> dict[str, Any]:
    return RolloutPlanOperator(task_id="plan", **arguments).execute({"run_id": run})


WAVES = {"berlin": "pilot", "portland": "rest", "tokyo": "rest"}


def approve(run: str = "run-1") -> Any:
    return PlanApprovalOperator(task_id="approve", unattended=True).execute({"run_id": run})


def begin(run: str, wave: str) -> list[dict[str, Any]]:
    return WaveBeginOperator(task_id="begin", wave=wave).execute({"run_id": run})


def provision(run: str = "run-1", office: str = "berlin") -> dict[str, Any]:
    approve(run)
    unit = {"wave": WAVES[office], "office": office, "chunk": 0, "label": office}
    return OfficeProvisionOperator(task_id="provision", unit=unit).execute({"run_id": run})


def report(run: str = "run-1") -> dict[str, Any]:
    return RolloutReportOperator(task_id="report").execute({"run_id": run})


@contextmanager
def switched_on(cloud: str, fault: dict[str, Any]) -> Iterator[None]:
    faults = f"{cloud}/_gatehouse/faults"
    httpx.post(faults, json=fault).raise_for_status()
    try:
        yield
    finally:
        httpx.delete(faults).raise_for_status()


def document(aws: Callable[..., Any], key: str) -> bytes:
    body: bytes = aws("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return body


def test_an_office_is_provisioned_once_and_then_left_alone(
    foundation: Callable[..., Any], ledger: Connection
) -> None:
    plan(offices=["berlin"])
    provision()
    cameras = ["CAM_BER_F0_LOBBY_001", "CAM_BER_F0_GARAGE_002", "CAM_BER_F3_LAB_003"]
    assert {phase for _, phase, _ in camera_phases(ledger, "run-1").values()} == {"provisioned"}
    snapshot = IngestSnapshot.model_validate_json(document(foundation, "snapshot/ingest.json"))
    assert {stream.camera_id for stream in snapshot.streams.values()} == set(cameras)
    edge = EdgeDesired.model_validate_json(document(foundation, "edge/berlin/desired.json"))
    assert [camera.camera_id for camera in edge.cameras] == cameras
    with pytest.raises(AirflowFailException, match="CAM_BER_F0_LOBBY_001"):
        report()

    again = plan("run-2", offices=["berlin"])
    assert again["offices"]["berlin"]["actions"] == {}
    assert provision("run-2")["changed"] == 0
    assert IngestSnapshot.model_validate_json(document(foundation, "snapshot/ingest.json")) == snapshot
    assert EdgeDesired.model_validate_json(document(foundation, "edge/berlin/desired.json")) == edge
    mapping = foundation("lambda").list_event_source_mappings()["EventSourceMappings"][0]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == f"arn:aws:s3:::{BUCKET}"


@pytest.mark.full
def test_a_collection_made_by_a_rollout_carries_its_tag(foundation: Callable[..., Any]) -> None:
    rekognition = foundation("rekognition", "us-west-2")
    for name in rekognition.list_collections()["CollectionIds"]:
        rekognition.delete_collection(CollectionId=name)
    plan(offices=["portland"])
    provision(office="portland")
    arn = rekognition.describe_collection(CollectionId="gatehouse-portland-g1")["CollectionARN"]
    tags = rekognition.list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert tags == {"gatehouse:office": "portland", "gatehouse:rollout": "run-1"}


def test_a_dry_run_plans_and_touches_nothing(foundation: Callable[..., Any]) -> None:
    planned = plan(offices=["tokyo"], plan_only=True)
    assert planned["offices"]["tokyo"]["actions"]["create_video_stream"] == 2
    with pytest.raises(AirflowSkipException):
        approve()
    with pytest.raises(AirflowSkipException):
        begin("run-1", "rest")
    assert foundation("kinesisvideo", "ap-northeast-1").list_streams()["StreamInfoList"] == []
    assert report() == {"dry_run": True}


def test_a_bad_manifest_refuses_its_office_and_the_rest_is_planned(config: Path) -> None:
    manifest = config / "offices" / "tokyo.yaml"
    manifest.write_text(manifest.read_text().replace("    zone:", "    zoone:", 1))
    planned = plan()
    assert set(planned["offices"]) == {"berlin", "portland"}
    assert "config/offices/tokyo.yaml:9: unknown key 'zoone'" in planned["refused"]["tokyo"]
    with pytest.raises(AirflowFailException, match=r"office tokyo: config/offices/tokyo.yaml"):
        report()


def test_a_missing_secret_refuses_its_camera_with_place_and_remedy(config: Path, ledger: Connection) -> None:
    manifest = config / "offices" / "portland.yaml"
    manifest.write_text(
        manifest.read_text().replace("rtsp/CAM_PDX_F1_LOBBY_001", "rtsp/CAM_PDX_F1_LOBBI_001")
    )
    refused = plan(offices=["portland"])["offices"]["portland"]["refused"]
    assert refused["CAM_PDX_F1_LOBBY_001"] == (
        "config/offices/portland.yaml:7: secret gatehouse/rtsp/CAM_PDX_F1_LOBBI_001 isn't in Secrets Manager "
        "of us-west-2. Create it, or correct rtsp_secret"
    )
    provision(office="portland")
    assert set(camera_phases(ledger, "run-1")) == {"CAM_PDX_F2_STUDIO_002"}


@pytest.mark.full
def test_a_region_without_its_foundation_refuses_its_offices_only(config: Path) -> None:
    regions = config / "regions.yaml"
    regions.write_text(regions.read_text().replace("gatehouse-alerts\n", "gatehouse-alarms\n", 1))
    planned = plan()
    assert set(planned["refused"]) == {"tokyo"}
    assert "Region ap-northeast-1 lacks SNS topic gatehouse-alarms" in planned["refused"]["tokyo"]
    assert "make up" in planned["refused"]["tokyo"]


@pytest.mark.parametrize(
    ("service", "operation"), [("sns", "GetTopicAttributes"), ("rekognition", "DescribeCollection")]
)
def test_a_region_that_cant_be_asked_refuses_its_offices_only(
    cloud: str, service: str, operation: str
) -> None:
    fault = {"service": service, "operation": operation, "region": "ap-northeast-1", "kind": "error"}
    with switched_on(cloud, fault | {"code": "AccessDeniedException", "status": 400}):
        planned = plan()
    assert set(planned["offices"]) == {"berlin", "portland"}
    assert set(planned["refused"]) == {"tokyo"}
    assert "Region ap-northeast-1 can't be asked what it has" in planned["refused"]["tokyo"]
    assert "AccessDeniedException" in planned["refused"]["tokyo"]
    assert "Roll out again when it answers" in planned["refused"]["tokyo"]


def test_an_unknown_office_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(AirflowFailException, match="Did you mean 'berlin'"):
        plan(offices=["berlni"])


def test_an_office_leased_by_another_run_is_refused() -> None:
    plan(offices=["berlin"])
    provision()
    plan("run-2", offices=["berlin"])
    with pytest.raises(AirflowFailException, match="Office berlin is leased by run run-1"):
        provision("run-2")


def test_live_state_that_moved_since_planning_is_refused(foundation: Callable[..., Any]) -> None:
    plan(offices=["berlin"])
    provision()
    plan(offices=["berlin"])
    foundation("rekognition").delete_stream_processor(Name="gatehouse-CAM_BER_F0_LOBBY_001")
    with pytest.raises(AirflowFailException, match="Office berlin moved since it was planned"):
        provision()


@pytest.mark.full
def test_a_changed_threshold_replaces_the_processor(foundation: Callable[..., Any], config: Path) -> None:
    plan(offices=["berlin"])
    provision()
    settings = config / "rollout.yaml"
    settings.write_text(settings.read_text().replace("threshold: 80", "threshold: 90"))
    assert plan(offices=["berlin"])["offices"]["berlin"]["actions"] == {"replace_processor": 3}
    provision()
    found = foundation("rekognition").describe_stream_processor(Name="gatehouse-CAM_BER_F3_LAB_003")
    assert found["Settings"]["FaceSearch"]["FaceMatchThreshold"] == 90
    settings.write_text(settings.read_text().replace("threshold: 90", "threshold: 80"))
    plan(offices=["berlin"])
    provision()


def test_a_run_without_a_plan_is_reported_as_failed() -> None:
    with pytest.raises(AirflowFailException, match="This run has no plan"):
        report("run-9")


def test_a_rollout_that_ends_degraded_is_told_once(told: Callable[[], list[dict[str, Any]]]) -> None:
    plan(offices=["berlin"])
    approve()
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="Not everything is healthy"):
            report()
    (message,) = told()
    assert message["subject"] == "Gatehouse: rollout ended Degraded: run-1"
    assert "office berlin was not reached" in message["text"]
    assert message["kind"] == "rollout_degraded"
