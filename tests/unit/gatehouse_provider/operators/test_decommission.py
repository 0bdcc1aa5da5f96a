"""An office goes with everything it has, its neighbour keeps everything, and nothing goes unapproved."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from sqlalchemy import select

from gatehouse.exceptions import PlanError
from gatehouse.ledger import people
from gatehouse.ledger.calls import calls_of
from gatehouse.ledger.control import Event, command_rollout
from gatehouse.ledger.evidence import bundles_of
from gatehouse.ledger.leases import release_leases, take_lease
from gatehouse.ledger.rollouts import load_plan, load_rollout
from gatehouse.ledger.tables import camera_call, receipt
from gatehouse.office.config import load_company
from gatehouse.office.edge import EdgeObserved
from gatehouse.rollout.resources import desired_office
from gatehouse.roster.diff import DesiredFace
from gatehouse.roster.model import COLUMNS, parse_roster
from gatehouse_provider.hooks.decommission import DecommissionHook
from gatehouse_provider.hooks.decommission_drain import DrainHook
from gatehouse_provider.hooks.office import OfficeHook
from gatehouse_provider.operators.approval import PlanApprovalOperator
from gatehouse_provider.operators.base import LEASE_TTL
from gatehouse_provider.operators.decommission import DecommissionReportOperator, OfficeDecommissionOperator
from gatehouse_provider.operators.decommission_plan import DecommissionPlanOperator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

pytestmark = pytest.mark.usefixtures("ledger", "foundation")
Aws = Any
BUCKET = "gatehouse-123456789012-eu-central-1"
PICTURES = Path(__file__).parents[4] / "sample/gatehouse_sample/people/pictures/employee"
LOBBY = "CAM_BER_F0_LOBBY_001"
ALL = {"delete_video": True, "delete_faces": True}


class KilledError(BaseException):
    """End a task as `kill -9` does: nothing of it is noted any more."""


class Run:
    """Take the steps of one decommissioning as its DAG would."""

    def __init__(self, run: str = "retire-1", office: str = "berlin") -> None:
        self.run, self.office = run, office
        self.context: Any = {"run_id": run}

    def plan(self, **arguments: Any) -> dict[str, Any]:
        operator = DecommissionPlanOperator(task_id="plan", office=self.office, **arguments)
        return operator.execute(self.context)

    def approve(self) -> Any:
        return PlanApprovalOperator(task_id="approve", unattended=True).execute(self.context)

    def act(self) -> Any:
        return OfficeDecommissionOperator(task_id="decommission", office=self.office).execute(self.context)

    def report(self) -> dict[str, Any]:
        return DecommissionReportOperator(task_id="report").execute(self.context)

    def whole(self, **arguments: Any) -> dict[str, Any]:
        self.plan(**arguments)
        self.approve()
        self.act()
        return self.report()


def inventory(aws: Aws, office: str) -> dict[str, Any]:
    """Return everything in the home Region with an office's tag or name, asked of AWS directly."""
    rekognition, video, kinesis, functions = (
        aws(name) for name in ("rekognition", "kinesisvideo", "kinesis", "lambda")
    )
    found: dict[str, Any] = {}

    def note(name: str, tags: dict[str, str], settings: Any = "") -> None:
        if tags.get("gatehouse:office") == office:
            found[name] = settings

    for info in video.list_streams()["StreamInfoList"]:
        tags = video.list_tags_for_stream(StreamARN=info["StreamARN"])["Tags"]
        note(f"video {info['StreamName']}", tags, info["StreamARN"])
    for name in kinesis.list_streams()["StreamNames"]:
        listed = kinesis.list_tags_for_stream(StreamName=name)["Tags"]
        note(f"records {name}", {tag["Key"]: tag["Value"] for tag in listed})
    for item in rekognition.list_stream_processors()["StreamProcessors"]:
        about = rekognition.describe_stream_processor(Name=item["Name"])
        tags = rekognition.list_tags_for_resource(ResourceArn=about["StreamProcessorArn"])["Tags"]
        note(f"processor {item['Name']}", tags, item["Status"])
    for name in rekognition.list_collections()["CollectionIds"]:
        if name.startswith(f"gatehouse-{office}-"):
            found[f"collection {name}"] = len(rekognition.list_faces(CollectionId=name)["Faces"])
    for item in functions.list_event_source_mappings()["EventSourceMappings"]:
        if item["State"] != "Deleting":
            tags = functions.list_tags(Resource=item["EventSourceMappingArn"])["Tags"]
            note(f"mapping {item['EventSourceArn']}", tags, item["UUID"])
    return found


