"""Keep the stack's status in one file that anyone can read at any moment."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import psutil

Phase = Literal["waiting", "starting", "ready", "done", "restarting", "failed", "stopped"]


@dataclass(slots=True)
class NodeStatus:
    """Say how one node stands; `since` is epoch seconds, `detail` the reason of a failure."""

    title: str
    service: bool
    phase: Phase = "waiting"
    since: float = 0.0
    took: float = 0.0
    pid: int | None = None
    restarts: int = 0
    detail: str = ""


@dataclass(slots=True)
class StackStatus:
    """Say how a whole stack stands; `pid` is the supervisor's."""

    pid: int
    born: float
    started: float
    nodes: dict[str, NodeStatus] = field(default_factory=dict)

    def failed(self) -> dict[str, NodeStatus]:
        """Return the nodes that gave up."""
        return {name: node for name, node in self.nodes.items() if node.phase == "failed"}

    def settled(self) -> bool:
        """Tell whether everything is ready or done."""
        return all(node.phase in ("ready", "done") for node in self.nodes.values())

    def supervised(self) -> bool:
        """Tell whether the supervisor that wrote this is still the process of that pid."""
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.born) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def path(run: Path) -> Path:
    """Return the status file of a run directory."""
    return run / "status.json"


def write(run: Path, status: StackStatus) -> None:
    """Replace the status file atomically."""
    target = path(run)
    draft = target.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(status), indent=1))
    draft.replace(target)


def read(run: Path) -> StackStatus | None:
    """Read the status file; None when no stack was ever started here."""
    try:
        raw = json.loads(path(run).read_text())
    except FileNotFoundError:
        return None
    nodes = {name: NodeStatus(**node) for name, node in raw.pop("nodes").items()}
    return StackStatus(nodes=nodes, **raw)


def of_this_process() -> StackStatus:
    """Start a status file for the calling supervisor."""
    return StackStatus(os.getpid(), psutil.Process().create_time(), time.time())
