"""Every trigger survives the trip through the database: classpath and arguments rebuild it."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from typing import TYPE_CHECKING, Any

import pytest
from airflow.triggers.base import BaseTrigger

import gatehouse_provider.triggers
from gatehouse_provider.triggers.approval import PlanApprovalTrigger
from gatehouse_provider.triggers.base import BoundedWaiterTrigger
from gatehouse_provider.triggers.camera import (
    CameraAnalysedTrigger,
    CameraMediaTrigger,
    CameraRunningTrigger,
    CamerasTrigger,
    CameraVerifiedTrigger,
)
from gatehouse_provider.triggers.gate import WaveBakeTrigger
from gatehouse_provider.triggers.kinesis_video import KinesisVideoStreamActiveTrigger
from gatehouse_provider.triggers.probe import ProbesTrigger
from gatehouse_provider.triggers.rekognition import RekognitionStreamProcessorRunningTrigger
from gatehouse_provider.triggers.steering import SteeringTrigger

if TYPE_CHECKING:
    from collections.abc import Iterator

CAMERAS: dict[str, Any] = {
    "office": "berlin",
    "region": "eu-central-1",
    "bucket": "b",
    "cameras": ["CAM_1"],
    "since": "2026-11-23T12:00:00+00:00",
    "until": "2026-11-23T12:03:00+00:00",
    "rollout_id": "run-1",
}
TRUTH = {"person_id": "p-7", "enrolled": [0, 5000], "stranger": [5000, 11000], "duration_ms": 11000}
PLACE = {"aws_conn_id": "aws_default", "region_name": "eu-central-1"}
TRIGGERS: list[BaseTrigger] = [
    CameraAnalysedTrigger(**CAMERAS),
    CameraMediaTrigger(**CAMERAS),
    CameraRunningTrigger(**CAMERAS),
    CameraVerifiedTrigger(**CAMERAS),
    KinesisVideoStreamActiveTrigger(stream_name="s", **PLACE),
    PlanApprovalTrigger(
        rollout_id="run-1",
        ti_id="1",
        options=["Approve", "Reject"],
        defaults=["Reject"],
        params={},
        timeout_datetime="2026-11-24T12:00:00+00:00",
    ),
    ProbesTrigger(rollout_id="run-1", office="berlin", probes=["p1"], truth=TRUTH),
    RekognitionStreamProcessorRunningTrigger(processor_name="p", **PLACE),
    SteeringTrigger(rollout_id="run-1", offices=["berlin"]),
    WaveBakeTrigger(rollout_id="run-1", wave="pilot", cameras=["CAM_1"], sample_every_seconds=1),
]


def all_triggers() -> Iterator[type[BaseTrigger]]:
    for module in pkgutil.iter_modules(gatehouse_provider.triggers.__path__, "gatehouse_provider.triggers."):
        for _, found in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(found, BaseTrigger) and found.__module__ == module.name:
                yield found


def test_every_trigger_is_tested_here() -> None:
    bases: set[type[BaseTrigger]] = {BoundedWaiterTrigger, CamerasTrigger}
    assert set(all_triggers()) - bases == {type(trigger) for trigger in TRIGGERS}


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: type(trigger).__name__)
def test_a_trigger_is_rebuilt_from_what_it_serializes(trigger: BaseTrigger) -> None:
    path, arguments = json.loads(json.dumps(trigger.serialize()))
    module, name = path.rsplit(".", 1)
    rebuilt = getattr(importlib.import_module(module), name)(**arguments)
    assert type(rebuilt) is type(trigger)
    assert rebuilt.serialize() == trigger.serialize()
