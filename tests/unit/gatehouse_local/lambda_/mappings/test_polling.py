"""Records of a Kinesis stream reach the function in order, once, whatever happens in between."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.gatehouse_local.lambda_.conftest import ACCOUNT, REGION, Cloud, eventually

from gatehouse_local.lambda_.service import build

if TYPE_CHECKING:
    from gatehouse_local.core.clients import Clients
    from gatehouse_local.core.runtime import Runtime

KEEP = """
import base64, json
def handler(event, context):
    data = [base64.b64decode(r["kinesis"]["data"]).decode() for r in event["Records"]]
    with open({path!r}, "a") as file:
        file.write(json.dumps(data) + "\\n")
    {then}
"""


class Stream:
    """Put records on a stream of its own."""

    def __init__(self, clients: Clients, name: str, shards: int = 1) -> None:
        self.kinesis = clients.of("kinesis", ACCOUNT, REGION)
        self.name = name
        self.arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"
        self.kinesis.create_stream(StreamName=name, ShardCount=shards)

    def put(self, *data: str, key: str = "camera") -> None:
        records = [{"Data": item.encode(), "PartitionKey": key} for item in data]
        self.kinesis.put_records(StreamName=self.name, Records=records)


@pytest.fixture
def stream(clients: Clients, request: pytest.FixtureRequest) -> Stream:
    return Stream(clients, request.node.name.replace("[", "-").replace("]", "")[:120])


def batches(path: Path) -> list[list[str]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def seen(path: Path) -> list[str]:
    return [item for batch in batches(path) for item in batch]


def map_(cloud: Cloud, stream: Stream, **more: Any) -> str:
    request = {"StartingPosition": "TRIM_HORIZON", **more}
    answer = cloud("CreateEventSourceMapping", FunctionName="keep", EventSourceArn=stream.arn, **request)
    uuid: str = answer["UUID"]
    return uuid


def test_records_arrive_in_order_in_batches(cloud: Cloud, stream: Stream, tmp_path: Path) -> None:
    cloud.create("keep", KEEP.format(path=str(tmp_path / "out"), then=""))
    stream.put(*"abcde")
    uuid = map_(cloud, stream, BatchSize=2)
    eventually(lambda: seen(tmp_path / "out") == list("abcde"))
    assert max(map(len, batches(tmp_path / "out"))) == 2
    eventually(lambda: cloud("GetEventSourceMapping", UUID=uuid)["LastProcessingResult"] == "OK")


def test_the_event_has_awss_shape(cloud: Cloud, stream: Stream, tmp_path: Path) -> None:
    out = tmp_path / "out"
    source = f"import json\ndef handler(e, c): open({str(out)!r}, 'w').write(json.dumps(e))"
    cloud.create("keep", source)
    stream.put("hello")
    map_(cloud, stream)
    (record,) = json.loads(eventually(lambda: out.exists() and out.read_text()))["Records"]
    kinesis = record.pop("kinesis")
    assert base64.b64decode(kinesis["data"]) == b"hello"
    assert kinesis["partitionKey"] == "camera"
    assert abs(kinesis["approximateArrivalTimestamp"] - time.time()) < 60
    assert record == {
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{kinesis['sequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/lambda",
        "awsRegion": REGION,
        "eventSourceARN": stream.arn,
    }


def test_a_restart_goes_on_after_the_checkpoint(
    make_runtime: Callable[..., Runtime], stream: Stream, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = build(make_runtime())
    first.start()
    cloud = Cloud(first)
    cloud.create("keep", KEEP.format(path=str(out), then=""))
    map_(cloud, stream)
    stream.put("a", "b")
    eventually(lambda: seen(out) == ["a", "b"])
    eventually(lambda: len(list(make_runtime().store.table("lambda", "checkpoint").all())) == 1)
    first.stop()
    stream.put("c")
    second = build(make_runtime())
    second.start()
    eventually(lambda: seen(out) == ["a", "b", "c"])
    second.stop()


def test_latest_means_from_the_mappings_creation_on(cloud: Cloud, stream: Stream, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cloud.create("keep", KEEP.format(path=str(out), then=""))
    stream.put("before")
    map_(cloud, stream, StartingPosition="LATEST")
    stream.put("after")
    eventually(lambda: seen(out))
    assert seen(out) == ["after"]


def test_a_poison_record_ends_at_the_destination_with_its_payload(
    cloud: Cloud, stream: Stream, tmp_path: Path, clients: Clients
) -> None:
    s3 = clients.of("s3", ACCOUNT, REGION)
    s3.create_bucket(Bucket="failures", CreateBucketConfiguration={"LocationConstraint": REGION})
    out = tmp_path / "out"
    cloud.create("keep", KEEP.format(path=str(out), then="assert 'bad' not in data"))
    stream.put("a", "b", "bad", "c", "d")
    uuid = map_(
        cloud,
        stream,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
    )
    stored = eventually(lambda: s3.list_objects_v2(Bucket="failures").get("Contents"))
    assert stored[0]["Key"].startswith(f"aws/lambda/{uuid}/shardId-000000000000/2")
    body = json.loads(s3.get_object(Bucket="failures", Key=stored[0]["Key"])["Body"].read())
    assert body["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert body["KinesisBatchInfo"]["batchSize"] == 1
    (record,) = json.loads(body["payload"])["Records"]
    assert base64.b64decode(record["kinesis"]["data"]) == b"bad"
    good = eventually(lambda: [b for b in batches(out) if "bad" not in b and b[-1] == "d"] and batches(out))
    processed = [item for batch in good if "bad" not in batch for item in batch]
    assert processed == ["a", "b", "c", "d"]


def test_a_recreated_stream_is_read_from_its_start(
    cloud: Cloud, stream: Stream, tmp_path: Path, clients: Clients
) -> None:
    out = tmp_path / "out"
    cloud.create("keep", KEEP.format(path=str(out), then=""))
    map_(cloud, stream)
    stream.put("a", "b")
    eventually(lambda: seen(out) == ["a", "b"])
    stream.kinesis.delete_stream(StreamName=stream.name)
    Stream(clients, stream.name).put("new")
    eventually(lambda: "new" in seen(out))


def test_disabling_stops_and_enabling_resumes_without_loss(
    cloud: Cloud, stream: Stream, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cloud.create("keep", KEEP.format(path=str(out), then=""))
    uuid = map_(cloud, stream)
    stream.put("a")
    eventually(lambda: seen(out) == ["a"])
    cloud("UpdateEventSourceMapping", UUID=uuid, Enabled=False)
    eventually(lambda: cloud("GetEventSourceMapping", UUID=uuid)["State"] == "Disabled")
    time.sleep(0.7)  # the worker ends within a tick of the poller
    stream.put("b")
    time.sleep(0.3)
    assert seen(out) == ["a"]
    cloud("UpdateEventSourceMapping", UUID=uuid, Enabled=True)
    eventually(lambda: seen(out) == ["a", "b"])


def test_a_split_shards_children_come_after_what_the_parent_held(
    cloud: Cloud, stream: Stream, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cloud.create("keep", KEEP.format(path=str(out), then=""))
    stream.put("old")
    half = str(2**127)
    stream.kinesis.split_shard(
        StreamName=stream.name, ShardToSplit="shardId-000000000000", NewStartingHashKey=half
    )
    stream.put("new")
    map_(cloud, stream)
    eventually(lambda: sorted(seen(out)) == ["new", "old"])
    stream.put("newer")
    eventually(lambda: "newer" in seen(out))
    assert len(seen(out)) == 3


def test_parallel_lanes_lose_nothing_and_a_blocked_one_holds_up_no_other(
    cloud: Cloud, stream: Stream, tmp_path: Path
) -> None:
    out, gate = tmp_path / "out", tmp_path / "gate"
    then = f"import os\n    assert data[0][0] != 'b' or os.path.exists({str(gate)!r})"
    cloud.create("keep", KEEP.format(path=str(out), then=then))
    map_(cloud, stream, ParallelizationFactor=4, BatchSize=1)
    stream.put("b1", "b2", key="blocked")  # in lane 3, the others in 1 and 2
    for number in range(4):
        stream.put(f"a{number}", key="free-a")
        stream.put(f"c{number}", key="free-d")
    eventually(lambda: {f"{x}{n}" for x in "ac" for n in range(4)} <= set(seen(out)))
    assert "b2" not in seen(out)
    gate.touch()
    eventually(lambda: "b2" in seen(out))
    free = [item for item in seen(out) if item[0] == "a"]
    assert free == sorted(free)
