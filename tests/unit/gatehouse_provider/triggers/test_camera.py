"""Camera triggers wait for verdicts, ride out passing failures and end in time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from sqlalchemy.exc import OperationalError

from gatehouse.exceptions import LedgerError
from gatehouse.rollout.verify import Evidence
from gatehouse_provider.triggers.camera import CameraMediaTrigger

FLOWING = {"CAM_1": Evidence(fragments=3)}
SILENT = {"CAM_1": Evidence(edge_phase="starting")}


class FakeEvidence:
    """Answer looks from a list, repeating its last entry; an exception in it is raised."""

    def __init__(self, *looks: Any) -> None:
        self.looks = list(looks)

    def connect(self) -> None:
        """Nothing to connect to."""

    def media(self, since: datetime) -> dict[str, Evidence]:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, Exception):
            raise look
        return dict(look)


class FakeSteering:
    """Call the rollout off for these reasons, look by look, and then no more; an exception is raised."""

    def __init__(self, *reasons: Any) -> None:
        self.reasons = list(reasons)
        self.renewed = 0

    def connect(self) -> None:
        """Nothing to connect to."""

    def renew(self) -> None:
        self.renewed += 1

    def called_off(self) -> str:
        reason = self.reasons.pop(0) if self.reasons else ""
        if isinstance(reason, Exception):
            raise reason
        return str(reason)


class MediaTrigger(CameraMediaTrigger):
    """The real trigger, looking through a fake."""

    collect = FakeEvidence.media  # type: ignore[assignment]
    evidence: FakeEvidence
    people: FakeSteering

    def hook(self) -> Any:
        return self.evidence

    def steering(self) -> Any:
        return self.people


def run(evidence: FakeEvidence, seconds: float = 60, *reasons: Any) -> dict[str, Any]:
    trigger = MediaTrigger(
        office="berlin",
        region="eu-central-1",
        bucket="b",
        cameras=["CAM_1"],
        since=datetime.now(UTC).isoformat(),
        until=(datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(),
        rollout_id="run-1",
        poll_seconds=0.01,
    )
    trigger.evidence = evidence
    trigger.people = FakeSteering(*reasons)

    async def first() -> Any:
        return await anext(aiter(trigger.run()))

    event: dict[str, Any] = asyncio.run(first()).payload
    return event


def throttled(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "ListFragments")


def test_it_fires_when_every_camera_has_its_verdict() -> None:
    event = run(FakeEvidence(SILENT, SILENT, FLOWING))
    assert event["status"] == "success"
    assert event["verdicts"] == [
        {"camera_id": "CAM_1", "outcome": "verified", "reason": "3 fragments arrived"}
    ]


def test_a_silent_camera_fails_when_time_is_up() -> None:
    (verdict,) = run(FakeEvidence(SILENT), seconds=0.05)["verdicts"]
    assert verdict["outcome"] == "failed"
    assert "proxy says 'starting'" in verdict["reason"]


@pytest.mark.parametrize(
    "passing", [throttled("ThrottlingException"), EndpointConnectionError(endpoint_url="http://gone")]
)
def test_a_passing_failure_is_ridden_out(passing: Exception) -> None:
    assert run(FakeEvidence(passing, passing, FLOWING))["status"] == "success"


def test_constant_throttling_ends_in_time() -> None:
    event = run(FakeEvidence(throttled("ThrottlingException")), seconds=0.05)
    assert event["status"] == "error"
    assert "ThrottlingException" in event["message"]


def test_a_failure_that_stays_is_reported_at_once_with_its_code() -> None:
    event = run(FakeEvidence(throttled("AccessDeniedException")))
    assert event["status"] == "error"
    assert "AccessDeniedException" in event["message"]


def test_an_abort_ends_the_wait() -> None:
    event = run(FakeEvidence(SILENT), 60, "", "the rollout was aborted")
    assert event == {"status": "stopped", "message": "the rollout was aborted"}


def test_a_lost_lease_ends_the_wait() -> None:
    event = run(FakeEvidence(SILENT), 60, LedgerError("another run took over"))
    assert event == {"status": "stopped", "message": "another run took over"}


def test_a_ledger_that_doesnt_answer_is_asked_again() -> None:
    gone = OperationalError("SELECT 1", None, Exception("gone"))
    assert run(FakeEvidence(SILENT, FLOWING), 60, gone)["status"] == "success"
