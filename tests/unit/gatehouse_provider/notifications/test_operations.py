"""An approval that waits is told once for each plan, and waits all the same if nobody can be told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from gatehouse.ledger.rollouts import load_rollout
from gatehouse_provider.operators import approval
from gatehouse_provider.operators.rollout import RolloutPlanOperator

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

pytestmark = pytest.mark.usefixtures("ledger", "foundation")
RUN = "run-1"


def plan(*offices: str) -> None:
    RolloutPlanOperator(task_id="plan", offices=offices).execute({"run_id": RUN})


def ask() -> None:
    """Have the task ask, as far as Airflow's own part, of which no server is here."""
    task = approval.PlanApprovalOperator(task_id="approve")
    instance = SimpleNamespace(id="1", dag_id="office_rollout", run_id=RUN, task_id="approve", map_index=-1)
    context: Any = {"run_id": RUN, "task": task, "ti": instance, "task_instance": instance}
    with pytest.raises(TaskDeferred):
        task.execute(context)


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **_: None)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/")


def test_a_waiting_plan_is_told_once_and_another_plan_anew(
    ledger: Connection, told: Callable[[], list[dict[str, Any]]]
) -> None:
    plan("berlin")
    ask()
    ask()
    (message,) = told()
    found = load_rollout(ledger, RUN)
    assert found is not None
    assert f"rollout plan {found.plan_hash[:12]} waits for approval" in message["subject"]
    assert f"Plan: {found.plan_hash}" in message["text"]
    assert "Cost: $" in message["text"]
    assert (message["kind"], message["office"], message["rollout"]) == ("approval_waits", "berlin", RUN)
    page = "https://airflow.example.com/dags/office_rollout/runs/run-1/tasks/approve/required_actions"
    assert message["url"].startswith(page)
    plan("berlin", "tokyo")
    ask()
    (message,) = told()
    assert "Offices: berlin, tokyo" in message["text"]


def test_an_approval_waits_even_if_nobody_can_be_told_now(
    told: Callable[[], list[dict[str, Any]]], sns_refuses: Callable[[], AbstractContextManager[None]]
) -> None:
    plan("berlin")
    with sns_refuses():
        ask()
    assert told() == []
    ask()
    assert len(told()) == 1
