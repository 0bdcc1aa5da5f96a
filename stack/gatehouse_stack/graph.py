"""Describe what a stack consists of: jobs that end and services that stay, and what each waits for."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Job:
    """Do something once; `run` is called in a thread and raises to fail. It must be idempotent."""

    name: str
    title: str
    run: Callable[[], object]
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """Keep a process alive.

    `ready` is polled in a thread until it is true; it raises or returns False while the service is
    not up yet. `account` is the uid and gid it runs under; None keeps the supervisor's. It is stopped
    with `stop_signal`, and killed `grace_seconds` later.
    """

    name: str
    title: str
    command: Callable[[], list[str]]
    ready: Callable[[], bool]
    after: tuple[str, ...] = ()
    environment: Callable[[], Mapping[str, str]] = dict
    folder: Path | None = None
    account: tuple[int, int] | None = None
    ready_seconds: float = 120
    grace_seconds: float = 10
    stop_signal: signal.Signals = signal.SIGTERM


Node = Job | Service


@dataclass(slots=True)
class Graph:
    """Hold nodes by name, in an order in which everything stands after what it waits for."""

    nodes: dict[str, Node] = field(default_factory=dict)

    def add(self, node: Node) -> None:
        """Add a node whose predecessors are already there; raise ValueError otherwise."""
        missing = [name for name in node.after if name not in self.nodes]
        if missing or node.name in self.nodes:
            raise ValueError(f"{node.name}: added twice, or before {missing}")
        self.nodes[node.name] = node

    def only(self, names: Collection[str]) -> Graph:
        """Return these nodes alone, which then wait for each other and for nothing else.

        Raise ValueError for a name that no node has.
        """
        if unknown := sorted(set(names) - self.nodes.keys()):
            raise ValueError(f"no part {', '.join(unknown)}; there are {', '.join(self.nodes)}")
        kept = Graph()
        for name, node in self.nodes.items():
            if name in names:
                kept.add(replace(node, after=tuple(one for one in node.after if one in names)))
        return kept

    def services(self) -> list[Service]:
        """Return the services in start order."""
        return [node for node in self.nodes.values() if isinstance(node, Service)]
