"""Each state ends a wait, fails it or prolongs it, as AWS means it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import WaiterError
from botocore.stub import Stubber

from gatehouse_provider.hooks.base_aws import GatehouseAwsHook
from gatehouse_provider.hooks.kinesis_video import KinesisVideoHook
from gatehouse_provider.hooks.rekognition import RekognitionHook

PROCESSOR = {"running": "stream_processor_running", "stopped": "stream_processor_stopped"}


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", '{"conn_type": "aws", "login": "a", "password": "b"}')


def wait(
    hook: GatehouseAwsHook, waiter: str, operation: str, answer: dict[str, Any] | str, **who: str
) -> str:
    """Return how one attempt of a waiter ends: success, failure or retry."""
    with Stubber(hook.client) as stub:
        if isinstance(answer, str):
            stub.add_client_error(operation, answer)
        else:
            stub.add_response(operation, answer)
        try:
            hook.get_waiter(waiter).wait(**who, WaiterConfig={"MaxAttempts": 1, "Delay": 0})
        except WaiterError as error:
            return "retry" if "Max attempts" in str(error) else "failure"
    return "success"


@pytest.mark.parametrize(
    ("waiter", "status", "end"),
    [
        ("running", "RUNNING", "success"),
        ("running", "STARTING", "retry"),
        ("running", "UPDATING", "retry"),
        ("running", "FAILED", "failure"),
        ("running", "STOPPED", "failure"),
        ("running", "STOPPING", "failure"),
        ("stopped", "STOPPED", "success"),
        ("stopped", "FAILED", "success"),
        ("stopped", "STOPPING", "retry"),
        ("stopped", "RUNNING", "retry"),
    ],
)
def test_a_processors_states(waiter: str, status: str, end: str) -> None:
    hook = RekognitionHook(region_name="eu-central-1")
    answer = {"Status": status}
    assert wait(hook, PROCESSOR[waiter], "describe_stream_processor", answer, Name="p") == end


def test_a_processor_is_deleted_once_it_is_not_found() -> None:
    hook = RekognitionHook(region_name="eu-central-1")
    gone, there = "ResourceNotFoundException", {"Status": "STOPPED"}
    assert wait(hook, "stream_processor_deleted", "describe_stream_processor", gone, Name="p") == "success"
    assert wait(hook, "stream_processor_deleted", "describe_stream_processor", there, Name="p") == "retry"


@pytest.mark.parametrize(
    ("status", "end"),
    [("ACTIVE", "success"), ("CREATING", "retry"), ("UPDATING", "retry"), ("DELETING", "failure")],
)
def test_a_video_streams_states(status: str, end: str) -> None:
    hook = KinesisVideoHook(region_name="eu-central-1")
    answer = {"StreamInfo": {"Status": status}}
    assert wait(hook, "stream_active", "describe_stream", answer, StreamName="s") == end


def test_throttling_is_retried_by_the_client_adaptively_and_bounded() -> None:
    retries = RekognitionHook(region_name="eu-central-1").client.meta.config.retries
    assert retries["mode"] == "adaptive"
    assert retries["total_max_attempts"] <= 13
