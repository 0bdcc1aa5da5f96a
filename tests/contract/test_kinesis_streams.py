"""Data streams, which moto keeps and the front door holds to AWS's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

Unique = Callable[[str], str]
ONCE = {"retries": {"total_max_attempts": 1}}
ON_DEMAND = {"StreamMode": "ON_DEMAND"}
COUNTED = "444444444444"  # an account of its own, whose quotas a test may change


@pytest.fixture
def stream(aws: Callable[..., Any], unique: Unique) -> Iterator[str]:
    kinesis, name = aws("kinesis"), unique("stream")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    yield name
    wait_until_active(kinesis, name)
    kinesis.delete_stream(StreamName=name)


@pytest.mark.asserts("kinesis", "CreateStream")
@pytest.mark.asserts("kinesis", "DescribeStreamSummary")
def test_a_stream_is_creating_before_it_is_active(aws: Callable[..., Any], stream: str) -> None:
    kinesis = aws("kinesis")
    assert summary(kinesis, stream)["StreamStatus"] == "CREATING"
    assert code(lambda: kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="p")) == (
        "ResourceNotFoundException"
    )
    assert code(lambda: kinesis.delete_stream(StreamName=stream)) == "ResourceInUseException"
    assert code(lambda: kinesis.create_stream(StreamName=stream)) == "ResourceInUseException"
    wait_until_active(kinesis, stream)
    described = summary(kinesis, stream)
    assert (described["StreamStatus"], described["OpenShardCount"]) == ("ACTIVE", 1)
    kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="p")


@pytest.mark.asserts("kinesis", "ListTagsForStream")
def test_a_stream_has_the_tags_that_it_was_made_with(aws: Callable[..., Any], unique: Unique) -> None:
    kinesis, name = aws("kinesis"), unique("tagged")
    kinesis.create_stream(StreamName=name, ShardCount=1, Tags={"gatehouse:office": "berlin"})
    wait_until_active(kinesis, name)
    found = kinesis.list_tags_for_stream(StreamName=name)["Tags"]
    kinesis.delete_stream(StreamName=name)
    assert found == [{"Key": "gatehouse:office", "Value": "berlin"}]


def test_counts_refuse_one_more_until_they_are_raised(
    cloud: Any, control: httpx.Client, unique: Unique
) -> None:
    kinesis = cloud.client("kinesis", account=COUNTED, **ONCE)
    quota = {"service": "kinesis", "account": COUNTED}
    assert control.post("/quotas", json={**quota, "name": "OnDemandStreams", "limit": 1}).is_success
    names = [unique("count") for _ in range(2)]
    kinesis.create_stream(StreamName=names[0], StreamModeDetails=ON_DEMAND)
    with pytest.raises(ClientError, match="on-demand stream limit") as refused:
        kinesis.create_stream(StreamName=names[1], StreamModeDetails=ON_DEMAND)
    assert refused.value.response["Error"]["Code"] == "LimitExceededException"
    assert control.post("/quotas", json={**quota, "name": "OnDemandStreams", "limit": 2}).is_success
    kinesis.create_stream(StreamName=names[1], StreamModeDetails=ON_DEMAND)
    assert kinesis.describe_limits()["OnDemandStreamCount"] == 2
    for name in names:
        wait_until_active(kinesis, name)
        kinesis.delete_stream(StreamName=name)


def summary(kinesis: Any, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = kinesis.describe_stream_summary(StreamName=name)
    described: dict[str, Any] = answer["StreamDescriptionSummary"]
    return described


def wait_until_active(kinesis: Any, name: str) -> None:
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})


def code(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    found: str = refused.value.response["Error"]["Code"]
    return found
