"""The front door routes, checks, streams, counts and never mixes old state with new."""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

Unique = Callable[[str], str]

ONCE = {"retries": {"total_max_attempts": 1}}


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


@pytest.fixture
def bucket(aws: Any, unique: Unique) -> Iterator[str]:
    s3, name = aws("s3"), unique("bucket")
    region = s3.meta.region_name
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    yield name
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for item in page.get("Contents", ()):
            s3.delete_object(Bucket=name, Key=item["Key"])
    s3.delete_bucket(Bucket=name)


def test_megabytes_go_through_s3_unchanged(aws: Any, bucket: str) -> None:
    s3, data = aws("s3"), os.urandom(9_000_000)
    s3.put_object(Bucket=bucket, Key="one", Body=data, Metadata={"fragment": "1"})
    s3.upload_fileobj(io.BytesIO(data), bucket, "in parts")
    for key in ("one", "in parts"):
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert hashlib.sha256(body).digest() == hashlib.sha256(data).digest()
    assert s3.head_object(Bucket=bucket, Key="one")["Metadata"] == {"fragment": "1"}


@pytest.mark.parametrize("key", ["a b+c%ü.jpg", "2026/11/23/CAM_FL3_LOBBY_001_090000.jpg", "x//y"])
def test_keys_reach_s3_as_they_are(aws: Any, bucket: str, key: str) -> None:
    s3 = aws("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    presigned = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    assert httpx.get(presigned).content == b"x"


def test_what_s3_lacks_is_named_as_s3_names_it(aws: Any, bucket: str) -> None:
    s3 = aws("s3")
    assert code_of(lambda: s3.get_object(Bucket=bucket, Key="none")) == "NoSuchKey"
    assert code_of(lambda: s3.head_object(Bucket=bucket, Key="none")) == "404"


def test_records_come_back_from_a_data_stream(aws: Any, unique: Unique) -> None:
    kinesis, name = aws("kinesis"), unique("stream")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    try:
        kinesis.put_records(StreamName=name, Records=[{"Data": b"\x00one", "PartitionKey": "a"}])
        shard = kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]
        start = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        records = kinesis.get_records(ShardIterator=start["ShardIterator"])["Records"]
        assert [record["Data"] for record in records] == [b"\x00one"]
    finally:
        kinesis.delete_stream(StreamName=name)


def test_a_notification_reaches_its_queue(aws: Any, unique: Unique) -> None:
    sns, sqs, name = aws("sns"), aws("sqs"), unique("alerts")
    topic = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    try:
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        sns.publish(TopicArn=topic, Message="someone")
        got = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
        assert json.loads(got[0]["Body"])["Message"] == "someone"
    finally:
        sqs.delete_queue(QueueUrl=queue)
        sns.delete_topic(TopicArn=topic)


def test_a_bad_parameter_is_a_validation_exception(aws: Any) -> None:
    rekognition = aws("rekognition", parameter_validation=False)
    assert code_of(lambda: rekognition.create_collection(CollectionId="a b")) == "ValidationException"
    assert code_of(lambda: rekognition.create_collection()) == "ValidationException"
    assert code_of(lambda: rekognition.create_collection(CollectionId=5)) == "SerializationException"


def test_the_access_key_names_the_account(cloud: Any, unique: Unique) -> None:
    name = unique("accounts")
    for key, account in (("222222222222", "222222222222"), ("AKIAIOSFODNN7EXAMPLE", "123456789012")):
        assert cloud.client("sts", account=key).get_caller_identity()["Account"] == account
    cloud.client("sns", account="222222222222").create_topic(Name=name)
    topics = cloud.client("sns").list_topics()["Topics"]
    assert not [topic for topic in topics if name in topic["TopicArn"]]


@pytest.mark.parametrize(
    ("service", "path", "target", "status"),
    [
        ("rekognition", "/", "RekognitionService.FindEveryone", 400),
        ("rekognition", "/", "", 400),
        ("kinesisvideo", "/findEveryone", "", 404),
        ("lambda", "/2015-03-31/nothing", "", 404),
    ],
)
def test_an_unknown_operation_is_refused(
    cloud: Any, service: str, path: str, target: str, status: int
) -> None:
    answer = httpx.post(cloud.endpoint + path, headers=_signed(service) | {"x-amz-target": target})
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (status, "UnknownOperationException")


