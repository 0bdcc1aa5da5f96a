"""The rollout benchmark's floor is what the quotas allow for the calls that were needed, and no more."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[3] / "bench" / "rollout_floor.py"
SPEC = importlib.util.spec_from_file_location("rollout_floor", FILE)
assert SPEC is not None
assert SPEC.loader is not None
floor = importlib.util.module_from_spec(SPEC)
sys.modules["rollout_floor"] = floor
SPEC.loader.exec_module(floor)

EU, US = "eu-central-1", "us-west-2"


def calls(number: int, service: str, operation: str, region: str = EU, outcome: str = "ok") -> list[Any]:
    call = {"region": region, "service": service, "operation": operation, "outcome": outcome}
    return [call] * number


def quota(service: str, name: str, default: float, unit: str = "calls/s", **more: Any) -> dict[str, Any]:
    row = {"service": service, "name": name, "default": default, "unit": unit, "by_region": {}}
    return row | {"changed": []} | more


QUOTAS = [
    quota("kinesis", "CreateStream", 5),
    quota("kinesis", "StreamsCreating", 5, "count"),
    quota("rekognition", "StartStreamProcessor", 20),
    quota("rekognition", "DescribeStreamProcessor", 20),
    quota("kinesisvideo", "CreateStream", 50),
]


def longest(log: list[Any], quotas: list[Any] = QUOTAS, creating: float = 10.0) -> Any:
    return floor.bounds(log, quotas, creating)[0]


def test_streams_in_creating_take_their_turns() -> None:
    found = longest(calls(101, "kinesis", "CreateStream"))
    assert (found.quota, found.seconds) == ("kinesis streams in CREATING", 210.0)


def test_calls_per_second_bind_where_streams_are_made_at_once() -> None:
    found = longest(calls(105, "kinesis", "CreateStream"), creating=0.5)
    assert (found.quota, found.seconds) == ("kinesis:CreateStream", 20.0)


def test_the_first_seconds_worth_costs_nothing() -> None:
    assert longest(calls(20, "rekognition", "StartStreamProcessor")).seconds == 0
    assert longest(calls(40, "rekognition", "StartStreamProcessor")).seconds == 1


def test_regions_count_side_by_side() -> None:
    log = calls(60, "rekognition", "StartStreamProcessor", EU)
    log += calls(100, "rekognition", "StartStreamProcessor", US)
    assert longest(log) == floor.Bound(US, "rekognition:StartStreamProcessor", 100, 4.0)


def test_asking_and_being_refused_give_no_more_time() -> None:
    log = calls(40, "rekognition", "StartStreamProcessor")
    wasteful = calls(5000, "rekognition", "DescribeStreamProcessor")
    wasteful += calls(500, "rekognition", "StartStreamProcessor", outcome="throttled")
    assert longest(log + wasteful) == longest(log)
    assert floor.throttled(log + wasteful) == 500


def test_a_count_that_is_used_up_counts_as_throttled() -> None:
    assert floor.throttled(calls(3, "kinesis", "CreateStream", outcome="LimitExceededException")) == 3


@pytest.mark.parametrize(("region", "seconds"), [(EU, 9.0), (US, 4.0)])
def test_a_limit_that_was_changed_counts_where_it_was_changed(region: str, seconds: float) -> None:
    changed = [{"account": "*", "region": EU, "limit": 10}]
    quotas = [quota("rekognition", "StartStreamProcessor", 20, changed=changed)]
    assert longest(calls(100, "rekognition", "StartStreamProcessor", region), quotas).seconds == seconds


def test_lambdas_control_plane_is_one_budget() -> None:
    log = calls(20, "lambda", "CreateEventSourceMapping") + calls(10, "lambda", "UpdateEventSourceMapping")
    assert longest(log) == floor.Bound(EU, "lambda control plane", 30, 1.0)
