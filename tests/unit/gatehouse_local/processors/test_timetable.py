"""With the control plane only, processors change state in their time, by the clock and one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatehouse_local.core.store import Store
from gatehouse_local.processors.conditions import UndecidedError
from gatehouse_local.processors.processor import Processor, Status
from gatehouse_local.processors.registry import Registry
from gatehouse_local.processors.settings import Settings
from gatehouse_local.processors.timetable import Timetable

SETTINGS = Settings(start_seconds=0.05, stop_seconds=0.05, check_seconds=0.05)
WHERE = ("123456789012", "us-west-2")


def processor(name: str, status: Status) -> Processor:
    return Processor(
        account=WHERE[0],
        region=WHERE[1],
        name=name,
        video_arn=f"arn:aws:kinesisvideo:us-west-2:123456789012:stream/{name}/1",
        data_arn=f"arn:aws:kinesis:us-west-2:123456789012:stream/{name}",
        role_arn="arn:aws:iam::123456789012:role/r",
        collection="c",
        threshold=80,
        opt_in=None,
        created_at=0,
        updated_at=0,
        status=status,
        session="s1",
    )


class Surroundings:
    """Conditions that a test sets: why a start fails, why a running one does, and for how long none say."""

    def __init__(self) -> None:
        self.start: str | None = None
        self.running: str | None = None
        self.undecided = 0

    def to_go_on(self, _: Processor) -> str | None:
        if self.undecided:
            self.undecided -= 1
            raise UndecidedError("IAM is away")
        return self.start

    def without_role(self, _: Processor) -> str | None:
        return self.running


class Table:
    """A timetable over a store, and the states it leaves."""

    def __init__(self, folder: Path) -> None:
        self.registry = Registry(Store(folder / "store.db"), time.time)
        self.surroundings = Surroundings()
        conditions: Any = self.surroundings
        self.timetable = Timetable(self.registry, conditions, time.time, SETTINGS)

    def add(self, name: str, status: Status) -> Processor:
        made = processor(name, status)
        self.registry.write(made)
        return made

    def status(self, name: str) -> Status:
        return self.registry.get(*WHERE, name).status


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    made = Table(tmp_path)
    yield made
    made.timetable.stop()


def eventually(check: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_many_starts_and_stops_end_in_their_time(table: Table) -> None:
    table.timetable.start()
    made = [table.add(f"p{number}", Status.STARTING) for number in range(50)]
    for one in made:
        table.timetable.run(one)
    assert table.status("p49") is Status.STARTING
    eventually(lambda: {status for _, status in table.registry.states(*WHERE)} == {"RUNNING"})
    stopping = replace(made[0], status=Status.STOPPING)
    table.registry.write(stopping)
    table.timetable.end(stopping)
    eventually(lambda: table.status("p0") is Status.STOPPED)


def test_a_start_fails_for_the_reason_its_surroundings_give(table: Table) -> None:
    table.surroundings.start = "Access denied to Role"
    table.timetable.start()
    table.timetable.run(table.add("p", Status.STARTING))
    eventually(lambda: table.status("p") is Status.FAILED)
    assert table.registry.get(*WHERE, "p").message == "Access denied to Role"


def test_a_start_waits_until_its_conditions_can_be_decided(table: Table) -> None:
    table.surroundings.undecided = 1
    table.timetable.start()
    table.timetable.run(table.add("p", Status.STARTING))
    eventually(lambda: not table.surroundings.undecided)
    assert table.status("p") is Status.STARTING
    eventually(lambda: table.status("p") is Status.RUNNING)


def test_what_a_fault_hits_while_it_runs_fails(table: Table) -> None:
    table.add("p", Status.RUNNING)
    table.timetable.start()
    table.surroundings.running = "Broken"
    eventually(lambda: table.status("p") is Status.FAILED)


def test_a_restart_goes_on_with_what_was_on_its_way(table: Table) -> None:
    table.add("starting", Status.STARTING)
    table.add("stopping", Status.STOPPING)
    table.add("running", Status.RUNNING)
    table.timetable.start()
    eventually(lambda: table.status("starting") is Status.RUNNING)
    eventually(lambda: table.status("stopping") is Status.STOPPED)
    assert table.status("running") is Status.RUNNING
    table.timetable.stop()
    table.timetable.start()
    assert table.status("running") is Status.RUNNING
