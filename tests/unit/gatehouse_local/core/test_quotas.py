"""Quotas are AWS's, per account and Region, and refuse in AWS's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.quotas import Quotas, QuotaSpecError

A, B = "123456789012", "222222222222"


class Clock:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def quotas(clock: Clock) -> Quotas:
    return Quotas.defaults(clock)


def admitted(quotas: Quotas, calls: int, *call: str) -> int:
    passed = 0
    for _ in range(calls):
        try:
            quotas.acquire(*call)
        except AwsError:
            continue
        passed += 1
    return passed


@pytest.mark.parametrize(
    ("operation", "region", "tps"),
    [
        ("IndexFaces", "us-east-1", 50),
        ("IndexFaces", "eu-central-1", 5),
        ("DetectFaces", "us-west-2", 100),
        ("DetectFaces", "ap-northeast-1", 25),
        ("StopStreamProcessor", "us-east-1", 1),
        ("StartStreamProcessor", "eu-west-1", 20),
        ("ListTagsForResource", "eu-west-1", 10),
    ],
)
def test_a_second_holds_as_many_calls_as_aws_says(
    quotas: Quotas, clock: Clock, operation: str, region: str, tps: int
) -> None:
    call = ("rekognition", operation, A, region)
    assert admitted(quotas, tps + 10, *call) == tps
    clock.now += 1
    assert admitted(quotas, tps + 10, *call) == tps


def test_a_throttled_call_reads_as_aws_writes_it(quotas: Quotas) -> None:
    quotas.acquire("rekognition", "StopStreamProcessor", A, "us-east-1")
    with pytest.raises(AwsError) as refused:
        quotas.acquire("rekognition", "StopStreamProcessor", A, "us-east-1")
    assert refused.value.code == "ProvisionedThroughputExceededException"
    assert refused.value.message == "Provisioned rate exceeded"


def test_accounts_regions_and_operations_have_their_own_share(quotas: Quotas) -> None:
    assert admitted(quotas, 9, "rekognition", "IndexFaces", A, "eu-central-1") == 5
    assert admitted(quotas, 9, "rekognition", "IndexFaces", B, "eu-central-1") == 5
    assert admitted(quotas, 9, "rekognition", "IndexFaces", A, "eu-west-2") == 5
    assert admitted(quotas, 9, "rekognition", "ListFaces", A, "eu-central-1") == 5


def test_a_stream_has_less_than_its_account(quotas: Quotas) -> None:
    describe = ("kinesisvideo", "DescribeStream", A, "eu-central-1")
    assert admitted(quotas, 9, *describe, "lobby") == 5
    assert admitted(quotas, 9, *describe, "door") == 5
    with pytest.raises(AwsError) as refused:
        quotas.acquire(*describe, "lobby")
    assert refused.value.code == "ClientLimitExceededException"


def test_a_refused_call_costs_the_account_nothing(quotas: Quotas) -> None:
    describe = ("kinesisvideo", "DescribeStream", A, "eu-central-1")
    assert admitted(quotas, 1000, *describe, "lobby") == 5
    assert admitted(quotas, 1000, *describe) == 295


def test_kinesis_control_plane_is_held_and_its_shards_are_read_five_times(quotas: Quotas) -> None:
    assert admitted(quotas, 30, "kinesis", "DescribeStreamSummary", A, "eu-central-1") == 20
    assert admitted(quotas, 30, "kinesis", "CreateStream", A, "eu-central-1") == 5
    read = ("kinesis", "GetRecords", A, "eu-central-1")
    assert admitted(quotas, 9, *read, "s:shardId-0") == 5
    with pytest.raises(AwsError, match="shard s:shardId-0") as refused:
        quotas.acquire(*read, "s:shardId-0")
    assert refused.value.code == "ProvisionedThroughputExceededException"


def test_what_aws_does_not_limit_passes(quotas: Quotas) -> None:
    assert admitted(quotas, 500, "s3", "PutObject", A, "eu-central-1") == 500


def test_counts_are_looked_up_and_refused_in_words(quotas: Quotas) -> None:
    running = ("rekognition", "FaceSearchProcessorsRunning", A, "eu-central-1")
    assert quotas.count(*running) == 10
    error = quotas.exceeded(*running)
    assert (error.code, error.message) == (
        "LimitExceededException",
        "Stream processor limit exceeded for account, limit - 10",
    )


def test_a_config_changes_a_limit_everywhere_or_in_a_region(quotas: Quotas) -> None:
    quotas.configure({"rekognition": {"IndexFaces": {"eu-central-1": 7}, "FaceSearchProcessorsRunning": 3}})
    assert admitted(quotas, 20, "rekognition", "IndexFaces", A, "eu-central-1") == 7
    assert admitted(quotas, 20, "rekognition", "IndexFaces", A, "eu-west-2") == 5
    assert quotas.count("rekognition", "FaceSearchProcessorsRunning", A, "us-east-1") == 3


def test_a_limit_of_zero_lets_nothing_through(quotas: Quotas, clock: Clock) -> None:
    quotas.set("rekognition", "IndexFaces", 0, account=A)
    clock.now += 100
    assert admitted(quotas, 5, "rekognition", "IndexFaces", A, "us-east-1") == 0
    assert admitted(quotas, 5, "rekognition", "IndexFaces", B, "us-east-1") == 5


@pytest.mark.parametrize("limit", [-1, "many", True, None])
def test_a_limit_that_is_no_number_is_refused(quotas: Quotas, limit: object) -> None:
    with pytest.raises(QuotaSpecError, match="number from 0 up"):
        quotas.set("rekognition", "IndexFaces", limit)  # type: ignore[arg-type]


def test_a_quota_that_nobody_has_is_refused_with_those_there_are(quotas: Quotas) -> None:
    with pytest.raises(QuotaSpecError, match="StopStreamProcessor"):
        quotas.set("rekognition", "IndexFace", 5)


def test_a_change_shows_in_the_description(quotas: Quotas) -> None:
    quotas.set("rekognition", "IndexFaces", 9, region="eu-central-1")
    shown = {row["name"]: row for row in quotas.describe("rekognition")}
    assert shown["IndexFaces"]["changed"] == [{"account": "*", "region": "eu-central-1", "limit": 9}]
    assert shown["IndexFaces"]["by_region"]["us-east-1"] == 50


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_no_pattern_of_calls_passes_more_than_burst_plus_rate(gaps: list[float]) -> None:
    clock = Clock()
    quotas = Quotas.defaults(clock)
    passed = 0
    for gap in gaps:
        clock.now += gap
        passed += admitted(quotas, 2, "rekognition", "CreateCollection", A, "eu-central-1")
    assert passed <= 5 + 5 * sum(gaps) + 1e-6


def test_points_of_a_stream_are_taken_together_or_not_at_all(quotas: Quotas, clock: Clock) -> None:
    def spend(metadata: int, media: int, stream: str = "a") -> None:
        costs = {"FragmentMetadataPoints": metadata, "FragmentMediaPoints": media}
        quotas.spend("kinesis-video-archived-media", costs, A, "eu-central-1", stream)

    spend(9000, 400)
    with pytest.raises(AwsError) as refused:
        spend(500, 101)
    assert refused.value.code == "ClientLimitExceededException"
    spend(1000, 100)
    spend(10_000, 500, "b")
    with pytest.raises(AwsError):
        spend(1, 0)
    clock.now += 0.5
    spend(5000, 250)


def test_what_is_not_held_to_is_named(quotas: Quotas) -> None:
    assert "ConnectedHomeProcessorsRunning" in quotas.unheld()["rekognition"]
