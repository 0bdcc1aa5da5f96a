"""Start, follow and stop a stack."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil

from gatehouse_stack import company, continuity, parts, preflight, status
from gatehouse_stack.layout import AIRFLOW_PASSWORD, AIRFLOW_USER, MARKER, Layout
from gatehouse_stack.status import NodeStatus, StackStatus

UP_SECONDS = 900
STILL_SECONDS = 5
# More than all parts may take together: killing moto_server while it saves would lose the cloud.
DOWN_SECONDS = 420
# All of it shares a few cores: a frame that comes late is better than one that is skipped, the engine may use
# what the others leave of two, and shards are asked as often as AWS asks them, once a second.
SHARED_MACHINE: dict[str, object] = {
    "engine": {"workers": 2},
    "processors": {"max_lag_seconds": 45.0},
    "lambda": {"poll_seconds": 1.0, "idle_poll_seconds": 1.0},
}
# Every drawn face is larger than 80 pixels; people's own photos may have smaller ones.
DRAWN_PEOPLE: dict[str, object] = {"similarity_scale": "drawn-people", "rekognition": {"upsample": 0}}
OF_ONE_RUN = ("tmp", "hold", "status.json", "camera-faults.json", "demo.json")
# What remembers streams, faces or alerts goes on together or begins empty together; so do ledger and index
# (parts.py). Airflow's own history and all that was built always stays.
RESET_TOGETHER = ("moto.snapshot", "state", "spool", "delivered.jsonl", "operations.jsonl", "loops.jsonl")


class StackError(RuntimeError):
    """Raise when the stack can't be brought up; the message says why and what to do."""


def up(layout: Layout, *, empty: bool = False, only: Sequence[str] = ()) -> None:
    """Bring the stack up, or `only` these parts of it, and show how far it is.

    A stack that is up already is left as it is. It goes on with the state of the last run where that
    belongs together, unless `empty`. Raise StackError naming what is missing, taken or failed.
    """
    current = status.read(layout.run)
    if current is not None and current.supervised():
        if current.settled():
            require_cloud(layout)
            _say(f"The stack is up already, since {(time.time() - current.started) / 60:.0f} minutes.")
            if empty:
                _say("It was not emptied: make down && make up UP_ARGS=--empty")
            return
        if not current.failed():
            _say("The stack is starting already.")
            _follow(layout, started=current.started)
            return
        _say("The last start failed; starting again with what it had made.")
        down(layout)
    sweep(layout)
    offices = company.offices(layout.config)
    workers = [index for index, office in enumerate(offices) if office.searches_frames]
    found = preflight.findings(layout, edges=0 if only else len(offices), workers=() if only else workers)
    if found:
        raise StackError("Nothing was started:\n" + "\n".join(f"  - {finding}" for finding in found))
    begin(layout, "that is asked for" if empty else continuity.why_empty(layout))
    _write_cloud_config(layout)
    write_env(layout)
    _say("Starting. `make logs PART=name` shows a part's own words.")
    started = time.time()
    _launch(layout, only)
    _follow(layout, started)


def require_cloud(layout: Layout) -> None:
    """Raise StackError, in the local cloud's own words, when moto_server is down or lost its state."""
    try:
        moto = httpx.get(f"{layout.url('cloud')}/_gatehouse/health", timeout=10).json()["moto"]
    except httpx.TransportError:
        return  # it is being restarted, and its own state survives that
    if moto["state"] != "ok":
        raise StackError(moto["detail"])


def down(layout: Layout) -> None:
    """Stop everything this run directory's stack started; nothing of it is left."""
    current = status.read(layout.run)
    if current is not None and current.supervised():
        os.kill(current.pid, signal.SIGTERM)
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.wait_procs([psutil.Process(current.pid)], timeout=DOWN_SECONDS)
    left = sweep(layout)
    kept = "its state is kept"
    if not layout.moto_snapshot.exists():
        kept = f"no state is kept: moto_server wrote none ({layout.logs}/moto.log)"
    _say(f"Stopped{f' ({left} stragglers killed)' if left else ''}; {kept}.")


def sweep(layout: Layout) -> int:
    """Kill what is left of this run's stack, whoever is its parent; return how many there were."""
    strays = processes(layout)
    for process in strays:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(strays, timeout=10)
    return len(strays)


def processes(layout: Layout) -> list[psutil.Process]:
    """Return the processes of this run's stack, other than this one.

    They carry the run directory in their environment. Airflow's rename themselves, which wipes what
    can be read of it, so whoever belongs to a session that the supervisor opened counts as well.
    """
    current = status.read(layout.run)
    sessions = {node.pid for node in current.nodes.values() if node.pid} if current else set()
    born = current.started if current else 0.0
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid()
        and (_is_marked(process, layout.run) or _is_of(process, sessions, since=born))
    ]


def _is_marked(process: psutil.Process, run: Path) -> bool:
    try:
        return process.environ().get(MARKER) == str(run)
    except psutil.Error:
        return False


def _is_of(process: psutil.Process, sessions: set[int], since: float) -> bool:
    try:
        # The kernel counts a process's birth in hundredths from a boot time that is itself rounded.
        return os.getsid(process.pid) in sessions and process.create_time() >= since - 2
    except (psutil.Error, ProcessLookupError, PermissionError):
        return False


