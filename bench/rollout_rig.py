"""Set the rollout benchmark's stage: a company of its own, the parts that it needs, a sampler of memory."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from gatehouse_stack import cloud, company, foundation, lifecycle, status
from gatehouse_stack.airflow_api import AirflowApi
from gatehouse_stack.layout import Layout

ROOT = Path(__file__).resolve().parents[1]
REGIONS = {
    "eu-central-1": "Europe/Berlin",
    "us-west-2": "America/Los_Angeles",
    "ap-northeast-1": "Asia/Tokyo",
}
# No cameras, proxies, workers, notifier or sink: there is no video. No OpenSearch: nothing is indexed.
PARTS = (
    *("postgres-cluster", "postgres", "databases", "moto", "cloud"),
    *("lambda-zip", "airflow-database", "airflow-api", "airflow-scheduler", "airflow-dags"),
    *("airflow-triggerer", "dags"),
)
REQUEST = re.compile(r"Request (\d+) for quota (L-[0-9A-F]+) of service \w+ in ([\w-]+)")
# Quota codes that a company would have to raise, as config/quotas.yaml and the local cloud name them.
RAISABLE = {"L-8D9029A2": ("face_search_processors", "rekognition", "FaceSearchProcessorsRunning")}
SAMPLE_SECONDS = 2.0
MB = 1 << 20


def layout(run: Path, port_base: int) -> Layout:
    """Return the benchmark's own place; nothing of a stack that is up is touched."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "GATEHOUSE_"))]:
        if name != "GATEHOUSE_UV":
            del os.environ[name]
    config = run / "config"
    os.environ |= {
        "GATEHOUSE_RUN": str(run),
        "GATEHOUSE_PORT_BASE": str(port_base),
        "GATEHOUSE_CONFIG": str(config),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
    os.umask(0o022)
    return Layout(ROOT, run, port_base)


def write_company(config: Path, cameras: int, pilot: int, creating_seconds: float) -> None:
    """Write a company of so many cameras in three Regions, `pilot` of them in an office of its own."""
    shutil.rmtree(config, ignore_errors=True)
    shutil.copytree(ROOT / "config", config)
    shutil.rmtree(config / "offices")
    (config / "offices").mkdir()
    offices = _offices(cameras, pilot)
    for name, (region, number) in offices.items():
        manifest = _manifest(name, region, number)
        (config / "offices" / f"{name}.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    _change(config / "rollout.yaml", lambda rollout: rollout | _policy(offices))
    # AWS takes 10 to 30 s for a data stream; the local cloud's default spares whoever waits for one.
    settings = {"control_plane_only": True, "kinesis": {"creating_seconds": creating_seconds}}
    (config / "cloud.yaml").write_text(yaml.safe_dump(settings))


def _offices(cameras: int, pilot: int) -> dict[str, tuple[str, int]]:
    """Spread the cameras; the pilot's Region has more of them, so that it isn't what the others wait for."""
    home, *others = REGIONS
    each = (cameras - pilot) // len(REGIONS)
    offices = {f"bench-{region}": (region, each) for region in others}
    offices[f"bench-{home}"] = (home, cameras - pilot - each * len(others))
    return offices | ({"bench-pilot": (home, pilot)} if pilot else {})


def _manifest(name: str, region: str, cameras: int) -> dict[str, Any]:
    stem = name.upper().replace("-", "_")
    ids = [f"CAM_{stem}_{number:04}" for number in range(1, cameras + 1)]
    return {
        "office": name,
        "name": name,
        "region": region,
        "time_zone": REGIONS[region],
        "engine": "stream_processor",
        "cameras": [
            {"id": one, "floor": "0", "zone": "lobby", "rtsp_secret": secret(one), "rules": ["non_employee"]}
            for one in ids
        ],
    }


def secret(camera_id: str) -> str:
    """Name a camera's secret."""
    return f"gatehouse/rtsp/{camera_id}"


def _policy(offices: Mapping[str, Any]) -> dict[str, Any]:
    rest = [name for name in offices if name != "bench-pilot"]
    waves = [{"name": "pilot", "offices": ["bench-pilot"]}] if len(rest) < len(offices) else []
    return {"waves": [*waves, {"name": "rest", "offices": rest}], "prove": "running"}


def _change(file: Path, change: Any) -> None:
    file.write_text(yaml.safe_dump(change(yaml.safe_load(file.read_text())), sort_keys=False))


@contextlib.contextmanager
def stack(place: Layout) -> Iterator[AirflowApi]:
    """Run the parts for the length of the block, empty, with every Region's foundation laid."""
    lifecycle.down(place)
    try:
        lifecycle.up(place, empty=True, only=PARTS)
        _lay_foundation(place)
        with _search(place):
            yield AirflowApi(place)
    finally:
        lifecycle.down(place)


class _Answers(BaseHTTPRequestHandler):
    """Stand in for OpenSearch, which preflight asks whether it answers; no other part of a rollout does."""

    def do_GET(self) -> None:
        body = json.dumps({"name": "bench", "version": {"distribution": "opensearch", "number": "3.0.0"}})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _search(place: Layout) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", place.port("opensearch")), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def _lay_foundation(place: Layout) -> None:
    home, regions = company.regions(place.config)
    for region in regions:
        foundation.Foundation(place, region).make()
        if region.name == home:
            # Nobody listens there: what operators are told is not what is measured.
            cloud.client(place, "sns", home).create_topic(Name=region.operations_topic)
    foundation.wait_for_function(place)
    for office in company.offices(place.config):
        client = cloud.client(place, "secretsmanager", office.region)
        with ThreadPoolExecutor(4) as pool:
            made = [
                pool.submit(client.create_secret, Name=secret(one), SecretString="{}")
                for one in office.cameras
            ]
        for one in made:
            one.result()


@dataclass(frozen=True)
class Run:
    """Hold one ended run of office_rollout; `began` is when it was asked for, in epoch seconds."""

    run_id: str
    state: str
    began: float
    seconds: float
    tasks: list[dict[str, Any]]


def roll_out(api: AirflowApi, seconds: float) -> Run:
    """Trigger office_rollout as a person would, without asking for approval, and wait for its end."""
    began = time.time()
    run_id = api.trigger("office_rollout", {"unattended": True})
    state, tasks = "queued", list[dict[str, Any]]()
    for state, tasks in api.watch("office_rollout", run_id, seconds):  # noqa: B007 - both are read after it
        pass
    ended = api.get(f"dags/office_rollout/dagRuns/{run_id}")["end_date"]
    return Run(run_id, state, began, _epoch(ended) - began, tasks)


def _epoch(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def why_failed(api: AirflowApi, run: Run) -> str:
    """Return the last words of what failed first."""
    failed = sorted((t for t in run.tasks if t["state"] == "failed"), key=lambda task: task["end_date"])
    return "\n".join(
        f"--- {task['task_id']}\n{api.task_log('office_rollout', run.run_id, task)}" for task in failed[:2]
    )


def ask_cloud(place: Layout, path: str, **query: Any) -> Any:
    """Read one of the local cloud's own pages."""
    answer = httpx.get(f"{place.url('cloud')}/_gatehouse/{path}", params=query, timeout=60)
    answer.raise_for_status()
    return answer.json()


def calls_since(place: Layout, since: float) -> list[dict[str, Any]]:
    """Return every call that the cloud took since an instant."""
    return list(ask_cloud(place, "calls", since=since, limit=0)["calls"])


def grant(place: Layout, words: str) -> dict[str, int]:
    """Raise what a preflight says to request, in the cloud and in the run's configuration; return it."""
    granted: dict[str, int] = {}
    for amount, code, region in set(REQUEST.findall(words)):
        ours, service, name = RAISABLE[code]
        granted[f"{name} in {region}"] = int(amount)
        body = {"service": service, "name": name, "limit": int(amount), "region": region}
        httpx.post(f"{place.url('cloud')}/_gatehouse/quotas", json=body, timeout=30).raise_for_status()
        _change(place.config / "quotas.yaml", lambda file: _raised(file, ours, region, int(amount)))  # noqa: B023
    return granted


def _raised(file: dict[str, Any], key: str, region: str, amount: int) -> dict[str, Any]:
    file["counts"][key].setdefault("regions", {})[region] = amount
    return file


@dataclass
class Memory:
    """Watch the resident memory of the stack's parts, and of every task process, while a block runs."""

    place: Layout
    parts: dict[str, list[float]] = field(default_factory=dict)
    tasks: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Memory:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        current = status.read(self.place.run)
        assert current is not None
        pids = {name: node.pid for name, node in current.nodes.items() if node.service and node.pid}
        while not self._ended.wait(SAMPLE_SECONDS):
            for name, pid in pids.items():
                with contextlib.suppress(psutil.Error):
                    self.parts.setdefault(name, []).append(psutil.Process(pid).memory_info().rss / MB)
            self._sample_tasks(pids["airflow-scheduler"])

    def _sample_tasks(self, scheduler: int) -> None:
        """Take the processes that run tasks, one a task: the executor's workers fork them."""
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(scheduler).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if process.ppid() != scheduler:
                        rss = process.memory_info().rss / MB
                        self.tasks.setdefault(process.pid, []).append((time.monotonic(), rss))

    def part_peaks(self) -> dict[str, int]:
        """Return the most that each part held, in MB."""
        return {name: round(max(values)) for name, values in sorted(self.parts.items())}

    def task_peak(self) -> float:
        """Return the most that any task held, in MB."""
        return max((rss for seen in self.tasks.values() for _, rss in seen), default=0.0)

    def growth(self, seconds: float) -> float:
        """Return by what factor the task that lived longest grew, its first `seconds` left out."""
        longest = max(self.tasks.values(), key=lambda seen: seen[-1][0] - seen[0][0], default=[])
        settled = [rss for at, rss in longest if at - longest[0][0] >= seconds]
        return max(settled) / settled[0] if settled else 1.0


def written(calls: list[dict[str, Any]]) -> list[str]:
    """Name the calls that changed a camera's or an office's resources, whatever came of them."""
    services = {"rekognition", "kinesis", "kinesisvideo", "lambda"}
    reads = ("Describe", "List", "Get", "Invoke")
    return sorted(
        {
            f"{call['service']}:{call['operation']}"
            for call in calls
            if call["service"] in services and not call["operation"].startswith(reads)
        }
    )


def dump(run: Path, name: str, value: Any) -> None:
    """Keep something for whoever wants to look closer."""
    (run / f"{name}.json").write_text(json.dumps(value, indent=1))
