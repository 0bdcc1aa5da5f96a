"""Data streams take their time, are counted, and are refused in AWS's words while they are made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from gatehouse_local.core.calls import CallLog, Filter
from gatehouse_local.core.door import Door
from gatehouse_local.core.encode import Answer
from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.exchange import Rules
from gatehouse_local.core.faults import Faults
from gatehouse_local.core.quotas import Quotas
from gatehouse_local.core.store import Store
from gatehouse_local.core.wire import read_body, send_answer
from gatehouse_local.kinesis.front import DataStreamFront
from gatehouse_local.kinesis.streams import Streams
from gatehouse_local.moto.refusal import refuse

ACCOUNT, REGION = "222222222222", "eu-central-1"
WHERE = (ACCOUNT, REGION)


class Clock:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Moto:
    """Data streams as moto has them: ACTIVE at once, and no limit."""

    streams: dict[str, dict[str, Any]] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    broken: bool = False

    async def forward(self, exchange: Any, headers: Any, scope: Any, receive: Any, send: Any) -> None:
        await exchange.admit("kinesis", headers["x-amz-target"].rpartition(".")[2])
        body = await read_body(receive)
        self.bodies.append(body)
        if self.broken:
            raise AwsError("ServiceUnavailable", "moto is down", 503)
        status, answer = self.answer(exchange.operation, json.loads(body or b"{}"))
        content = json.dumps(answer).encode()
        if status >= 400:
            exchange.refused(answer["__type"])
        await send_answer(Answer(status, {"x-from": "moto"}, content), scope, receive, send)

    def refuse(self, exchange: Any, headers: Any, error: AwsError) -> Answer:
        return refuse(exchange.service, headers, error, exchange.request_id)

    async def close(self) -> None: ...

    def answer(self, operation: str, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name = params.get("StreamName") or params.get("StreamARN", "").rpartition("/")[2]
        if operation == "CreateStream":
            if name in self.streams:
                return 400, {"__type": "ResourceInUseException", "message": "taken"}
            self.streams[name] = {"StreamName": name, "StreamStatus": "ACTIVE", "OpenShardCount": 1}
            return 200, {}
        if operation == "ListStreams":
            return 200, {"StreamNames": list(self.streams), "StreamSummaries": list(self.streams.values())}
        if operation != "DescribeLimits" and name not in self.streams:
            return 400, {"__type": "ResourceNotFoundException", "message": f"no {name}"}
        if operation == "AddTagsToStream":
            self.streams[name].setdefault("Tags", {}).update(params["Tags"])
            return 200, {}
        if operation == "ListTagsForStream":
            tags = self.streams[name].get("Tags", {})
            return 200, {"Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]}
        if operation == "DeleteStream":
            del self.streams[name]
        described = {**self.streams.get(name, {}), "Shards": [{"ShardId": "shardId-0"}]}
        return 200, {"StreamDescription": described} if operation == "DescribeStream" else {}


@dataclass
class Cloud:
    """A front door with data streams, and what a test may turn."""

    client: httpx.AsyncClient
    moto: Moto
    clock: Clock
    rules: Rules
    streams: Streams

    async def __call__(self, operation: str, **params: Any) -> httpx.Response:
        scope = f"{ACCOUNT}/20261123/{REGION}/kinesis/aws4_request"
        headers = {
            "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            "x-amz-target": f"Kinesis_20131202.{operation}",
        }
        return await self.client.post("/", headers=headers, content=json.dumps(params))

    async def status(self, name: str) -> str:
        answer = (await self("DescribeStream", StreamName=name)).json()
        return str(answer["StreamDescription"]["StreamStatus"])

    async def refusal(self, operation: str, **params: Any) -> tuple[str, str]:
        answer = await self(operation, **params)
        assert answer.status_code == 400
        return answer.json()["__type"], answer.json()["message"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "state.sqlite3")
    yield made
    made.close()


@pytest.fixture
def cloud(tmp_path: Path, store: Store) -> Iterator[Cloud]:
    log, clock, moto = CallLog(tmp_path), Clock(), Moto()
    rules = Rules(Quotas.defaults(), Faults(), log)
    for name in ("CreateStream", "DescribeStream"):
        rules.quotas.set("kinesis", name, 1000)
    streams = Streams(store, rules.quotas, clock, 10.0)
    door = Door([], rules, DataStreamFront(moto, streams), None)  # type: ignore[arg-type]
    transport = httpx.ASGITransport(door, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://door:1")
    yield Cloud(client, moto, clock, rules, streams)
    door.close()
    log.close()


ON_DEMAND = {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}


async def test_a_new_stream_is_creating_for_a_while_and_has_no_shards_yet(cloud: Cloud) -> None:
    await cloud("CreateStream", StreamName="a", ShardCount=1)
    described = (await cloud("DescribeStream", StreamName="a")).json()["StreamDescription"]
    assert (described["StreamStatus"], described["Shards"]) == ("CREATING", [])
    listed = (await cloud("ListStreams")).json()["StreamSummaries"]
    assert [(one["StreamStatus"], one["OpenShardCount"]) for one in listed] == [("CREATING", 0)]
    cloud.clock.now += 10
    described = (await cloud("DescribeStream", StreamName="a")).json()["StreamDescription"]
    assert (described["StreamStatus"], len(described["Shards"])) == ("ACTIVE", 1)


async def test_five_streams_may_be_creating(cloud: Cloud) -> None:
    for name in "abcde":
        assert (await cloud("CreateStream", StreamName=name)).status_code == 200
    code, message = await cloud.refusal("CreateStream", StreamName="f")
    assert code == "LimitExceededException"
    assert "simultaneously be in CREATING or DELETING for the account 222222222222. Limit: 5." in message
    assert "f" not in cloud.moto.streams
    cloud.clock.now += 10
    assert (await cloud("CreateStream", StreamName="f")).status_code == 200


async def test_on_demand_streams_are_counted_and_the_count_can_be_raised(cloud: Cloud) -> None:
    cloud.rules.quotas.set("kinesis", "OnDemandStreams", 2)
    for name in "ab":
        assert (await cloud("CreateStream", StreamName=name, **ON_DEMAND)).status_code == 200
    assert (await cloud.refusal("CreateStream", StreamName="c", **ON_DEMAND))[0] == "LimitExceededException"
    assert (await cloud("CreateStream", StreamName="p", ShardCount=1)).status_code == 200
    cloud.clock.now += 10
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/p"
    assert (await cloud.refusal("UpdateStreamMode", StreamARN=arn, **ON_DEMAND))[0] == (
        "LimitExceededException"
    )
    cloud.rules.quotas.set("kinesis", "OnDemandStreams", 3)
    assert (await cloud("CreateStream", StreamName="c", **ON_DEMAND)).status_code == 200
    await cloud("DeleteStream", StreamName="a")
    limits = (await cloud("DescribeLimits")).json()
    assert (limits["OnDemandStreamCount"], limits["OnDemandStreamCountLimit"]) == (2, 3)


async def test_provisioned_shards_are_counted(cloud: Cloud) -> None:
    cloud.rules.quotas.set("kinesis", "Shards", 10)
    assert (await cloud("CreateStream", StreamName="a", ShardCount=8)).status_code == 200
    code, message = await cloud.refusal("CreateStream", StreamName="b", ShardCount=3)
    assert (code, "shard limit for the account" in message) == ("LimitExceededException", True)
    cloud.clock.now += 10
    more = {"StreamName": "a", "TargetShardCount": 11, "ScalingType": "UNIFORM_SCALING"}
    assert (await cloud.refusal("UpdateShardCount", **more))[0] == "LimitExceededException"
    assert (await cloud("UpdateShardCount", **{**more, "TargetShardCount": 4})).status_code == 200
    assert (await cloud("DescribeLimits")).json()["OpenShardCount"] == 4


async def test_what_needs_an_active_stream_is_refused_in_awss_words(cloud: Cloud) -> None:
    await cloud("CreateStream", StreamName="a")
    put = {"StreamName": "a", "Data": "eA==", "PartitionKey": "p"}
    not_found = ("ResourceNotFoundException", "Stream a under account 222222222222 not found.")
    assert await cloud.refusal("PutRecord", **put) == not_found
    in_use = "Stream a under account 222222222222 not ACTIVE, instead in state CREATING"
    for operation in ("DeleteStream", "ListShards", "AddTagsToStream"):
        assert await cloud.refusal(operation, StreamName="a") == ("ResourceInUseException", in_use)
    cloud.clock.now += 10
    assert (await cloud("PutRecord", **put)).status_code == 200
    assert json.loads(cloud.moto.bodies[-1]) == put


async def test_a_taken_name_is_refused_and_stays_as_it_was(cloud: Cloud) -> None:
    await cloud("CreateStream", StreamName="a", ShardCount=2)
    cloud.clock.now += 10
    assert (await cloud.refusal("CreateStream", StreamName="a"))[0] == "ResourceInUseException"
    assert await cloud.status("a") == "ACTIVE"
    assert (await cloud("DescribeLimits")).json()["OpenShardCount"] == 2


async def test_a_stream_that_was_not_made_is_not_counted(cloud: Cloud) -> None:
    cloud.moto.broken = True
    assert (await cloud("CreateStream", StreamName="a")).status_code == 503
    cloud.moto.broken = False
    cloud.rules.quotas.set("kinesis", "CreateStream", 0)
    assert (await cloud.refusal("CreateStream", StreamName="b"))[0] == "LimitExceededException"
    assert cloud.streams.limits(WHERE)["OpenShardCount"] == 0


async def test_a_stream_made_just_before_a_kill_is_counted_when_it_is_asked_for_again(cloud: Cloud) -> None:
    cloud.moto.streams["a"] = {"StreamName": "a", "StreamStatus": "ACTIVE"}
    assert (await cloud.refusal("CreateStream", StreamName="a", **ON_DEMAND))[0] == "ResourceInUseException"
    assert cloud.streams.limits(WHERE)["OnDemandStreamCount"] == 1


async def test_a_record_without_its_stream_is_dropped_when_moto_says_so(cloud: Cloud) -> None:
    await cloud("CreateStream", StreamName="a")
    del cloud.moto.streams["a"]
    assert (await cloud.refusal("DescribeStream", StreamName="a"))[0] == "ResourceNotFoundException"
    assert cloud.streams.limits(WHERE)["OpenShardCount"] == 0


async def test_a_call_is_counted_once_whether_it_is_made_or_refused(cloud: Cloud) -> None:
    cloud.rules.quotas.set("kinesis", "CreateStream", 2)
    cloud.rules.quotas.set("kinesis", "StreamsCreating", 1)
    answers = [(await cloud("CreateStream", StreamName=name)).json() for name in "abc"]
    assert answers[0] == {}
    assert "simultaneously" in answers[1]["message"]
    assert answers[2]["message"] == "Rate exceeded for account 222222222222."
    outcomes = [call["outcome"] for call in cloud.rules.calls.read(Filter(operation="CreateStream"))]
    assert outcomes == ["ok", "LimitExceededException", "throttled"]


async def test_a_stream_has_the_tags_that_it_was_made_with(cloud: Cloud) -> None:
    tags = {"gatehouse:office": "berlin", "empty": ""}
    assert (await cloud("CreateStream", StreamName="a", Tags=tags)).json() == {}
    cloud.clock.now += 10
    found = (await cloud("ListTagsForStream", StreamName="a")).json()["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in found} == tags


async def test_tagging_while_creating_is_no_call_of_the_callers(cloud: Cloud) -> None:
    cloud.rules.quotas.set("kinesis", "AddTagsToStream", 0)
    assert (await cloud("CreateStream", StreamName="a", Tags={"k": "v"})).status_code == 200
    assert cloud.moto.streams["a"]["Tags"] == {"k": "v"}
    assert [call["operation"] for call in cloud.rules.calls.read(Filter())] == ["CreateStream"]


@pytest.mark.parametrize("tags", [{}, {"k" * 129: "v"}, {"k": "v" * 257}])
async def test_tags_that_aws_refuses_leave_no_stream(cloud: Cloud, tags: dict[str, str]) -> None:
    code, message = await cloud.refusal("CreateStream", StreamName="a", Tags=tags)
    assert (code, "tags" in message) == ("ValidationException", True)
    assert cloud.moto.streams == {}
    assert cloud.streams.limits(WHERE)["OpenShardCount"] == 0
    assert [call["operation"] for call in cloud.rules.calls.read(Filter())] == ["CreateStream"]


async def test_what_is_known_outlives_a_restart(cloud: Cloud, store: Store) -> None:
    await cloud("CreateStream", StreamName="a", **ON_DEMAND)
    again = Streams(store, cloud.rules.quotas, cloud.clock, 10.0)
    assert again.creating(WHERE) == {"a"}
    assert again.limits(WHERE)["OnDemandStreamCount"] == 1
