"""Name what is missing or taken, with its remedy, before anything starts."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Iterator, Sequence

import psutil

from gatehouse_stack import account, opensearch
from gatehouse_stack.layout import OFFICES_AT_MOST, PORTS_USED, Layout

NEEDED_MEMORY = 5 * 1024**3
NEEDED_DISK = 4 * 1024**3


def findings(layout: Layout, edges: int, workers: Sequence[int] = ()) -> list[str]:
    """Return what stands in the way of a start, each with its remedy; empty when nothing does.

    `edges` counts the offices, `workers` are the indices of those with a frame-search worker.
    """
    return [
        *_offices(layout, edges),
        *_ports(layout, edges, workers),
        *_maven(layout),
        *_memory(),
        *_disk(layout),
        *_traversable(layout),
    ]


def _offices(layout: Layout, edges: int) -> Iterator[str]:
    if edges > OFFICES_AT_MOST:
        yield (
            f"{layout.config}/offices has {edges} offices, there are ports for {OFFICES_AT_MOST}. Point "
            "GATEHOUSE_CONFIG at a configuration of fewer."
        )


def _ports(layout: Layout, edges: int, workers: Sequence[int]) -> Iterator[str]:
    for name, port in sorted(layout.ports(edges, workers).items(), key=lambda item: item[1]):
        if _is_taken(port):
            yield (
                f"port {port} ({name}) is taken{_by(port)}. Stop that program, or choose another base: "
                f"GATEHOUSE_PORT_BASE={layout.base + PORTS_USED} make …"
            )


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _by(port: int) -> str:
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""


def _maven(layout: Layout) -> Iterator[str]:
    if not opensearch.is_built(layout) and shutil.which("mvn") is None:
        yield "Maven is missing: it fetches OpenSearch. Install it: apt-get install maven"


def _memory() -> Iterator[str]:
    free = psutil.virtual_memory().available
    if free < NEEDED_MEMORY:
        yield (
            f"{free / 1024**3:.1f} GiB of memory are free, {NEEDED_MEMORY / 1024**3:.0f} GiB are needed "
            "(OpenSearch 1.5, Airflow 1.5, the rest 2). Close something, or use a larger machine."
        )


def _disk(layout: Layout) -> Iterator[str]:
    layout.run.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(layout.run).free
    if free < NEEDED_DISK:
        yield (
            f"{free / 1024**3:.1f} GiB are free under {layout.run}, "
            f"{NEEDED_DISK / 1024**3:.0f} GiB are needed. Free some, or point GATEHOUSE_RUN elsewhere."
        )


def _traversable(layout: Layout) -> Iterator[str]:
    user = account.unprivileged()
    for target in (layout.run / "opensearch", layout.root / ".venv" / "bin"):
        parent = account.untraversable_parent(target, user)
        if parent is not None and user is not None:
            yield (
                f"OpenSearch and Postgres refuse root and run as {user.pw_name}, who can't enter {parent}. "
                f"Allow it (chmod o+x {parent}), move the checkout, or run as another user."
            )
            return