def test_an_unsigned_call_is_refused(cloud: Any) -> None:
    answer = httpx.post(cloud.endpoint, headers={"x-amz-target": "RekognitionService.ListCollections"})
    assert answer.status_code == 403
    assert answer.json()["__type"] == "MissingAuthenticationTokenException"


def test_an_operation_that_the_local_cloud_lacks_says_so(cloud: Any) -> None:
    rekognition = cloud.client("rekognition")
    with pytest.raises(ClientError, match=r"docs/local-cloud-coverage\.md") as refused:
        rekognition.detect_labels(Image={"S3Object": {"Bucket": "bucket", "Name": "x"}})
    assert refused.value.response["Error"]["Code"] == "NotImplementedException"


def test_calls_over_a_quota_are_throttled_until_it_is_raised(cloud: Any, control: httpx.Client) -> None:
    rekognition = cloud.client("rekognition", account="333333333333", **ONCE)
    change = {"service": "rekognition", "name": "ListCollections", "account": "333333333333"}
    assert control.post("/quotas", json=change | {"limit": 0.01}).status_code == 200
    rekognition.list_collections()
    with pytest.raises(ClientError) as refused:
        rekognition.list_collections()
    assert refused.value.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
    assert refused.value.response["Error"]["Message"] == "Provisioned rate exceeded"
    assert control.post("/quotas", json=change | {"limit": 1000}).status_code == 200
    for _ in range(12):
        rekognition.list_collections()
    assert control.post("/quotas", json=change | {"name": "Nothing", "limit": 1}).status_code == 400


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("rekognition", "list_collections", "ProvisionedThroughputExceededException"),
        ("kinesisvideo", "list_streams", "ClientLimitExceededException"),
        ("lambda", "list_functions", "TooManyRequestsException"),
        ("s3", "list_buckets", "SlowDown"),
        ("sns", "list_topics", "Throttling"),
        ("kinesis", "list_streams", "LimitExceededException"),
        ("secretsmanager", "list_secrets", "ThrottlingException"),
    ],
)
def test_a_throttling_fault_speaks_the_services_language(
    cloud: Any, control: httpx.Client, service: str, call: str, code: str
) -> None:
    client = cloud.client(service, **ONCE)
    assert control.post("/faults", json={"service": service, "kind": "throttling"}).status_code == 201
    assert code_of(getattr(client, call)) == code
    control.delete("/faults")
    getattr(client, call)()


def test_a_server_fault_and_latency_hit_one_operation(cloud: Any, control: httpx.Client) -> None:
    sns = cloud.client("sns", **ONCE)
    where = {"service": "sns", "operation": "ListTopics", "region": "us-west-2"}
    control.post("/faults", json=where | {"kind": "error", "status": 503, "times": 1})
    assert code_of(sns.list_topics) == "InternalFailure"
    control.post("/faults", json=where | {"kind": "latency", "seconds": 0.4})
    started = time.monotonic()
    sns.list_topics()
    assert time.monotonic() - started >= 0.4
    assert control.post("/faults", json={"service": "sns"}).status_code == 400


def test_an_upload_that_was_refused_before_its_body_succeeds_when_repeated(
    aws: Any, bucket: str, control: httpx.Client
) -> None:
    fault = {"service": "s3", "operation": "PutObject", "kind": "throttling", "times": 1}
    assert control.post("/faults", json=fault).status_code == 201
    # On one connection; the body is sent when it is asked for ("Expect: 100-continue").
    client = aws("s3", max_pool_connections=1)
    client.put_object(Bucket=bucket, Key="refused-once", Body=b"face" * 1000)
    assert client.get_object(Bucket=bucket, Key="refused-once")["Body"].read() == b"face" * 1000


def test_every_call_is_logged_with_its_outcome(cloud: Any, control: httpx.Client, unique: Unique) -> None:
    region = "ap-south-1"
    s3 = cloud.client("s3", region=region, **ONCE)
    code_of(lambda: s3.get_object(Bucket=unique("none"), Key="k"))
    s3.list_buckets()
    calls = control.get("/calls", params={"region": region, "service": "s3"}).json()["calls"]
    assert [(call["operation"], call["outcome"]) for call in calls] == [
        ("GetObject", "NoSuchBucket"),
        ("ListBuckets", "ok"),
    ]
    summary = control.get("/calls", params={"region": region, "summary": 1}).json()["summary"]
    assert sum(row["calls"] for row in summary) == 2


