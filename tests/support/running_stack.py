"""Reach every part of a running stack from a test."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from opensearchpy import OpenSearch

from gatehouse_stack import cloud, lifecycle, status
from gatehouse_stack.layout import Layout

ROOT = Path(__file__).resolve().parents[2]
PORT_BASE = int(os.environ.get("GATEHOUSE_TEST_PORT_BASE", "25100"))
DEMO_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Demo:
    """Hold one run of the demo over the whole company."""

    status: int
    report: dict[str, Any]


Plant = Callable[["RunningStack"], contextlib.AbstractContextManager[None]]
"""Something wrong for the length of a block."""


@dataclass(slots=True)
class RunningStack:
    """Reach every part of the stack under test."""

    layout: Layout
    environment: dict[str, str]

    def run(
        self, *words: str, seconds: float = DEMO_SECONDS, on_line: Callable[[str], None] = lambda _: None
    ) -> subprocess.CompletedProcess[str]:
        """Run one command of the stack, echoing what it prints; `on_line` sees every line at once."""
        command = [sys.executable, "-m", "gatehouse_stack", *words]
        lines: list[str] = []
        with subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            timer = _killer(process, seconds)
            for line in process.stdout or ():
                lines.append(line)
                on_line(line)
                sys.__stderr__.write(line)  # type: ignore[union-attr]
            timer.cancel()
        return subprocess.CompletedProcess(command, process.returncode, "".join(lines), "")

    def demo(self, *offices: str, plants: Sequence[Plant] = ()) -> Demo:
        """Run the demo for these offices (all by default).

        Each of `plants` takes effect once everything is rolled out and the watching begins.
        """
        words = ["demo", *(["--offices", *offices] if offices else [])]
        with contextlib.ExitStack() as planted:

            def plant(line: str) -> None:
                if line.startswith("Watching"):
                    for mistake in plants:
                        planted.enter_context(mistake(self))

            done = self.run(*words, on_line=plant)
        file = self.layout.run / "demo.json"
        return Demo(done.returncode, json.loads(file.read_text()) if file.exists() else {})

    def client(self, service: str, region: str, endpoint: str | None = None) -> Any:
        """Return a boto3 client of the local cloud."""
        return cloud.client(self.layout, service, region, endpoint)

    @property
    def search(self) -> OpenSearch:
        """Return a client of the stack's OpenSearch."""
        return OpenSearch(self.layout.url("opensearch"), timeout=30)

    def control(self, method: str, path: str, **body: Any) -> Any:
        """Call the local cloud's control endpoint."""
        answer = httpx.request(
            method, f"{self.layout.url('cloud')}/_gatehouse/{path}", json=body or None, timeout=30
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def kill(self, part: str, signum: signal.Signals = signal.SIGKILL) -> None:
        """Signal a part's whole process group."""
        node = self.status().nodes[part]
        assert node.pid is not None
        os.killpg(node.pid, signum)

    def replace(self, part: str, seconds: float = 120) -> None:
        """Kill a part, and wait until the one that the supervisor starts instead is ready."""
        killed = self.status().nodes[part].pid
        self.kill(part)

        def is_another() -> bool:
            node = self.status().nodes[part]
            return node.phase == "ready" and node.pid != killed

        wait_until(is_another, seconds, f"{part} is started anew")

    def processes(self) -> list[psutil.Process]:
        """Return every process of this stack."""
        return lifecycle.processes(self.layout)

    def status(self) -> status.StackStatus:
        """Read the supervisor's status."""
        current = status.read(self.layout.run)
        assert current is not None
        return current

    @contextlib.contextmanager
    def held_down(self, part: str, signum: signal.Signals = signal.SIGKILL) -> Iterator[None]:
        """Kill a part and keep it down within the block; on leaving, wait until it is ready again."""
        hold = self.layout.run / "hold" / part
        hold.parent.mkdir(exist_ok=True)
        hold.touch()
        self.kill(part, signum)
        wait_until(lambda: self.status().nodes[part].phase != "ready", 30, f"{part} is down")
        try:
            yield
        finally:
            hold.unlink()
            wait_until(lambda: self.status().nodes[part].phase == "ready", 120, f"{part} is back")

    @contextlib.contextmanager
    def camera_faults(self, **faults: str) -> Iterator[None]:
        """Make cameras misbehave within the block."""
        self.layout.camera_faults.write_text(json.dumps(faults))
        try:
            yield
        finally:
            self.layout.camera_faults.unlink()


def _killer(process: subprocess.Popen[str], seconds: float) -> Any:
    import threading

    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    return timer


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a state; fail naming it when it isn't reached in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not reached within {seconds:.0f} s: {what}"
        time.sleep(0.5)
