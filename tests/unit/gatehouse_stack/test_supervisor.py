"""The supervisor, with real processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from gatehouse_stack import log_files
from gatehouse_stack.graph import Graph, Job, Service
from gatehouse_stack.supervisor import Supervisor

SLEEPER = """
import pathlib, subprocess, sys, time
subprocess.Popen(["sleep", "600"])
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""


def sleeper(name: str, folder: Path, after: tuple[str, ...] = ()) -> Service:
    """A service with a child of its own, ready once it has written its mark."""
    mark = folder / f"{name}.mark"
    command = [sys.executable, "-c", SLEEPER, str(mark)]
    return Service(name, name, lambda: command, mark.exists, after=after, grace_seconds=2)


@contextlib.asynccontextmanager
async def running(graph: Graph, folder: Path) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(graph, folder, os.environ)
    task = asyncio.create_task(supervisor.run())
    try:
        yield supervisor
    finally:
        supervisor.stopping.set()
        await task


async def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the state was not reached in time"
        await asyncio.sleep(0.05)


async def test_a_node_starts_only_when_what_it_waits_for_is_ready(tmp_path: Path) -> None:
    order: list[str] = []
    graph = Graph()
    graph.add(Job("first", "first", lambda: order.append("first")))
    graph.add(sleeper("second", tmp_path, after=("first",)))
    graph.add(
        Job("third", "third", lambda: order.append(str((tmp_path / "second.mark").exists())), ("second",))
    )
    async with running(graph, tmp_path) as supervisor:
        await until(supervisor.status.settled)
    assert order == ["first", "True"]


async def test_a_killed_service_is_restarted(tmp_path: Path) -> None:
    graph = Graph()
    graph.add(sleeper("part", tmp_path))
    async with running(graph, tmp_path) as supervisor:
        await until(supervisor.status.settled)
        first = supervisor.status.nodes["part"].pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervisor.status.nodes["part"].restarts == 1 and supervisor.status.settled())
        assert supervisor.status.nodes["part"].pid != first


async def test_a_held_service_stays_down_until_released(tmp_path: Path) -> None:
    graph = Graph()
    graph.add(sleeper("part", tmp_path))
    hold = tmp_path / "hold" / "part"
    hold.parent.mkdir()
    async with running(graph, tmp_path) as supervisor:
        await until(supervisor.status.settled)
        hold.touch()
        first = supervisor.processes["part"]
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: supervisor.status.nodes["part"].phase == "restarting")
        await asyncio.sleep(1.5)
        assert supervisor.processes["part"] is first
        hold.unlink()
        await until(supervisor.status.settled)


async def test_stopping_leaves_no_process_not_even_a_grandchild(tmp_path: Path) -> None:
    graph = Graph()
    graph.add(sleeper("part", tmp_path))
    async with running(graph, tmp_path) as supervisor:
        await until(supervisor.status.settled)
        parent = psutil.Process(supervisor.processes["part"].pid)
        family = [parent, *parent.children(recursive=True)]
        assert len(family) == 2
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []


DAWDLER = """
import pathlib, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(pathlib.Path(sys.argv[1]).write_text("saved") and 0))
pathlib.Path(sys.argv[2]).touch()
signal.pause()
"""


async def test_a_part_that_is_not_ready_in_time_is_told_to_stop_before_it_is_killed(tmp_path: Path) -> None:
    saved, listening = tmp_path / "saved", tmp_path / "listening"
    command = [sys.executable, "-c", DAWDLER, str(saved), str(listening)]

    def never() -> bool:
        # Only once it listens for the signal does its time begin to count.
        deadline = time.monotonic() + 30
        while not listening.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        return False

    graph = Graph()
    graph.add(Service("slow", "slow", lambda: command, never, ready_seconds=0.1))
    async with running(graph, tmp_path) as supervisor:
        await until(lambda: supervisor.status.nodes["slow"].phase == "failed", 60)
    assert saved.read_text() == "saved"


async def test_a_failed_job_is_named_with_its_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("the registry is not reachable")

    graph = Graph()
    graph.add(Job("bad", "bad", fail))
    graph.add(sleeper("good", tmp_path))
    graph.add(sleeper("blocked", tmp_path, after=("bad",)))
    async with running(graph, tmp_path) as supervisor:
        await until(lambda: supervisor.status.nodes["good"].phase == "ready")
        assert supervisor.status.failed()["bad"].detail == "the registry is not reachable"
        assert supervisor.status.nodes["blocked"].phase == "waiting"


async def test_logs_are_bounded_while_the_stack_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatehouse_stack.supervisor.LOG_CHECK_SECONDS", 0.05)
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / "part.log"
    log.touch()
    os.truncate(log, log_files.LIMIT_BYTES + 1)
    graph = Graph()
    graph.add(sleeper("part", tmp_path))
    async with running(graph, tmp_path):
        await until(lambda: log.with_suffix(".log.1").exists())
    assert log.stat().st_size == 0


def test_a_graph_refuses_a_node_before_what_it_waits_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="before"):
        Graph().add(sleeper("part", tmp_path, after=("nobody",)))
