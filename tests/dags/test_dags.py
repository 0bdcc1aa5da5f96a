"""Every DAG file parses, is documented, is short, and has the graph its page promises."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gatehouse.office.config import load_rollout_settings

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "dags").glob("*.py"))


def test_no_dag_file_fails_to_import(dags: DagBag) -> None:
    assert dags.import_errors == {}


def test_every_file_holds_the_dag_of_its_name(dags: DagBag) -> None:
    assert set(dags.dags) == {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_is_wiring_only(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 150


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_a_dag_is_documented_retried_and_tagged(dags: DagBag, name: str) -> None:
    dag = dags.dags[name]
    assert dag.doc_md
    assert "Running it again" in dag.doc_md
    assert dag.default_args["retries"] >= 1
    assert "gatehouse" in dag.tags
    assert "dry_run" in dag.params


def test_the_rollouts_graph_shows_the_waves_of_the_configuration(dags: DagBag) -> None:
    waves = [*(wave.name for wave in load_rollout_settings(ROOT / "config").waves), "requeued"]
    tasks = set(dags.dags["office_rollout"].task_ids)
    steps = ("begin", "office.provision", "office.start", "office.verify", "office.probe", "bake")
    expected = {f"{wave}.{step}" for wave in waves for step in steps}
    assert tasks == expected | {"plan", "preflight", "approve", "rollback", "report"}


def test_a_wave_waits_for_the_one_before_it(dags: DagBag) -> None:
    dag = dags.dags["office_rollout"]
    waves = [wave.name for wave in load_rollout_settings(ROOT / "config").waves]
    for before, after in pairwise(waves):
        assert dag.get_task(f"{after}.begin").upstream_task_ids == {f"{before}.bake"}


def test_deletions_do_not_wait_for_indexing(dags: DagBag) -> None:
    dag = dags.dags["hr_face_sync"]
    assert dag.get_task("delete").upstream_task_ids == {"plan"}
    assert dag.get_task("index").upstream_task_ids == {"plan"}
    assert dag.get_task("publish").upstream_task_ids >= {"delete", "index"}
    assert dag.max_active_runs == 1


def test_the_generated_page_is_what_the_files_say() -> None:
    from gatehouse_stack.dag_docs import PAGE, render

    assert PAGE.read_text() == render(ROOT / "dags")
