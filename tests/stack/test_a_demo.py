"""What `make demo` shows: the company rolled out, its people seen as who they are."""

from __future__ import annotations

import json
import subprocess
import uuid
from typing import Any

import psutil
import pytest

from gatehouse_stack import company
from gatehouse_stack.layout import PORTS_USED
from running_stack import Demo, RunningStack, wait_until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1200)]


def test_every_employee_is_recognised_and_every_stranger_alerted_once(demo: Demo) -> None:
    assert demo.report["findings"] == []
    assert demo.status == 0
    for camera in demo.report["cameras"]:
        assert camera["employee_visits"]["hits"] == camera["employee_visits"]["of"] > 0
        assert camera["stranger_visits"]["hits"] == camera["stranger_visits"]["of"] > 0


def test_the_summary_counts_every_step_of_the_path(demo: Demo) -> None:
    assert len(demo.report["cameras"]) >= 7
    for camera in demo.report["cameras"]:
        for step in ("fragments_acknowledged", "frames_analysed", "documents_indexed", "alerts_delivered"):
            assert camera[step] > 0, f"{camera['camera_id']}: {step}"
        for rate in ("employee_precision", "employee_recall", "stranger_precision", "stranger_recall"):
            assert 0 <= camera[rate]["value"] <= 1
        assert 0 < camera["to_searchable_median"] <= camera["to_searchable_p95"]
        assert 0 < camera["to_alert_median"] <= camera["to_alert_p95"]


def test_any_client_works_with_the_environment_file(stack: RunningStack, demo: Demo) -> None:
    # The AWS CLI of the checkout's own environment: a new machine has no other.
    aws = stack.layout.python.with_name("aws")
    script = f". {stack.layout.run}/env && {aws} rekognition list-collections --output json"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["CollectionIds"] == ["gatehouse-berlin-g1"]


def test_everything_listens_on_loopback_only_and_within_the_ports_of_its_base(
    stack: RunningStack, demo: Demo
) -> None:
    listening = [address for process in stack.processes() for address in _listening(process)]
    assert len(listening) >= 12
    for address in listening:
        assert address.ip in ("127.0.0.1", "::ffff:127.0.0.1", "::1")
        assert stack.layout.base <= address.port < stack.layout.base + PORTS_USED


def _listening(process: psutil.Process) -> list[Any]:
    try:
        connections = process.net_connections("tcp")
    except psutil.AccessDenied:
        # Airflow makes its task runners opaque to all but root; run by root, this test looks into them.
        return []
    return [connection.laddr for connection in connections if connection.status == psutil.CONN_LISTEN]


@pytest.mark.full
def test_rolling_out_again_changes_nothing(stack: RunningStack, demo: Demo) -> None:
    before, told = _changes(stack), _worker_documents(stack)
    done = stack.run("run", "office_rollout")
    assert done.returncode == 0, done.stdout
    assert _changes(stack) == before
    assert _worker_documents(stack) == told


def _worker_documents(stack: RunningStack) -> dict[str, str]:
    """Return what every frame-search worker is told to do, by office."""
    _, regions = company.regions(stack.layout.config)
    buckets = {region.name: region.bucket for region in regions}
    return {
        office.name: stack.client("s3", office.region)
        .get_object(Bucket=buckets[office.region], Key=f"frames/{office.name}/desired.json")["Body"]
        .read()
        .decode()
        for office in company.offices(stack.layout.config)
        if office.searches_frames
    }


def test_every_office_is_analysed_by_the_engine_that_its_manifest_says(
    stack: RunningStack, demo: Demo
) -> None:
    engines = {"terms": {"field": "engine"}}
    offices = {"offices": {"terms": {"field": "office"}, "aggs": {"engines": engines}}}
    this_run = {"range": {"ingested_at": {"gte": int(stack.status().started * 1000)}}}
    body = {"size": 0, "query": this_run, "aggs": offices}
    found = stack.search.search(index="gatehouse-detections", body=body)
    analysed = {
        bucket["key"]: {engine["key"] for engine in bucket["engines"]["buckets"]}
        for bucket in found["aggregations"]["offices"]["buckets"]
    }
    assert analysed == {office.name: {office.engine} for office in company.offices(stack.layout.config)}


def _changes(stack: RunningStack) -> dict[str, int]:
    """Count the calls that create, replace, start or delete a resource, by operation."""
    verbs = ("Create", "Delete", "Start", "Stop", "Update")
    services = {"rekognition", "kinesisvideo", "kinesis", "lambda", "iam", "sns", "secretsmanager"}
    found: dict[str, int] = {}
    for line in (stack.layout.state / "calls.jsonl").read_text().splitlines():
        call = json.loads(line)
        if call["service"] in services and call["operation"].startswith(verbs):
            found[call["operation"]] = found.get(call["operation"], 0) + 1
    return found


def test_an_alert_keeps_its_evidence_frame(stack: RunningStack, demo: Demo) -> None:
    found = stack.search.search(
        index="gatehouse-alerts-*", body={"query": {"exists": {"field": "s3_location"}}, "size": 1}
    )
    location = found["hits"]["hits"][0]["_source"]["s3_location"]
    bucket, key = location.removeprefix("s3://").split("/", 1)
    frame = stack.client("s3", "eu-central-1").get_object(Bucket=bucket, Key=key)
    assert frame["Body"].read(3) == b"\xff\xd8\xff"
    assert frame["Metadata"]


def test_nobody_unmatched_leaves_a_vector_or_a_name(stack: RunningStack, demo: Demo) -> None:
    unmatched = {"bool": {"must_not": {"exists": {"field": "person_id"}}}}
    found = stack.search.search(index="gatehouse-detections", body={"query": unmatched, "size": 50})
    sources = [hit["_source"] for hit in found["hits"]["hits"]]
    assert sources
    assert not any({"landmarks", "vector", "face_id", "kind"} & set(source) for source in sources)


def test_a_poison_record_ends_with_its_payload_and_loses_no_other(stack: RunningStack, demo: Demo) -> None:
    region, camera = "eu-central-1", "CAM_BER_F3_LAB_003"
    payload = json.dumps({"not": "a record", "mark": uuid.uuid4().hex}).encode()
    kinesis, s3 = stack.client("kinesis", region), stack.client("s3", region)
    before = stack.search.count(index="gatehouse-detections")["count"]
    kinesis.put_record(StreamName=f"gatehouse-records-{camera}", Data=payload, PartitionKey="poison")

    def kept() -> bool:
        listed = s3.list_objects_v2(Bucket="gatehouse-123456789012-eu-central-1", Prefix="aws/lambda/")
        bodies = (
            s3.get_object(Bucket="gatehouse-123456789012-eu-central-1", Key=item["Key"])["Body"].read()
            for item in listed.get("Contents", [])
        )
        return any(_holds(body, payload) for body in bodies)

    wait_until(kept, 180, "the poison record lies in the on-failure destination with its payload")
    wait_until(
        lambda: stack.search.count(index="gatehouse-detections")["count"] > before, 90, "records go on"
    )


def _holds(body: bytes, payload: bytes) -> bool:
    import base64

    return base64.b64encode(payload) in body