def test_the_control_pages_answer(cloud: Any, control: httpx.Client) -> None:
    health = control.get("/health").json()
    assert (health["status"], health["moto"]["state"], health["reset"]) == ("ok", "ok", "")
    assert "rekognition" in health["services"]
    rows = control.get("/coverage").json()["operations"]
    assert {row["state"] for row in rows} <= {"faithful", "partial", "absent"}
    assert control.get("/quotas", params={"service": "kinesis"}).json()["quotas"]


def test_moto_itself_cannot_be_reset_through_the_door(cloud: Any) -> None:
    assert httpx.post(f"{cloud.endpoint}/moto-api/reset").status_code == 403


def test_state_outlives_a_killed_door(own_cloud: Any) -> None:
    own_cloud.start()
    own_cloud.client("rekognition").create_collection(CollectionId="lobby")
    own_cloud.client("sns").create_topic(Name="alerts")
    own_cloud.kill(own_cloud.door)
    own_cloud.start_door()
    assert own_cloud.client("rekognition").list_collections()["CollectionIds"] == ["lobby"]
    assert len(own_cloud.client("sns").list_topics()["Topics"]) == 1
    assert own_cloud.health()["reset"] == ""


def test_a_moto_that_lost_its_state_is_never_mixed_with_ours(own_cloud: Any) -> None:
    own_cloud.start()
    own_cloud.client("rekognition").create_collection(CollectionId="lobby")
    own_cloud.client("sns").create_topic(Name="alerts")

    own_cloud.kill(own_cloud.moto)
    _assert_refused(own_cloud, "ServiceUnavailable", "is down since")
    own_cloud.start_moto()
    own_cloud.wait_for(lambda health: health["moto"]["state"] == "lost")
    _assert_refused(own_cloud, "InternalFailure", "lost its state")

    own_cloud.kill(own_cloud.door)
    own_cloud.start_door()
    health = own_cloud.health()
    assert (health["status"], "all state was reset" in health["reset"]) == ("ok", True)
    assert "all state was reset" in own_cloud.log()
    assert own_cloud.client("rekognition").list_collections()["CollectionIds"] == []
    assert own_cloud.client("sns").list_topics()["Topics"] == []


def test_a_store_that_was_deleted_takes_motos_state_along(own_cloud: Any) -> None:
    own_cloud.start()
    own_cloud.client("sns").create_topic(Name="alerts")
    own_cloud.kill(own_cloud.door)
    for path in (own_cloud.folder / "state").glob("state.sqlite3*"):
        path.unlink()
    own_cloud.start_door()
    assert "held state of another store" in own_cloud.health()["reset"]
    assert own_cloud.client("sns").list_topics()["Topics"] == []


def test_a_term_signal_ends_the_door_in_order(own_cloud: Any) -> None:
    own_cloud.start()
    own_cloud.client("sns").create_topic(Name="alerts")
    own_cloud.door.terminate()
    assert own_cloud.door.wait(timeout=20) == 0
    calls = (own_cloud.folder / "state" / "calls.jsonl").read_text().splitlines()
    assert json.loads(calls[-1])["operation"] == "CreateTopic"
    assert "Traceback" not in own_cloud.log()


def _assert_refused(cloud: Any, code: str, said: str) -> None:
    for service, call in (("s3", "list_buckets"), ("iam", "list_roles"), ("kinesis", "list_streams")):
        with pytest.raises(ClientError, match=said) as refused:
            getattr(cloud.client(service, **ONCE), call)()
        assert refused.value.response["Error"]["Code"] == code
        assert "make down && make up" in str(refused.value)
        assert cloud.moto_endpoint in str(refused.value)
    assert httpx.get(f"{cloud.endpoint}/_gatehouse/health").status_code == 503


def _signed(service: str) -> dict[str, str]:
    scope = f"123456789012/20261123/us-west-2/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
