"""A rollout that meets faults ends as one without: calls that fail, processes that die, a rival run."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from gatehouse_stack.airflow_api import AirflowApi
from running_stack import Demo, RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.full, pytest.mark.timeout(1800)]

OFFICES = {"portland": "us-west-2", "tokyo": "ap-northeast-1"}
PHASES = ("plan", "preflight", "provision", "start", "verify", "probe", "bake")
ROLLOUT_SECONDS = 900
DONE = frozenset({"success", "skipped"})


@pytest.fixture(scope="module")
def before(stack: RunningStack, demo: Demo) -> dict[str, Any]:
    """Return how the offices stood after the demo, whatever becomes of them in a test."""
    found = _standing(stack)
    assert all(found[office]["cameras"] for office in OFFICES)
    return found


@pytest.fixture
def taken_down(stack: RunningStack, before: dict[str, Any]) -> dict[str, Any]:
    """Decommission the offices and return how they stood: a rollout has to bring just that back."""
    for office in OFFICES:
        conf = {"office": office, "delete_video": True, "unattended": True}
        state, tasks = _run(stack, "office_decommission", conf)
        assert state == "success", _failed(tasks)
    assert not any(part for office in _standing(stack).values() for part in office.values())
    return before


def test_a_rollout_converges_without_a_failed_task_while_30_percent_of_all_calls_fail(
    stack: RunningStack, taken_down: dict[str, Any]
) -> None:
    began = time.time()
    with _failing_calls(stack):
        state, tasks = _run(stack, "office_rollout", _conf())
    outcomes = stack.control("GET", f"calls?since={began}&summary=1")["summary"]
    planted = sum(row["calls"] for row in outcomes if row["outcome"].startswith("fault:"))
    assert planted > 0.2 * sum(row["calls"] for row in outcomes)
    assert (state, _failed(tasks)) == ("success", [])
    assert _standing(stack) == taken_down


@pytest.mark.parametrize("victim", ["worker", "airflow-triggerer", "airflow-scheduler"])
def test_a_process_killed_in_each_phase_changes_nothing_about_the_end(
    stack: RunningStack, taken_down: dict[str, Any], victim: str
) -> None:
    killer = Killer(stack, victim)
    with killer.watching():
        state, tasks = _run(stack, "office_rollout", _conf(), killer.see)
    assert killer.killed_in >= set(PHASES) - killer.never_seen
    assert len(killer.killed_in) >= 5
    assert (state, _failed(tasks)) == ("success", [])
    assert _standing(stack) == taken_down


def test_of_two_rollouts_of_one_office_at_once_one_ends_right_and_the_other_says_why_not(
    stack: RunningStack, taken_down: dict[str, Any]
) -> None:
    api = AirflowApi(stack.layout)
    runs = [api.trigger("office_rollout", _conf()) for _ in range(2)]
    ended = {run: _end(api, "office_rollout", run) for run in runs}
    states = sorted(state for state, _ in ended.values())
    assert states in (["failed", "success"], ["success", "success"])
    for run, (state, tasks) in ended.items():
        if state == "failed":
            words = "\n".join(api.task_log("office_rollout", run, task) for task in tasks if _is_failed(task))
            assert "lease" in words.lower() or "moved" in words.lower()
    assert _standing(stack) == taken_down


class Killer:
    """Kill a part of Airflow, or whatever works on a task, once in each phase of a rollout.

    `never_seen` are phases that were over before anybody could look.
    """

    def __init__(self, stack: RunningStack, victim: str) -> None:
        self.stack = stack
        self.victim = victim
        self.killed_in: set[str] = set()
        self._over = threading.Event()
        self._running: dict[str, str] = {}
        self._deferred: set[str] = set()
        self._seen: set[str] = set()

    @property
    def never_seen(self) -> set[str]:
        """Name the phases in which nothing was there to be killed."""
        return set(PHASES) - self._seen

    def see(self, tasks: list[dict[str, Any]]) -> None:
        """Learn which tasks are worked on, by their ids, and which wait in the triggerer."""
        self._running = {task["id"]: _phase(task["task_id"]) for task in tasks if task["state"] == "running"}
        self._deferred = {_phase(task["task_id"]) for task in tasks if task["state"] == "deferred"}

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Kill within the block."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            working = self._working()
            active = set(working) if self.victim == "worker" else {*working, *self._deferred}
            for phase in sorted(active & set(PHASES) - self.killed_in):
                self._seen.add(phase)
                self._kill(working.get(phase))
                self.killed_in.add(phase)
                break

    def _kill(self, worker: psutil.Process | None) -> None:
        if self.victim != "worker":
            self.stack.replace(self.victim)
        elif worker is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()

    def _working(self) -> dict[str, psutil.Process]:
        """Return the process of each phase that one is busy with; its title ends with its task's id."""
        found = {}
        for process in self.stack.processes():
            with contextlib.suppress(psutil.Error):
                task = " ".join(process.cmdline()).strip().removeprefix("airflow worker -- ")
                if task in self._running:
                    found[self._running[task]] = process
        return found


