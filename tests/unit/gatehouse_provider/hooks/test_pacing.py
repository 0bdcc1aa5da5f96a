"""Clients wait for their turn under the Region's quotas, whichever hook they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from gatehouse_provider.hooks import pacing

Client = Any


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect how long callers sleep, on a clock that stands."""
    seconds: list[float] = []
    monkeypatch.setattr(pacing, "_paces", {})
    monkeypatch.setattr(pacing.time, "sleep", seconds.append)
    monkeypatch.setattr(pacing.time, "monotonic", lambda: 100.0)
    return seconds


def client(service: str, region: str = "eu-central-1") -> Client:
    return pacing.paced(boto3.Session("k", "s").client(service, region_name=region), region)


def call(made: Client, operation: str, times: int = 1) -> None:
    """Let the client's attempts come as far as their sending."""
    service = made.meta.service_model.service_id.hyphenize()
    for _ in range(times):
        made.meta.events.emit(f"before-send.{service}.{operation}", request=None)


def test_calls_beyond_what_is_saved_up_wait_for_their_turn(slept: list[float]) -> None:
    call(client("rekognition"), "StartStreamProcessor", times=30)
    assert slept == pytest.approx([number / 20 for number in range(1, 21)])


def test_two_clients_share_a_regions_quota(slept: list[float]) -> None:
    for _ in range(2):
        call(client("kinesis"), "CreateStream", times=2)
    assert len(slept) == 2


def test_each_region_has_a_quota_of_its_own(slept: list[float]) -> None:
    for region in ("eu-central-1", "us-west-2", "ap-northeast-1"):
        call(client("kinesis", region), "CreateStream", times=2)
    assert slept == []


def test_operations_of_one_budget_are_counted_together(slept: list[float]) -> None:
    lambdas = client("lambda")
    call(lambdas, "CreateEventSourceMapping", times=7)
    assert slept == []
    call(lambdas, "ListEventSourceMappings", times=2)
    assert slept != []


def test_what_has_no_quota_is_never_held_up(slept: list[float]) -> None:
    call(client("s3"), "PutObject", times=500)
    assert slept == []


def test_without_a_usable_quota_file_nothing_is_held_up(
    slept: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEHOUSE_CONFIG", str(tmp_path))
    call(client("kinesis"), "CreateStream", times=50)
    assert slept == []