def document(aws: Aws, key: str) -> dict[str, Any]:
    body = aws("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return dict(json.loads(body))


def carried(aws: Aws, office: str) -> dict[str, set[str]]:
    streams = document(aws, "snapshot/ingest.json")["streams"].values()
    cameras = document(aws, f"edge/{office}/desired.json")["cameras"]
    return {
        "ingest": {one["camera_id"] for one in streams if one["office"] == office},
        "proxy": {one["camera_id"] for one in cameras},
    }


def roll_out(rollout: Any, ledger: Connection, office: str, wave: str) -> None:
    rollout.plan(office)
    rollout.approve()
    if wave != "pilot":
        with pytest.raises(AirflowSkipException):
            rollout.begin("pilot")
    for unit in rollout.begin(wave):
        rollout.provision(unit)
    release_leases(ledger, rollout.run)


@pytest.fixture
def berlin(rollout: Any, ledger: Connection, foundation: Aws) -> None:
    """Roll Berlin out into a Region where its collection holds nobody."""
    rekognition = foundation("rekognition")
    for name in rekognition.list_collections()["CollectionIds"]:
        rekognition.delete_collection(CollectionId=name)
    roll_out(rollout, ledger, "berlin", "pilot")


@pytest.fixture
def neighbour(rollout: Any, ledger: Connection, foundation: Aws, config: Path) -> Iterator[dict[str, Any]]:
    """Roll Tokyo out in Berlin's Region, and return what it has; it is gone after the test."""
    manifest = config / "offices" / "tokyo.yaml"
    manifest.write_text(manifest.read_text().replace("ap-northeast-1", "eu-central-1"))
    secrets = foundation("secretsmanager")
    known = {secret["Name"] for secret in secrets.list_secrets(MaxResults=100)["SecretList"]}
    for camera in load_company(config).office("tokyo").cameras:
        if camera.rtsp_secret not in known:
            secrets.create_secret(Name=camera.rtsp_secret, SecretString="{}")
    roll_out(type(rollout)("run-2"), ledger, "tokyo", "rest")
    yield inventory(foundation, "tokyo")
    Run("retire-9", "tokyo").whole(**ALL)
    assert inventory(foundation, "tokyo") == {}


def enrol(ledger: Connection, aws: Aws) -> str:
    """Enrol one person in Berlin as the roster sync would, and return who."""
    row = "E1,active,berlin,2020-01-01,,day,1.jpg,2025-01-01T00:00:00Z,v1,,employee"
    at, ids = datetime.now(UTC), iter(["person-1", "photo-1"])
    people.record_people(
        ledger, parse_roster("\n".join([",".join(COLUMNS), row]) + "\n").entries, lambda: next(ids), at
    )
    people.plan_index(ledger, [DesiredFace("berlin", "E1", "1.jpg", "a")], lambda: next(ids), at)
    (task,) = people.faces_to_index(ledger, "berlin")
    face_id = index_face(aws, task.person_id)
    people.mark_indexed(ledger, "berlin", task, face_id=face_id, model_version="7", sha256="00", at=at)
    return task.person_id


def index_face(aws: Aws, person_id: str, number: int = 0) -> str:
    image = sorted(sorted(PICTURES.iterdir())[number].glob("photo-*.jpg"))[0].read_bytes()
    answer = aws("rekognition").index_faces(
        CollectionId="gatehouse-berlin-g1", Image={"Bytes": image}, ExternalImageId=person_id, MaxFaces=1
    )
    return str(answer["FaceRecords"][0]["Face"]["FaceId"])


def test_everything_goes_with_a_receipt_and_the_neighbour_keeps_everything(
    berlin: None, neighbour: dict[str, Any], foundation: Aws, ledger: Connection
) -> None:
    person_id = enrol(ledger, foundation)
    index_face(foundation, "lost", 1)
    run = Run()
    planned = run.plan(**ALL)
    text = (load_plan(ledger, run.run) or {})["forecast"]["text"]
    assert "! The collection holds 2 faces of 2 people" in text
    assert "A manifest still lists berlin" in text
    run.approve()
    run.act()
    report = run.report()
    assert inventory(foundation, "berlin") == {}
    assert carried(foundation, "berlin") == {"ingest": set(), "proxy": set()}
    assert inventory(foundation, "tokyo") == neighbour
    assert {len(cameras) for cameras in carried(foundation, "tokyo").values()} == {2}

    receipts = {row.person_id: row.run_id for row in ledger.execute(select(receipt))}
    assert receipts == {person_id: "retire-1", "lost": "retire-1"}
    assert [face.state for face in people.ledger_faces(ledger, ["berlin"])] == ["deleted"]
    states = {call.state for call in calls_of(ledger, "retire-1", "berlin")}
    assert states == {"done"}
    found = load_rollout(ledger, "retire-1")
    assert found is not None
    assert found.phase == "Healthy"
    assert planned["steps"] > 0

    evidence = document(foundation, report["evidence"])
    assert set(bundles_of(ledger, "retire-1")) == {report["evidence"]}
    assert [one["decided_by"] for one in evidence["approvals"]] == ["unattended"]
    assert [one["result"] for one in evidence["analyses"]] == ["Successful"]

    again = Run("retire-2")
    assert again.plan(**ALL)["steps"] == 0
    again.approve()
    again.act()
    assert inventory(foundation, "tokyo") == neighbour
    release_leases(ledger, "retire-2")


@pytest.mark.full
def test_faces_and_single_cameras_stay_until_somebody_says_so(
    berlin: None, foundation: Aws, ledger: Connection
) -> None:
    enrol(ledger, foundation)
    before = inventory(foundation, "berlin")
    Run().whole(cameras=[LOBBY])
    after = inventory(foundation, "berlin")
    assert {name for name in before if name not in after} == {name for name in before if LOBBY in name}
    assert LOBBY not in carried(foundation, "berlin")["proxy"]
    report = Run("retire-2").whole()
    assert report["kept"]["berlin"] == {"collection": 1, "document": 1}
    assert inventory(foundation, "berlin") == {"collection gatehouse-berlin-g1": 1}
    assert ledger.execute(select(receipt)).all() == []


@pytest.mark.full
def test_a_dry_run_shows_the_plan_and_touches_nothing(berlin: None, foundation: Aws) -> None:
    before = inventory(foundation, "berlin"), carried(foundation, "berlin")
    run = Run()
    assert run.plan(**ALL, plan_only=True)["steps"] > 0
    with pytest.raises(AirflowSkipException):
        run.approve()
    assert run.report() == {"dry_run": True}
    assert (inventory(foundation, "berlin"), carried(foundation, "berlin")) == before


@pytest.mark.full
def test_nothing_goes_unapproved(berlin: None, foundation: Aws) -> None:
    before = inventory(foundation, "berlin"), carried(foundation, "berlin")
    run = Run()
    run.plan(**ALL)
    with pytest.raises(AirflowFailException, match="not approved; nothing was changed"):
        run.act()
    with pytest.raises(AirflowFailException, match=r"Not everything planned is gone:\noffice berlin: \d+ of"):
        run.report()
    assert (inventory(foundation, "berlin"), carried(foundation, "berlin")) == before


@pytest.mark.full
def test_killed_at_every_kind_of_step_it_finishes_and_doubles_nothing(
    berlin: None, foundation: Aws, ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    person_id = enrol(ledger, foundation)
    index_face(foundation, "lost", 1)
    run = Run()
    run.plan(**ALL)
    run.approve()
    kinds = [
        "remove_edge_document",
        "remove_processor",
        "drain_record_stream",
        "remove_mapping",
        "remove_record_stream",
        "remove_snapshot",
        "remove_video_stream",
        "remove_collection",
    ]
    carry_out = DecommissionHook.carry_out
    for kind in kinds:

        def done_and_killed(hook: DecommissionHook, action: Any, kind: str = kind) -> None:
            carry_out(hook, action)
            if action.kind == kind:
                raise KilledError

        monkeypatch.setattr(DecommissionHook, "carry_out", done_and_killed)
        with pytest.raises(KilledError):
            run.act()
    monkeypatch.setattr(DecommissionHook, "carry_out", carry_out)
    run.act()
    run.report()
    assert inventory(foundation, "berlin") == {}
    told = sorted(row.person_id for row in ledger.execute(select(receipt)))
    assert told == sorted([person_id, "lost"])
    calls = ledger.execute(select(camera_call).where(camera_call.c.rollout_id == "retire-1")).all()
    assert {call.state for call in calls} == {"done"}
    removals = [call.attempts for call in calls if call.action.startswith("remove_")]
    assert set(removals) == {1}


@pytest.mark.full
def test_an_office_without_a_manifest_is_found_by_its_tags(
    berlin: None, neighbour: dict[str, Any], foundation: Aws, config: Path
) -> None:
    (config / "offices" / "berlin.yaml").unlink()
    waves = config / "rollout.yaml"
    text = waves.read_text().replace("[portland, tokyo]", "[tokyo]")
    waves.write_text(text.replace("[berlin]", "[portland]", 1))
    Run().whole(**ALL)
    assert inventory(foundation, "berlin") == {}
    assert carried(foundation, "berlin") == {"ingest": set(), "proxy": set()}
    assert inventory(foundation, "tokyo") == neighbour
    # What is left names no camera, and is known for the office's.
    assert Run("retire-2").plan(**ALL)["steps"] == 0
    with pytest.raises(AirflowFailException, match="Nothing of an office 'bonn' was found in"):
        Run("retire-3", "bonn").plan()


def test_an_office_that_moved_since_planning_is_refused(
    berlin: None, foundation: Aws, ledger: Connection
) -> None:
    run = Run()
    run.plan(**ALL)
    run.approve()
    index_face(foundation, "somebody-new")
    before = inventory(foundation, "berlin")
    with pytest.raises(AirflowFailException, match="found 1 faces instead of 0 faces"):
        run.act()
    assert inventory(foundation, "berlin") == before


@pytest.mark.full
def test_it_waits_and_stops_as_a_rollout_does(berlin: None, foundation: Aws, ledger: Connection) -> None:
    before = inventory(foundation, "berlin")
    run = Run()
    run.plan(**ALL)
    run.approve()
    take_lease(ledger, "berlin", "run-7", datetime.now(UTC), LEASE_TTL)
    with pytest.raises(AirflowFailException, match="Office berlin is leased by run run-7"):
        run.act()
    release_leases(ledger, "run-7")
    command_rollout(ledger, run.run, "pause", Event("pause", datetime.now(UTC), "olga", "test"))
    with pytest.raises(TaskDeferred):
        run.act()
    command_rollout(ledger, run.run, "abort", Event("abort", datetime.now(UTC), "olga", "test"))
    with pytest.raises(AirflowFailException, match="the rollout was aborted"):
        run.act()
    assert inventory(foundation, "berlin") == before


@pytest.mark.full
def test_a_proxy_that_reports_and_doesnt_obey_holds_everything_up(
    berlin: None, foundation: Aws, config: Path
) -> None:
    now = datetime.now(UTC)
    report = EdgeObserved(office="berlin", at=now, started_at=now, version_applied=0, cameras=())
    place = {"Bucket": BUCKET, "Key": "edge/berlin/observed.json"}
    foundation("s3").put_object(**place, Body=report.model_dump_json().encode())
    hook = DecommissionHook(
        OfficeHook(desired_office(load_company(config), "berlin"), "look"), obey_seconds=0.1
    )
    try:
        hook.wait_before("remove_edge_document")
        with pytest.raises(PlanError, match="The proxy of berlin reports, and doesn't do what"):
            hook.wait_before("stop_processor")
    finally:
        foundation("s3").delete_object(**place)
    hook.wait_before("stop_processor")


class Index:
    """Stand for OpenSearch: the camera-minutes that were counted."""

    def __init__(self) -> None:
        self.frames: dict[str, list[int]] = {}

    def mget(self, body: dict[str, Any]) -> dict[str, Any]:
        minutes = [self.frames.get(doc["_id"]) for doc in body["docs"]]
        return {
            "docs": [{"found": False} if one is None else {"_source": {"frames": one}} for one in minutes]
        }


@pytest.mark.full
def test_a_record_stream_is_drained_when_its_last_frame_is_counted(
    berlin: None, foundation: Aws, config: Path
) -> None:
    hook = OfficeHook(desired_office(load_company(config), "berlin"), "look")
    stream, at = f"gatehouse-records-{LOBBY}", datetime.now(UTC).replace(microsecond=0)
    drain = DrainHook(hook, timeout_seconds=0.1, poll_seconds=0.01)
    drain.__dict__["index"] = index = Index()
    drain.wait_until_drained(stream)
    place = {
        "StreamArn": hook.video_arns([LOBBY])[LOBBY],
        "FragmentNumber": "1",
        "ProducerTimestamp": at.timestamp(),
        "FrameOffsetInSeconds": 0.25,
    }
    for frame in (place, place | {"StreamArn": "arn:unknown"}):
        data = json.dumps({"InputInformation": {"KinesisVideo": frame}}).encode()
        foundation("kinesis").put_record(StreamName=stream, Data=data, PartitionKey="1")
    with pytest.raises(PlanError, match=f"aren't ingested after 0.1 s .{LOBBY}.; nothing they need"):
        drain.wait_until_drained(stream)
    minute = f"{LOBBY}-{int(at.timestamp()) // 60}"
    index.frames[minute] = [int(at.timestamp()) % 60 * 1000 + 250]
    drain.wait_until_drained(stream)
