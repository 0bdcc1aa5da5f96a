"""Nothing is deleted that wasn't ticked, and any office may be named."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag


def test_it_acts_only_on_an_approved_plan_and_always_reports(dags: DagBag) -> None:
    dag = dags.dags["office_decommission"]
    steps = ["plan", "approve", "decommission", "report"]
    assert set(dag.task_ids) == set(steps)
    for before, after in pairwise(steps):
        assert dag.get_task(after).upstream_task_ids == {before}
    assert dag.get_task("report").trigger_rule == "all_done"


def test_every_box_is_empty_and_the_office_is_any_name(dags: DagBag) -> None:
    params = dags.dags["office_decommission"].params
    ticked = [name for name in params if params.get_param(name).schema.get("type") == "boolean"]
    assert {"delete_video", "delete_faces", "delete_orphans", "dry_run", "unattended"} == set(ticked)
    assert not any(params[name] for name in ticked)
    office = params.get_param("office")
    assert "enum" not in office.schema
    assert office.resolve("an-office-that-is-gone") == "an-office-that-is-gone"
