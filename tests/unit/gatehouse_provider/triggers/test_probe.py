"""Waiting for probes ends with all verdicts, or when the rollout is called off."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from gatehouse.exceptions import LedgerError
from gatehouse.rollout.control import Step
from gatehouse.rollout.probe import Verdict
from gatehouse_provider.triggers.probe import ProbesTrigger

PASSED = Verdict("Successful", None, "every step of the path gave proof in time")
TRUTH = {"person_id": "p-7", "enrolled": [0, 5000], "stranger": [5000, 11000], "duration_ms": 11000}


class FakeSteering:
    """Want this, step by step, and then that the rollout goes on; an exception is raised."""

    def __init__(self, steps: list[Any]) -> None:
        self.steps = steps

    def renew(self) -> None:
        """The lease is kept."""

    def step(self) -> Step:
        step = self.steps.pop(0) if self.steps else Step("go")
        if isinstance(step, Exception):
            raise step
        return step


class FakeHook:
    """Answer looks from a list."""

    def __init__(self, looks: list[dict[str, Verdict]], steps: list[Any]) -> None:
        self.looks, self.steering = looks, FakeSteering(steps)

    def connect(self) -> None:
        """Nothing to connect to."""

    def look(self) -> dict[str, Verdict]:
        return self.looks.pop(0)


class Trigger(ProbesTrigger):
    """The real trigger, looking through a fake."""

    found: FakeHook

    def hook(self) -> Any:
        return self.found


def run(looks: list[dict[str, Verdict]], *steps: Any) -> dict[str, Any]:
    trigger = Trigger(
        rollout_id="run-1", office="berlin", probes=["p1", "p2"], truth=TRUTH, poll_seconds=0.01
    )
    trigger.found = FakeHook(looks, list(steps))

    async def first() -> Any:
        return await anext(aiter(trigger.run()))

    event: dict[str, Any] = asyncio.run(first()).payload
    return event


def test_it_fires_when_every_probe_has_its_verdict() -> None:
    event = run([{}, {"p2": PASSED}, {"p1": PASSED, "p2": PASSED}])
    assert event["status"] == "success"
    assert {name: Verdict(**told) for name, told in event["verdicts"].items()} == {"p1": PASSED, "p2": PASSED}


def test_a_pause_doesnt_end_a_wait_that_only_looks() -> None:
    event = run([{}, {"p1": PASSED, "p2": PASSED}], Step("wait", "paused"), Step("wait", "paused"))
    assert event["status"] == "success"


@pytest.mark.parametrize(
    "wanted", [Step("stop", "the rollout was aborted"), LedgerError("another run took over")]
)
def test_it_stops_when_the_rollout_is_called_off_or_loses_its_office(wanted: Any) -> None:
    event = run([{}], Step("go"), wanted)
    assert event["status"] == "stopped"
    assert event["message"] in {"the rollout was aborted", "another run took over"}


def test_a_ledger_that_doesnt_answer_is_asked_again() -> None:
    gone = OperationalError("SELECT 1", None, Exception("gone"))
    assert run([{"p1": PASSED, "p2": PASSED}], gone)["status"] == "success"
