"""Drive the demo: sync the roster, roll the offices out through Airflow, watch, judge."""

from __future__ import annotations

import json
import os
import time

from rich.console import Console

from gatehouse_stack import company, dag_run, lifecycle
from gatehouse_stack.airflow_api import AirflowApi
from gatehouse_stack.demo import figures, judge, summary, truth
from gatehouse_stack.demo.watch import Watch
from gatehouse_stack.layout import AIRFLOW_PASSWORD, AIRFLOW_USER, Layout

SYNC_SECONDS = 240
ROLLOUT_SECONDS = 420
WARM_UP_SECONDS = 2.0
"""A visit is judged if it begins this long after the rollout ended."""
SETTLE_SECONDS = 40.0
"""How long the last visit's alert may take to arrive before it counts as missing."""


def demo(layout: Layout, offices: list[str]) -> int:
    """Run the whole demo; return 0 only if every visit was seen right. The stack stays up."""
    console = Console()
    console.width = max(console.width, summary.NARROWEST)
    began = time.time()
    (layout.run / "demo.json").unlink(missing_ok=True)
    lifecycle.up(layout)
    wanted = [o for o in company.offices(layout.config) if not offices or o.name in offices]
    cameras = [camera for office in wanted for camera in office.cameras]
    with Watch(layout) as watch:
        api = AirflowApi(layout)
        dag_run.run(layout, api, console, "hr_face_sync", {}, SYNC_SECONDS)
        names = [office.name for office in wanted]
        dag_run.run(layout, api, console, "office_rollout", {"offices": names}, ROLLOUT_SECONDS)
        since = time.time() + WARM_UP_SECONDS
        until = _observe(layout, console, cameras, since)
        _settle(layout, console, watch, since, until)
        seen = watch.evidence(since, until)
    visits = [v for v in truth.read(layout.company, layout.run / "loops.jsonl") if v.camera_id in cameras]
    rows = [figures.of_camera(camera, visits, seen) for camera in cameras]
    own_faces = bool(os.environ.get("GATEHOUSE_FACES"))
    findings = judge.judge(visits, seen, cameras)
    blocking = [f for f in findings if not own_faces or f.step in judge.PLUMBING]
    scale = json.loads((layout.run / "cloud.json").read_text())["similarity_scale"]
    urls = _urls(layout)
    report = summary.as_json(rows, findings, urls, scale=scale, seconds=round(time.time() - began, 1))
    (layout.run / "demo.json").write_text(json.dumps(report, indent=2) + "\n")
    (layout.run / "demo.svg").write_text(summary.picture(rows, findings, urls, scale=scale))
    summary.show(console, rows, findings, urls, scale=scale, own_faces=own_faces)
    return 1 if blocking else 0


def _observe(layout: Layout, console: Console, cameras: list[str], since: float) -> float:
    """Wait until each of a camera's visits has happened once since; return when the last ended.

    A camera that plays no loop is not waited for beyond its video's length: the judge names it.
    """
    console.print("[bold]Watching[/bold] every camera for one loop of its video")
    scripts = {c: json.loads((layout.company / "truth" / f"{c}.json").read_text()) for c in cameras}
    longest = max(float(script["duration_s"]) for script in scripts.values())
    deadline = since + 2 * longest
    last_word = time.time()
    while time.time() < deadline:
        lifecycle.require_cloud(layout)
        visits = truth.read(layout.company, layout.run / "loops.jsonl")
        over = [v for v in judge.judged(visits, since, time.time()) if v.camera_id in scripts]
        seen = {(visit.camera_id, visit.visit_id) for visit in over}
        needed = {(c, visit["visit_id"]) for c, script in scripts.items() for visit in script["visits"]}
        if needed <= seen:
            break
        if time.time() - last_word > 10:
            last_word = time.time()
            console.print(f"  {len(needed & seen)} of {len(needed)} visits have happened")
        time.sleep(1)
    return time.time()


def _settle(layout: Layout, console: Console, watch: Watch, since: float, until: float) -> None:
    """Wait until every judged visit is right and no alert is under way, or the time for that is up.

    Only when nothing waits to be told can "exactly once" be judged: no second delivery can follow.
    """
    deadline = until + SETTLE_SECONDS
    while time.time() < deadline:
        visits = truth.read(layout.company, layout.run / "loops.jsonl")
        seen = watch.evidence(since, until)
        if not judge.judge(visits, seen, ()) and not watch.under_way(seen):
            return
        time.sleep(2)
    console.print(f"  [yellow]not all right after {SETTLE_SECONDS:.0f} s more[/yellow]")


def _urls(layout: Layout) -> dict[str, str]:
    return {
        "Airflow": f"{layout.url('airflow')}  ({AIRFLOW_USER} / {AIRFLOW_PASSWORD})",
        "OpenSearch": f"{layout.url('opensearch')}/gatehouse-detections/_search",
        "Local AWS": f"{layout.url('cloud')}  (. {layout.run}/env)",
        "Webhook sink": f"{layout.url('sink')}/alerts",
    }
