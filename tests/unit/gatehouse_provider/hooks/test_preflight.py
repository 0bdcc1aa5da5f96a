"""A preflight proves by a real start and stop, leaves nothing behind, and cleans up after the killed."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from gatehouse.capacity.quotas import load_quotas
from gatehouse.office.config import load_company
from gatehouse_provider.hooks.preflight import PreflightHook
from gatehouse_provider.hooks.streaming_proof import PREFIX, RECORDS_PREFIX, StreamingProofHook
from processor_place import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[4]
COMPANY = load_company(ROOT / "config")
REGION, ACCOUNT = "eu-central-1", "123456789012"
ROLE = "gatehouse-preflight-test"


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def role(aws: Callable[..., Any], request: pytest.FixtureRequest) -> Iterator[str]:
    """Return a role that Rekognition may assume, unless the test names another service."""
    iam = aws("iam")
    service = getattr(request, "param", "rekognition.amazonaws.com")
    made = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust(service))
    iam.put_role_policy(RoleName=ROLE, PolicyName="streams", PolicyDocument=json.dumps(STREAMS))
    yield made["Role"]["Arn"]
    iam.delete_role_policy(RoleName=ROLE, PolicyName="streams")
    iam.delete_role(RoleName=ROLE)


@contextmanager
def switched_on(cloud: str, fault: dict[str, Any]) -> Iterator[None]:
    httpx.post(f"{cloud}/_gatehouse/faults", json=fault).raise_for_status()
    try:
        yield
    finally:
        httpx.delete(f"{cloud}/_gatehouse/faults").raise_for_status()


def left(aws: Callable[..., Any]) -> list[str]:
    """Name every preflight resource in the Region."""
    rekognition = aws("rekognition")
    names = [one["Name"] for one in rekognition.list_stream_processors()["StreamProcessors"]]
    names += rekognition.list_collections()["CollectionIds"]
    names += [one["StreamName"] for one in aws("kinesisvideo").list_streams()["StreamInfoList"]]
    names += aws("kinesis").list_streams()["StreamNames"]
    return [name for name in names if name.startswith((PREFIX, RECORDS_PREFIX))]


def proof(role: str, run: str = "run-1") -> StreamingProofHook:
    return StreamingProofHook(REGION, ACCOUNT, role, run)


@pytest.mark.full
def test_a_real_start_and_stop_proves_right_and_role_and_leaves_nothing(
    aws: Callable[..., Any], role: str
) -> None:
    right, works = proof(role).prove()
    assert (right.answer, works.answer) == ("yes", "yes"), (right, works)
    assert left(aws) == []


@pytest.mark.full
@pytest.mark.parametrize("role", ["lambda.amazonaws.com"], indirect=True)
def test_a_role_that_rekognition_may_not_assume_is_found_in_aws_s_words(
    aws: Callable[..., Any], role: str
) -> None:
    right, works = proof(role).prove()
    assert (right.answer, works.answer) == ("yes", "no")
    assert works.detail
    assert left(aws) == []


@pytest.mark.full
def test_an_account_closed_to_streaming_is_told_from_a_bad_role(
    aws: Callable[..., Any], cloud: str, role: str
) -> None:
    with switched_on(cloud, {"name": "streaming_video_closed"}):
        right, works = proof(role).prove()
    assert (right.answer, works.answer) == ("no", "not_proved")
    assert "AccessDeniedException" in right.detail
    assert left(aws) == []


def test_what_a_killed_preflight_left_is_found_by_tag_and_removed(aws: Callable[..., Any], role: str) -> None:
    killed = proof(role, "killed")
    tags = {"gatehouse:preflight": killed.run}
    long_ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    killed._tags = lambda: {**tags, "gatehouse:preflight-at": long_ago}  # type: ignore[method-assign]
    wanted = killed._prepare()
    killed._create(wanted)
    killed._start()
    foreign = PREFIX + "somebody-elses"
    aws("kinesisvideo").create_stream(StreamName=foreign, DataRetentionInHours=1)
    running = proof(role, "still-running")
    running._prepare()
    assert proof(role, "next").sweep() == ()
    names = left(aws)
    assert not [name for name in names if killed.run in name]
    assert foreign in names, "it has the name, but not the tag"
    assert [name for name in names if running.run in name], "a preflight that runs now isn't disturbed"
    running.remove(running.name)
    arn = aws("kinesisvideo").describe_stream(StreamName=foreign)["StreamInfo"]["StreamARN"]
    aws("kinesisvideo").delete_stream(StreamARN=arn)


@pytest.mark.full
def test_the_same_run_taken_up_again_removes_its_own_leftovers(aws: Callable[..., Any], role: str) -> None:
    first = proof(role)
    first._create(first._prepare())
    first.rekognition.start_processor(first.name)  # killed while it is STARTING
    right, works = proof(role).prove()
    assert (right.answer, works.answer) == ("yes", "yes"), (right, works)
    assert left(aws) == []


@pytest.fixture
def hook(foundation: Callable[..., Any]) -> PreflightHook:
    """Return a hook for the Region of an office whose foundation is laid."""
    del foundation
    return PreflightHook(REGION, ACCOUNT, COMPANY.regions.regions[REGION])


@pytest.mark.full
def test_a_dry_run_starts_nothing_and_says_so(aws: Callable[..., Any], hook: PreflightHook) -> None:
    seen = hook.observe([COMPANY.office("berlin")], "run-1", dry_run=True)
    assert seen.streaming_right.answer == "not_proved"
    assert seen.ingest_function.answer == "yes"
    assert seen.secrets == {}
    assert {answer.answer for answer in seen.cameras.values()} == {"unknown"}
    assert left(aws) == []


@pytest.mark.full
def test_a_missing_function_can_t_be_invoked(aws: Callable[..., Any]) -> None:
    del aws
    names = COMPANY.regions.regions[REGION].model_copy(update={"ingest_function": "nowhere"})
    seen = PreflightHook(REGION, ACCOUNT, names)._invocable()
    assert seen.answer == "no"
    assert "nowhere" in seen.detail


@pytest.mark.full
def test_quotas_stay_at_their_defaults_where_service_quotas_has_none(hook: PreflightHook) -> None:
    quotas = load_quotas(ROOT / "config")
    assert hook.quotas(quotas).count("face_search_processors", REGION) == 10


@pytest.mark.full
def test_what_is_in_use_is_counted_whoever_made_it(aws: Callable[..., Any], hook: PreflightHook) -> None:
    before = hook.in_use()
    aws("kinesis").create_stream(StreamName="of-another-team", ShardCount=3)
    aws("kinesis").get_waiter("stream_exists").wait(StreamName="of-another-team")
    after = hook.in_use()
    assert after["shards"] == before["shards"] + 3
    assert after["video_streams"] == before["video_streams"]
    aws("kinesis").delete_stream(StreamName="of-another-team")


@pytest.mark.full
def test_an_opt_out_that_can_t_be_looked_up_is_unknown(hook: PreflightHook) -> None:
    assert hook.ai_opt_out().answer in {"unknown", "no"}
