"""A processor that a killed task started is a change like any other: its camera is proved anew."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from gatehouse.ledger.calls import changed_at
from gatehouse.office import naming
from gatehouse.office.config import load_company
from gatehouse.rollout.verify import Verdict
from gatehouse_provider.hooks.rekognition import RekognitionHook
from gatehouse_provider.operators.start import OfficeStartOperator
from processor_place import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

pytestmark = pytest.mark.usefixtures("ledger", "able")
REGION = "eu-central-1"
BERLIN = ["CAM_BER_F0_LOBBY_001", "CAM_BER_F0_GARAGE_002", "CAM_BER_F3_LAB_003"]
Rollout = Any


class Killed(BaseException):
    """End a task where it stands, as the kernel would."""


@pytest.fixture
def able(foundation: Callable[..., Any], config: Path) -> Iterator[None]:
    """Let Berlin's processors run, and end them afterwards: the foundation's role may do nothing."""
    role = load_company(config).regions.regions[REGION].processor_role
    policy = {"RoleName": role, "PolicyName": "streams"}
    foundation("iam").put_role_policy(**policy, PolicyDocument=json.dumps(STREAMS))
    yield
    rekognition = RekognitionHook(region_name=REGION)
    for camera_id in BERLIN:
        rekognition.stop_processor(naming.stream_processor(camera_id))
    foundation("iam").delete_role_policy(**policy)


@pytest.fixture
def start(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], dict[str, Any]]:
    """Return what starts Berlin's processors, of which nothing but that they rest is out of order."""
    rollout.plan("berlin")
    rollout.approve()
    (unit,) = rollout.begin("pilot")
    rollout.provision(unit)
    ledger.exec_driver_sql("UPDATE camera_state SET changed_at = NULL")
    provisioned = {"since": datetime.now(UTC).isoformat()}
    seen = [Verdict(camera_id, "verified", "seen") for camera_id in BERLIN]
    monkeypatch.setattr(OfficeStartOperator, "wait", lambda *_, **__: seen)
    return lambda: OfficeStartOperator(task_id="start", unit=unit, provisioned=provisioned).execute(
        rollout.context
    )


def kill_after(monkeypatch: pytest.MonkeyPatch, camera_id: str) -> None:
    """Kill the task when AWS has taken the start of this camera's processor."""
    starts = RekognitionHook.start_processor

    def start_processor(hook: RekognitionHook, name: str) -> None:
        starts(hook, name)
        if name == naming.stream_processor(camera_id):
            raise Killed

    monkeypatch.setattr(RekognitionHook, "start_processor", start_processor)


def test_cameras_whose_processors_a_killed_task_started_are_changed(
    start: Callable[[], dict[str, Any]], ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_after(monkeypatch, BERLIN[0])
    with pytest.raises(Killed):
        start()
    first = changed_at(ledger, "run-1")
    assert set(first) == {BERLIN[0]}
    started = start()
    changed = changed_at(ledger, "run-1")
    assert set(changed) == set(BERLIN)
    assert changed[BERLIN[0]] == first[BERLIN[0]]
    assert datetime.fromisoformat(started["since"]) == max(changed.values())


def test_evidence_from_before_a_killed_tasks_starts_proves_nothing(
    start: Callable[[], dict[str, Any]], ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_after(monkeypatch, BERLIN[-1])
    with pytest.raises(Killed):
        start()
    changed = changed_at(ledger, "run-1")
    assert set(changed) == set(BERLIN)
    assert datetime.fromisoformat(start()["since"]) == max(changed.values())
