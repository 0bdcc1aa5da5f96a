"""Drive the demo: sync the roster, roll the offices out through Airflow, watch, judge."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence

from rich.console import Console

from gatehouse_stack import company, dag_run, lifecycle
from gatehouse_stack.airflow_api import AirflowApi
from gatehouse_stack.demo import figures, judge, summary
from gatehouse_stack.demo.figures import CameraFigures
from gatehouse_stack.demo.judge import Finding
from gatehouse_stack.demo.truth import Truth
from gatehouse_stack.demo.watch import Watch
from gatehouse_stack.layout import AIRFLOW_PASSWORD, AIRFLOW_USER, Layout

SYNC_SECONDS = 240
ROLLOUT_SECONDS = 420
WARM_UP_SECONDS = 2.0
"""A visit is judged if it begins this long after the rollout ended."""
SETTLE_SECONDS = 40.0
"""How long the last visit's alert may take to arrive before it counts as missing."""
PROGRESS_SECONDS = 10.0
UNUSED_SHOWN = 20


def demo(layout: Layout, offices: list[str]) -> int:
    """Run the whole demo; return 0 only if every visit was seen right. The stack stays up."""
    console = Console()
    console.width = max(console.width, summary.NARROWEST)
    began = time.time()
    (layout.run / "demo.json").unlink(missing_ok=True)
    lifecycle.up(layout)
    _name_unused_photos(layout, console)
    wanted = [o for o in company.offices(layout.config) if not offices or o.name in offices]
    cameras = [camera for office in wanted for camera in office.cameras]
    with Watch(layout, wanted) as watch:
        _roll_out(layout, console, wanted)
        truth, since = Truth.of(layout, cameras), time.time() + WARM_UP_SECONDS
        until = _observe(layout, console, truth, since)
        _settle(console, watch, truth, since, until)
        seen = watch.evidence(since, until)
    # Scripts are read anew: what they say now is what counts.
    visits = Truth.of(layout, cameras).visits()
    findings = judge.judge(visits, seen)
    rows = [figures.of_camera(camera, visits, seen, findings) for camera in cameras]
    _report(layout, console, rows, findings, time.time() - began)
    own_faces = bool(os.environ.get("GATEHOUSE_FACES"))
    return 1 if any(not own_faces or f.step in judge.PLUMBING for f in findings) else 0


def _name_unused_photos(layout: Layout, console: Console) -> None:
    """Say which of a user's own photos are left out, and why."""
    file = layout.company / "not-used.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    if lines:
        console.print(f"[bold]{len(lines)} photos or people can't be used[/bold], all listed in {file}")
    for line in lines[:UNUSED_SHOWN]:
        console.print(f"  {line}", markup=False, highlight=False)


def _roll_out(layout: Layout, console: Console, offices: Sequence[company.Office]) -> None:
    """Enrol the people, then roll the offices out."""
    api = AirflowApi(layout)
    dag_run.run(layout, api, console, "hr_face_sync", {}, SYNC_SECONDS)
    names = [office.name for office in offices]
    dag_run.run(layout, api, console, "office_rollout", {"offices": names}, ROLLOUT_SECONDS)


def _observe(layout: Layout, console: Console, truth: Truth, since: float) -> float:
    """Wait until each of a camera's visits has happened once since; return when the last ended.

    A camera that plays no loop is not waited for beyond its video's length: the judge names it.
    """
    console.print("[bold]Watching[/bold] every camera for one loop of its video")
    planned, deadline = truth.planned(), time.time() + 2 * truth.loop_seconds
    said = 0.0
    while time.time() < deadline:
        lifecycle.require_cloud(layout)
        over = judge.judged(truth.visits(), since, time.time())
        seen = planned & {(visit.camera_id, visit.visit_id) for visit in over}
        if seen == planned:
            break
        if time.time() - said > PROGRESS_SECONDS:
            said = time.time()
            console.print(f"  {len(seen)} of {len(planned)} visits have happened")
        time.sleep(1)
    return time.time()


def _settle(console: Console, watch: Watch, truth: Truth, since: float, until: float) -> None:
    """Wait until every judged visit is right and no alert is under way, or the time for that is up.

    Only when nothing waits to be told can "exactly once" be judged: no second delivery can follow.
    """
    visits, deadline = truth.visits(), until + SETTLE_SECONDS
    while time.time() < deadline:
        seen = watch.arrivals(since, until)
        if judge.arrived(visits, seen) and not watch.under_way(seen):
            return
        time.sleep(1)
    console.print(f"  [yellow]not all right after {SETTLE_SECONDS:.0f} s more[/yellow]")


def _report(
    layout: Layout, console: Console, rows: list[CameraFigures], findings: list[Finding], seconds: float
) -> None:
    """Print the summary, and write it for a machine and as a picture."""
    scale = json.loads((layout.run / "cloud.json").read_text())["similarity_scale"]
    urls = _urls(layout)
    report = summary.as_json(rows, findings, urls, scale=scale, seconds=round(seconds, 1))
    (layout.run / "demo.json").write_text(json.dumps(report, indent=2) + "\n")
    (layout.run / "demo.svg").write_text(summary.picture(rows, findings, urls, scale=scale))
    summary.show(
        console, rows, findings, urls, scale=scale, own_faces=bool(os.environ.get("GATEHOUSE_FACES"))
    )


def _urls(layout: Layout) -> dict[str, str]:
    return {
        "Airflow": f"{layout.url('airflow')}  ({AIRFLOW_USER} / {AIRFLOW_PASSWORD})",
        "OpenSearch": f"{layout.url('opensearch')}/gatehouse-detections/_search",
        "Local AWS": f"{layout.url('cloud')}  (. {os.path.relpath(layout.run)}/env)",
        "Webhook sink": f"{layout.url('sink')}/alerts",
    }
