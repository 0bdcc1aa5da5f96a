"""Nothing of a stack stays behind, whatever became of its supervisor."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from gatehouse_stack import lifecycle, status
from gatehouse_stack.layout import MARKER, Layout
from gatehouse_stack.status import NodeStatus

WIPED = """
import time
# What setproctitle does: write over what /proc shows of the environment.
import setproctitle
setproctitle.setproctitle("renamed " + "x" * 2000)
print("ready", flush=True)
time.sleep(600)
"""


def test_a_process_that_wiped_its_environment_is_found_by_its_session(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path, 24900)
    stack = status.of_this_process()
    environment = os.environ | {MARKER: str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", WIPED], env=environment, stdout=subprocess.PIPE, start_new_session=True
    ) as renamed:
        assert renamed.stdout is not None
        renamed.stdout.readline()
        stack.nodes["part"] = NodeStatus("part", service=True, pid=renamed.pid)
        status.write(tmp_path, stack)
        found = [process.pid for process in lifecycle.processes(layout)]
        swept = lifecycle.sweep(layout)
        renamed.kill()
    assert found == [renamed.pid]
    assert swept == 1
    assert lifecycle.processes(layout) == []


def test_a_session_older_than_the_stack_is_left_alone(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path, 24900)
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as bystander:
        stack = status.of_this_process()
        stack.started = time.time() + 60
        stack.nodes["part"] = NodeStatus("part", service=True, pid=bystander.pid)
        status.write(tmp_path, stack)
        found = lifecycle.processes(layout)
        bystander.kill()
    assert found == []
