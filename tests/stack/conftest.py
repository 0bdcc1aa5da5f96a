"""Start the whole stack once for all tests of this folder: the same one `make demo` starts.

It has a run directory and ports of its own, so a stack that a person has up is left alone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from gatehouse_stack.layout import Layout
from running_stack import PORT_BASE, ROOT, Demo, RunningStack


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """Bring the stack up, with a rolled-out company, and take it down afterwards."""
    layout = Layout(ROOT, ROOT / ".run" / "test", PORT_BASE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEHOUSE_")}
    config = ROOT / ".run" / "test-config"
    shutil.rmtree(config, ignore_errors=True)
    shutil.copytree(ROOT / "config", config)
    os.environ["GATEHOUSE_CONFIG"] = str(config)
    environment |= {
        "GATEHOUSE_RUN": str(layout.run),
        "GATEHOUSE_PORT_BASE": str(PORT_BASE),
        "GATEHOUSE_CONFIG": str(config),
    }
    running = RunningStack(layout, environment)
    assert running.run("up", "--empty").returncode == 0, "the stack did not come up; its words are above"
    # For tests elsewhere that want a real OpenSearch.
    os.environ["OPENSEARCH_URL"] = layout.url("opensearch")
    yield running
    if not os.environ.get("GATEHOUSE_KEEP_STACK"):
        running.run("down")


@pytest.fixture(scope="session")
def demo(stack: RunningStack) -> Demo:
    """Run the demo once; every test of what it shows reads this run."""
    return stack.demo()
