"""Throttling is waited out whatever a service calls it, as often as the connection allows."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from botocore.exceptions import ClientError

from gatehouse_provider.hooks.kinesis_video import KinesisVideoHook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REGION = "eu-central-1"


@pytest.fixture
def throttle(cloud: str) -> Iterator[Callable[..., None]]:
    """Return what throttles a service's calls so many times; nothing is throttled after the test."""
    faults = f"{cloud}/_gatehouse/faults"

    def begin(service: str, times: int) -> None:
        fault: dict[str, Any] = {"service": service, "kind": "throttling", "times": times}
        httpx.post(faults, json=fault).raise_for_status()

    yield begin
    httpx.delete(faults).raise_for_status()


@pytest.fixture
def hook(aws: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> KinesisVideoHook:
    del aws
    monkeypatch.setattr("gatehouse_provider.hooks.retries.LONGEST_SECONDS", 0.01)
    return KinesisVideoHook(region_name=REGION)


def test_a_throttled_call_to_kinesis_video_is_made_again(
    hook: KinesisVideoHook, throttle: Callable[..., None]
) -> None:
    throttle("kinesisvideo", times=3)
    assert hook.client.list_streams()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_connection_that_says_how_to_retry_and_not_how_often_gets_a_client(
    aws: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, throttle: Callable[..., None]
) -> None:
    del aws
    connection = json.loads(os.environ["AIRFLOW_CONN_AWS_DEFAULT"])
    connection["extra"]["config_kwargs"] = {"retries": {"mode": "standard"}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    monkeypatch.setattr("gatehouse_provider.hooks.retries.LONGEST_SECONDS", 0.01)
    throttle("kinesisvideo", times=1)
    assert KinesisVideoHook(region_name=REGION).client.list_streams()["StreamInfoList"] is not None


def test_a_call_that_stays_throttled_fails_after_the_connections_retries(
    hook: KinesisVideoHook, throttle: Callable[..., None]
) -> None:
    throttle("kinesisvideo", times=100)
    with pytest.raises(ClientError, match="ClientLimitExceededException"):
        hook.client.list_streams()
