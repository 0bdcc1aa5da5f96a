"""Roles may do what their parts call, and nothing with what is another office's; the local IAM judges."""

from __future__ import annotations

import pytest

from gatehouse_local.iam.policy import Question, permits
from gatehouse_stack import policies

ACCOUNT, REGION, BUCKET = "222222222222", "us-west-2", "gatehouse-pdx"
VIDEO = f"arn:aws:kinesisvideo:{REGION}:{ACCOUNT}:stream/gatehouse-CAM_1/1700000000000"
KINESIS = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream"
COLLECTION = f"arn:aws:rekognition:{REGION}:{ACCOUNT}:collection"
OBJECTS = f"arn:aws:s3:::{BUCKET}"
FRAMES = policies.frames_policy(ACCOUNT, REGION, BUCKET, "portland")


def may(action: str, resource: str, office: str = "portland") -> bool:
    tagged = {"aws:ResourceTag/gatehouse:office": office}
    return permits([FRAMES], Question(action, resource, context=tagged))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("kinesisvideo:DescribeStream", VIDEO),
        ("kinesisvideo:GetDataEndpoint", VIDEO),
        ("kinesisvideo:GetMedia", VIDEO),
        ("rekognition:DetectFaces", "*"),
        ("rekognition:SearchFacesByImage", f"{COLLECTION}/gatehouse-portland-g1"),
        ("kinesis:PutRecords", f"{KINESIS}/gatehouse-records-portland"),
        ("s3:GetObject", f"{OBJECTS}/frames/portland/desired.json"),
        ("s3:PutObject", f"{OBJECTS}/frames/portland/observed.json"),
        ("s3:PutObject", f"{OBJECTS}/frames/portland/checkpoints.json"),
        # A document that isn't there yet is missing, not forbidden.
        ("s3:ListBucket", OBJECTS),
    ],
)
def test_a_worker_may_do_what_it_calls(action: str, resource: str) -> None:
    assert may(action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("rekognition:SearchFacesByImage", f"{COLLECTION}/gatehouse-berlin-g1"),
        ("rekognition:IndexFaces", f"{COLLECTION}/gatehouse-portland-g1"),
        ("kinesis:PutRecords", f"{KINESIS}/gatehouse-records-berlin"),
        ("kinesis:PutRecords", f"{KINESIS}/gatehouse-records-CAM_1"),
        ("kinesisvideo:PutMedia", VIDEO),
        ("s3:GetObject", f"{OBJECTS}/frames/berlin/desired.json"),
        ("s3:GetObject", f"{OBJECTS}/photos/E1001/1.jpg"),
        ("s3:PutObject", f"{OBJECTS}/snapshot/ingest.json"),
        ("s3:DeleteObject", f"{OBJECTS}/frames/portland/checkpoints.json"),
    ],
)
def test_a_worker_may_nothing_else(action: str, resource: str) -> None:
    assert not may(action, resource)


def test_a_worker_reads_the_video_of_its_own_office_only() -> None:
    assert not may("kinesisvideo:GetMedia", VIDEO, office="berlin")
    assert not permits([FRAMES], Question("kinesisvideo:GetMedia", VIDEO))


def test_a_service_assumes_a_role_for_its_own_account_only() -> None:
    trust = policies.trust("rekognition.amazonaws.com", ACCOUNT)

    def assumes(service: str, account: str) -> bool:
        context = {"aws:SourceAccount": account}
        return permits([trust], Question("sts:AssumeRole", principal=service, context=context))

    assert assumes("rekognition.amazonaws.com", ACCOUNT)
    assert not assumes("rekognition.amazonaws.com", "333333333333")
    assert not assumes("lambda.amazonaws.com", ACCOUNT)


def test_who_runs_airflow_may_publish_on_the_operations_topic_and_ingest_may_not() -> None:
    sns = f"arn:aws:sns:{REGION}:{ACCOUNT}"
    topic, alerts = f"{sns}:gatehouse-operations", f"{sns}:gatehouse-alerts"
    publish = Question("sns:Publish", topic)
    assert permits([policies.operations_policy(topic)], publish)
    assert not permits([policies.operations_policy(topic)], Question("sns:Publish", alerts))
    assert not permits([policies.ingest_policy(ACCOUNT, alerts)], publish)
    (statement,) = policies.operations_topic_policy(ACCOUNT, topic)["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert statement["Resource"] == topic