@contextlib.contextmanager
def _failing_calls(stack: RunningStack) -> Iterator[None]:
    """Throttle 15 % of all AWS calls, and answer another 15 % of them with a 5xx."""
    stack.control("POST", "faults", kind="throttling", rate=0.15)
    stack.control("POST", "faults", kind="error", rate=0.176)  # of the 85 % that are left
    try:
        yield
    finally:
        stack.control("DELETE", "faults")


def _conf() -> dict[str, Any]:
    return {"offices": sorted(OFFICES), "unattended": True}


def _run(
    stack: RunningStack, dag: str, conf: dict[str, Any], see: Any = lambda tasks: None
) -> tuple[str, list[dict[str, Any]]]:
    api = AirflowApi(stack.layout)
    return _end(api, dag, api.trigger(dag, conf), see)


def _end(
    api: AirflowApi, dag: str, run: str, see: Any = lambda tasks: None
) -> tuple[str, list[dict[str, Any]]]:
    ended = "queued", list[dict[str, Any]]()
    for ended in api.watch(dag, run, ROLLOUT_SECONDS):
        see(ended[1])
    return ended


def _phase(task_id: str) -> str:
    return task_id.rpartition(".")[2]


def _is_failed(task: dict[str, Any]) -> bool:
    return task["state"] not in DONE


def _failed(tasks: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(task["task_id"], task["state"]) for task in tasks if _is_failed(task)]


def _standing(stack: RunningStack) -> dict[str, dict[str, Any]]:
    """Read what each office has, by name: ids and versions differ from one making to the next."""
    return {office: _of_office(stack, office, region) for office, region in OFFICES.items()}


def _of_office(stack: RunningStack, office: str, region: str) -> dict[str, Any]:
    rekognition, lambda_ = stack.client("rekognition", region), stack.client("lambda", region)
    processors = rekognition.list_stream_processors()["StreamProcessors"]
    mappings = lambda_.list_event_source_mappings()["EventSourceMappings"]
    edge = _document(stack, region, f"edge/{office}/desired.json")
    frames = _document(stack, region, f"frames/{office}/desired.json")
    snapshot = _document(stack, region, "snapshot/ingest.json")
    return {
        "processors": {one["Name"]: one["Status"] for one in processors},
        "video": _names(stack.client("kinesisvideo", region).list_streams()["StreamInfoList"], "StreamName"),
        "records": sorted(stack.client("kinesis", region).list_streams()["StreamNames"]),
        "mappings": {_name(one["EventSourceArn"]): one["State"] for one in mappings},
        "cameras": _names(edge.get("cameras", []), "camera_id"),
        "analysed": _names(frames.get("cameras", []), "camera_id"),
        "known": {
            one["camera_id"]: (one.get("engines") or [{"engine": one["engine"]}])[-1]["engine"]
            for one in snapshot.get("streams", {}).values()
        },
    }


def _names(items: list[dict[str, Any]], key: str) -> list[str]:
    return sorted(item[key] for item in items)


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _document(stack: RunningStack, region: str, key: str) -> dict[str, Any]:
    s3 = stack.client("s3", region)
    with contextlib.suppress(s3.exceptions.NoSuchKey):
        body = s3.get_object(Bucket=f"gatehouse-123456789012-{region}", Key=key)["Body"]
        found: dict[str, Any] = json.loads(body.read())
        return found
    return {}
