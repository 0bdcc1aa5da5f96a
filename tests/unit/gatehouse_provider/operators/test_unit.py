"""The first seconds of a wait ride out what the triggerer would ride out too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from botocore.exceptions import ClientError

from gatehouse.rollout.verify import Evidence
from gatehouse_provider.operators import unit
from gatehouse_provider.operators.unit import UnitOperator
from gatehouse_provider.triggers.camera import CameraMediaTrigger


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "ListFragments")


class Looks:
    """Fail once with each of these errors, and then see the camera stream."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def media(self, since: datetime) -> dict[str, Evidence]:
        del since
        if self.errors:
            raise self.errors.pop(0)
        return {"CAM_1": Evidence(fragments=3)}


class MediaTrigger(CameraMediaTrigger):
    """The real trigger, looking through a fake."""

    collect = Looks.media
    looks: Looks

    def hook(self) -> Any:
        return self.looks


def wait(*errors: Exception) -> list[str]:
    now = datetime.now(UTC)
    trigger = MediaTrigger(
        office="berlin",
        region="eu-central-1",
        bucket="b",
        cameras=["CAM_1"],
        since=now.isoformat(),
        until=(now + timedelta(minutes=1)).isoformat(),
        rollout_id="run-1",
    )
    trigger.looks = Looks(*errors)
    operator = UnitOperator(task_id="start", unit={"office": "berlin"}, poll_seconds=0.01)
    return [verdict.outcome for verdict in operator.wait(trigger, "media_judged")]


def test_throttling_is_ridden_out() -> None:
    assert wait(refusal("ThrottlingException"), refusal("ThrottlingException")) == ["verified"]


def test_throttling_that_lasts_is_left_to_the_triggerer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(TaskDeferred):
        wait(refusal("ThrottlingException"))


def test_a_failure_that_stays_is_raised_at_once() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        wait(refusal("AccessDeniedException"))