def begin(layout: Layout, why_empty: str) -> None:
    """Clear away what is of the last run only, and its state as well if there is a reason to."""
    layout.run.mkdir(parents=True, exist_ok=True)
    _say(f"Begins empty: {why_empty}." if why_empty else "Going on with the state of the last run.")
    if why_empty:
        continuity.forget(layout)
    for name in (*OF_ONE_RUN, *(RESET_TOGETHER if why_empty else ())):
        target = layout.run / name
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
    # One run's logs are kept: they tell why a state was lost.
    last = layout.logs / "last"
    shutil.rmtree(last, ignore_errors=True)
    last.mkdir(parents=True)
    for log in layout.logs.glob("*.log*"):
        log.rename(last / log.name)
    # As open as /tmp is: OpenSearch and Postgres may run under another account.
    scratch = layout.run / "tmp"
    scratch.mkdir(exist_ok=True)
    scratch.chmod(0o1777)


def _write_cloud_config(layout: Layout) -> None:
    own_faces = bool(os.environ.get("GATEHOUSE_FACES"))
    people = {"similarity_scale": "real-faces"} if own_faces else DRAWN_PEOPLE
    config = people | SHARED_MACHINE | company.cloud_settings(layout.config)
    (layout.run / "cloud.json").write_text(json.dumps(config))


def write_env(layout: Layout) -> None:
    """Write `.run/env`, a file that a shell can source."""
    shown = {
        name: value
        for name, value in parts.environment(layout).items()
        if name.startswith(("AWS_", "GATEHOUSE_", "OPENSEARCH_", "DATABASE_", "AIRFLOW_")) and name != MARKER
    }
    shown |= {"AIRFLOW_USER": AIRFLOW_USER, "AIRFLOW_PASSWORD": AIRFLOW_PASSWORD}
    lines = ["unset AWS_PROFILE AWS_SESSION_TOKEN"]
    lines += [f"export {name}='{value}'" for name, value in sorted(shown.items())]
    file = layout.run / "env"
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n")


def _launch(layout: Layout, only: Sequence[str]) -> None:
    log = (layout.logs / "supervisor.log").open("ab")
    with log:
        subprocess.Popen(
            [str(layout.python), "-m", "gatehouse_stack", "supervise", *(["--only", *only] if only else [])],
            # Whole, for the jobs that fetch: certificates, proxies, package caches.
            env=os.environ | parts.environment(layout),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=layout.run,
            start_new_session=True,
        )


def _follow(layout: Layout, started: float) -> None:
    """Print each node as it gets ready; raise StackError when one gives up or time runs out."""
    shown: set[str] = set()
    deadline = time.monotonic() + UP_SECONDS
    last_word = time.monotonic()
    while time.monotonic() < deadline:
        current = status.read(layout.run)
        if current is not None:
            if _show_new(current, shown) or time.monotonic() - last_word > STILL_SECONDS:
                _show_busy(current, quiet=time.monotonic() - last_word <= STILL_SECONDS)
                last_word = time.monotonic()
            if current.failed():
                raise StackError(_describe(layout, current.failed()))
            if current.settled():
                _say(f"Up in {time.time() - started:.0f} s.")
                return
            if time.time() - started > 10 and not current.supervised():
                raise StackError(f"The supervisor died; see {layout.logs}/supervisor.log, then `make up`.")
        time.sleep(0.3)
    waiting = [name for name, node in (current.nodes if current else {}).items() if node.phase != "ready"]
    raise StackError(f"Not up after {UP_SECONDS} s; still waiting for {', '.join(waiting)}.")


def _show_new(current: StackStatus, shown: set[str]) -> bool:
    """Print what has got ready since the last look; return whether there was any."""
    fresh = [
        name for name, node in current.nodes.items() if node.phase in ("ready", "done") and name not in shown
    ]
    for name in fresh:
        shown.add(name)
        node = current.nodes[name]
        _say(f"[{len(shown):2d}/{len(current.nodes)}] {node.title:<42} {node.took:5.1f} s")
    return bool(fresh)


def _show_busy(current: StackStatus, *, quiet: bool) -> None:
    """Print what is being waited for, and for how long; nothing while news keep coming."""
    now = time.time()
    busy = [f"{n.title} {now - n.since:.0f} s" for n in current.nodes.values() if n.phase == "starting"]
    if busy and not quiet:
        _say(f"        still: {', '.join(busy)}")


def _describe(layout: Layout, failed: dict[str, NodeStatus]) -> str:
    words = [f"  - {node.title} ({name}): {node.detail}" for name, node in failed.items()]
    return "\n".join(
        [
            "The stack is not up:",
            *words,
            f"Logs: {layout.logs}. `make up` again resumes; `make down` stops; `make down && make up "
            "UP_ARGS=--empty` forgets the state of earlier runs.",
        ]
    )


def show_status(layout: Layout) -> int:
    """Print how every part stands; return 0 when all are ready."""
    current = status.read(layout.run)
    if current is None or not current.supervised():
        _say("The stack is not running. Start it: make up")
        return 1
    now = time.time()
    for name, node in current.nodes.items():
        what = f"pid {node.pid}" if node.service and node.pid else ""
        again = f", restarted {node.restarts}×" if node.restarts else ""
        _say(f"{node.phase:<11} {name:<20} {node.title:<42} {now - node.since:6.0f} s  {what}{again}")
        if node.detail and node.phase in ("failed", "restarting"):
            _say(f"            {node.detail}")
    return 0 if current.settled() else 1


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
