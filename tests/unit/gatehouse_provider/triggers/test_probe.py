"""Waiting for probes ends with all verdicts, or when the rollout is called off."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from gatehouse.exceptions import LedgerError
from gatehouse.rollout.probe import Verdict
from gatehouse_provider.triggers.probe import ProbesTrigger

PASSED = Verdict("Successful", None, "every step of the path gave proof in time")
TRUTH = {"person_id": "p-7", "enrolled": [0, 5000], "stranger": [5000, 11000], "duration_ms": 11000}


class FakeSteering:
    """Call the rollout off for these reasons, look by look, and then no more; an exception is raised."""

    def __init__(self, reasons: list[Any]) -> None:
        self.reasons = reasons

    def renew(self) -> None:
        """The lease is kept."""

    def called_off(self) -> str:
        reason = self.reasons.pop(0) if self.reasons else ""
        if isinstance(reason, Exception):
            raise reason
        return str(reason)


class FakeHook:
    """Answer looks from a list."""

    def __init__(self, looks: list[dict[str, Verdict]], reasons: list[Any]) -> None:
        self.looks, self.steering = looks, FakeSteering(reasons)

    def connect(self) -> None:
        """Nothing to connect to."""

    def look(self) -> dict[str, Verdict]:
        return self.looks.pop(0)


class Trigger(ProbesTrigger):
    """The real trigger, looking through a fake."""

    found: FakeHook

    def hook(self) -> Any:
        return self.found


def run(looks: list[dict[str, Verdict]], *reasons: Any) -> dict[str, Any]:
    trigger = Trigger(
        rollout_id="run-1", office="berlin", probes=["p1", "p2"], truth=TRUTH, poll_seconds=0.01
    )
    trigger.found = FakeHook(looks, list(reasons))

    async def first() -> Any:
        return await anext(aiter(trigger.run()))

    event: dict[str, Any] = asyncio.run(first()).payload
    return event


def test_it_fires_when_every_probe_has_its_verdict() -> None:
    event = run([{}, {"p2": PASSED}, {"p1": PASSED, "p2": PASSED}])
    assert event["status"] == "success"
    assert {name: Verdict(**told) for name, told in event["verdicts"].items()} == {"p1": PASSED, "p2": PASSED}


@pytest.mark.parametrize("wanted", ["the rollout was aborted", LedgerError("another run took over")])
def test_it_stops_when_the_rollout_is_called_off_or_loses_its_office(wanted: Any) -> None:
    event = run([{}], "", wanted)
    assert event["status"] == "stopped"
    assert event["message"] in {"the rollout was aborted", "another run took over"}


def test_a_ledger_that_doesnt_answer_is_asked_again() -> None:
    gone = OperationalError("SELECT 1", None, Exception("gone"))
    assert run([{"p1": PASSED, "p2": PASSED}], gone)["status"] == "success"
