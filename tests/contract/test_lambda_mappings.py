"""Event source mappings: their life, their delivery of records and AWS's refusals."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["kinesis:*", "sqs:*", "s3:*", "logs:*"], "Resource": "*"}],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
# Raises on a batch that holds a record with the data "bad".
HANDLER = """
import base64
def handler(event, context):
    if any(base64.b64decode(record["kinesis"]["data"]) == b"bad" for record in event["Records"]):
        raise ValueError("bad record")
"""


@dataclass
class Place:
    """A stream, a function that reads it, and a queue for what fails."""

    aws: Callable[..., Any]
    name: str
    stream: str = ""
    queue: str = ""

    def make(self) -> Place:
        kinesis, iam, client = self.aws("kinesis"), self.aws("iam"), self.aws("lambda")
        kinesis.create_stream(StreamName=self.name, ShardCount=1)
        kinesis.get_waiter("stream_exists").wait(StreamName=self.name, WaiterConfig={"Delay": 1})
        summary = kinesis.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
        self.stream = summary["StreamARN"]
        self.queue = self.aws("sqs").create_queue(QueueName=self.name)["QueueUrl"]
        role = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName=self.name, PolicyName="all", PolicyDocument=json.dumps(POLICY))
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("app.py", HANDLER)
        client.create_function(
            FunctionName=self.name,
            Role=role,
            Runtime="python3.11",
            Handler="app.handler",
            Code={"ZipFile": file.getvalue()},
        )
        client.get_waiter("function_active_v2").wait(FunctionName=self.name, WaiterConfig={"Delay": 1})
        return self

    def map(self, **more: Any) -> dict[str, Any]:
        destination = {
            "Destination": f"arn:aws:sqs:{self.stream.split(':', 3)[3].rsplit(':', 1)[0]}:{self.name}"
        }
        request = {
            "FunctionName": self.name,
            "EventSourceArn": self.stream,
            "StartingPosition": "TRIM_HORIZON",
            "DestinationConfig": {"OnFailure": destination},
            **more,
        }
        answer: dict[str, Any] = self.aws("lambda").create_event_source_mapping(**request)
        return answer

    def put(self, *data: str) -> None:
        records = [{"Data": one.encode(), "PartitionKey": "k"} for one in data]
        self.aws("kinesis").put_records(StreamName=self.name, Records=records)

    def get(self, mapping: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.aws("lambda").get_event_source_mapping(UUID=mapping)
        return answer

    def messages(self) -> list[dict[str, Any]]:
        found = self.aws("sqs").receive_message(
            QueueUrl=self.queue, WaitTimeSeconds=1, MaxNumberOfMessages=10
        )
        return [json.loads(one["Body"]) for one in found.get("Messages", [])]

    def remove(self) -> None:
        client, iam = self.aws("lambda"), self.aws("iam")
        for one in client.list_event_source_mappings(FunctionName=self.name)["EventSourceMappings"]:
            if one["State"] != "Deleting":
                eventually(lambda name=one["UUID"]: self._unmap(name))
        client.delete_function(FunctionName=self.name)
        self.aws("kinesis").delete_stream(StreamName=self.name)
        self.aws("sqs").delete_queue(QueueUrl=self.queue)
        iam.delete_role_policy(RoleName=self.name, PolicyName="all")
        iam.delete_role(RoleName=self.name)

    def _unmap(self, mapping: str) -> bool:
        try:
            self.aws("lambda").delete_event_source_mapping(UUID=mapping)
        except ClientError as error:
            return error.response["Error"]["Code"] == "ResourceNotFoundException"
        return True


@pytest.fixture
def place(aws: Callable[..., Any], unique: Callable[[str], str]) -> Iterator[Place]:
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = aws(service, retries={"total_max_attempts": 2})
        return clients[service]

    made = Place(client, unique("map")).make()
    yield made
    made.remove()


@pytest.mark.asserts("lambda", "CreateEventSourceMapping")
@pytest.mark.asserts("lambda", "GetEventSourceMapping")
@pytest.mark.asserts("lambda", "ListEventSourceMappings")
@pytest.mark.asserts("lambda", "UpdateEventSourceMapping")
@pytest.mark.asserts("lambda", "DeleteEventSourceMapping")
def test_a_mapping_is_created_changed_and_deleted(place: Place) -> None:
    client = place.aws("lambda")
    created = place.map(Tags={"a": "1"})
    mapping = created["UUID"]
    assert (created["State"], created["LastProcessingResult"]) == ("Creating", "No records processed")
    assert (created["BatchSize"], created["ParallelizationFactor"]) == (100, 1)
    assert (created["MaximumRetryAttempts"], created["MaximumRecordAgeInSeconds"]) == (-1, -1)
    assert code(place.map) == "ResourceConflictException"
    early = code(lambda: client.update_event_source_mapping(UUID=mapping, BatchSize=5))
    assert early == "ResourceInUseException"
    eventually(lambda: place.get(mapping)["State"] == "Enabled")
    assert client.list_tags(Resource=created["EventSourceMappingArn"])["Tags"] == {"a": "1"}
    updated = client.update_event_source_mapping(UUID=mapping, BatchSize=5, Enabled=False)
    assert (updated["BatchSize"], updated["State"]) == (5, "Disabling")
    eventually(lambda: place.get(mapping)["State"] == "Disabled")
    listed = client.list_event_source_mappings(EventSourceArn=place.stream)["EventSourceMappings"]
    assert [one["UUID"] for one in listed] == [mapping]
    assert client.delete_event_source_mapping(UUID=mapping)["State"] == "Deleting"
    eventually(lambda: code_or_none(lambda: place.get(mapping)) == "ResourceNotFoundException")


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"FunctionName": "gatehouse-nobody"}, "ResourceNotFoundException"),
        ({"StartingPosition": "AT_TIMESTAMP"}, "InvalidParameterValueException"),
        ({"MaximumRecordAgeInSeconds": 5}, "InvalidParameterValueException"),
    ],
    ids=["unknown function", "no timestamp", "age below 60"],
)
def test_what_makes_no_mapping_is_refused(place: Place, change: dict[str, Any], refused: str) -> None:
    assert code(lambda: place.map(**change)) == refused
    missing = place.stream + "-none"
    assert code(lambda: place.map(EventSourceArn=missing)) == "InvalidParameterValueException"


def test_an_unknown_mapping_is_not_found(aws: Callable[..., Any]) -> None:
    name = str(uuid.uuid4())
    assert code(lambda: aws("lambda").get_event_source_mapping(UUID=name)) == "ResourceNotFoundException"


def test_a_poison_record_ends_in_the_queue_and_the_rest_is_processed(place: Place) -> None:
    place.put("a", "bad", "b")
    mapping = place.map(BisectBatchOnFunctionError=True, MaximumRetryAttempts=0)["UUID"]
    (message,) = eventually(place.messages)
    assert message["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert message["responseContext"]["functionError"] == "Unhandled"
    assert message["KinesisBatchInfo"]["batchSize"] == 1
    assert message["KinesisBatchInfo"]["streamArn"] == place.stream
    assert "payload" not in message
    eventually(lambda: place.get(mapping)["LastProcessingResult"] == "OK")


def test_records_of_a_batch_window_come_together(place: Place) -> None:
    mapping = place.map(MaximumBatchingWindowInSeconds=2, MaximumRetryAttempts=0)["UUID"]
    eventually(lambda: place.get(mapping)["State"] == "Enabled")
    place.put("bad")
    time.sleep(0.8)
    place.put("x")
    (message,) = eventually(place.messages)
    assert message["KinesisBatchInfo"]["batchSize"] == 2


def test_records_survive_a_killed_front_door(own_cloud: Any, unique: Callable[[str], str]) -> None:
    own_cloud.start()
    place = Place(own_cloud.client, unique("resume")).make()
    mapping = place.map(MaximumRetryAttempts=0)["UUID"]
    place.put("a")
    eventually(lambda: place.get(mapping)["LastProcessingResult"] == "OK")
    own_cloud.kill(own_cloud.door)
    own_cloud.start_door()
    place.put("bad")
    (message,) = eventually(place.messages)
    assert message["KinesisBatchInfo"]["batchSize"] == 1, "only what came after the checkpoint is delivered"


def code(call: Callable[[], object]) -> str:
    found = code_or_none(call)
    assert found, "the call was not refused"
    return found


def code_or_none(call: Callable[[], object]) -> str | None:
    try:
        call()
    except ClientError as error:
        refused: str = error.response["Error"]["Code"]
        return refused
    return None


def eventually(check: Callable[[], Any], seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found
