"""Run a DAG as a person would from Airflow's page, and show each task as it ends."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console

from gatehouse_stack.airflow_api import AirflowApi
from gatehouse_stack.layout import Layout
from gatehouse_stack.lifecycle import StackError, require_cloud

# Whoever runs a DAG from a terminal has decided; a run from Airflow's page asks for approval.
DECIDED: dict[str, dict[str, Any]] = {"office_rollout": {"unattended": True}}


def run(
    layout: Layout, api: AirflowApi, console: Console, dag: str, conf: dict[str, Any], seconds: float
) -> None:
    """Trigger a DAG and print each task as it ends; what `conf` doesn't say is as in `DECIDED`.

    Raise StackError with the log of what failed, or at once when the local cloud has lost its state.
    """
    began, run_id = time.time(), api.trigger(dag, DECIDED.get(dag, {}) | conf)
    console.print(f"[bold]{dag}[/bold] {run_id}")
    shown: set[tuple[str, int]] = set()
    state, tasks = "queued", list[dict[str, Any]]()
    for state, tasks in api.watch(dag, run_id, seconds):  # noqa: B007 - both are read after it
        require_cloud(layout)
        for task in tasks:
            key = (task["task_id"], task["map_index"])
            if task["state"] in ("success", "failed", "upstream_failed") and key not in shown:
                shown.add(key)
                _show_task(console, task, time.time() - began)
    if state != "success":
        # A report tells everything that went wrong, so it comes before what it tells of.
        failed = [task for task in tasks if task["state"] == "failed"]
        failed.sort(key=lambda task: task["task_id"] != "report")
        words = "\n".join(f"--- {t['task_id']}\n{api.task_log(dag, run_id, t)}" for t in failed[:2])
        raise StackError(f"{dag} {run_id} ended as {state}.\n{words}")
    console.print(f"  [green]done[/green] in {time.time() - began:.0f} s")


def _show_task(console: Console, task: dict[str, Any], at: float) -> None:
    label = task.get("rendered_map_index") or ("" if task["map_index"] < 0 else str(task["map_index"]))
    mark = "[green]✓[/green]" if task["state"] == "success" else "[red]✗[/red]"
    console.print(f"  {mark} {at:5.0f} s  {task['task_id']}{f' · {label}' if label else ''}")
