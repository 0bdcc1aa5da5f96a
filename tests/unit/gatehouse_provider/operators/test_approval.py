"""A plan waits for a person, and no longer once its rollout is called off."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from gatehouse.ledger.control import Event, command_rollout
from gatehouse_provider.operators.approval import PlanApprovalOperator
from gatehouse_provider.operators.stored_plan import stored_plan
from gatehouse_provider.triggers.approval import PlanApprovalTrigger

if TYPE_CHECKING:
    from sqlalchemy import Connection

pytestmark = pytest.mark.usefixtures("ledger", "foundation")
YES = {"chosen_options": ["Approve"], "params_input": {}, "responded_by_user": {"id": "1", "name": "ana"}}
Rollout = Any


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for Airflow's API server, which keeps what is asked and answered."""
    provider = "airflow.providers.standard"
    unanswered = SimpleNamespace(response_received=False, chosen_options=None, responded_at=None)
    defaulted = SimpleNamespace(responded_at=datetime.now(UTC))
    monkeypatch.setattr(f"{provider}.operators.hitl.upsert_hitl_detail", lambda **_: None)
    monkeypatch.setattr(f"{provider}.triggers.hitl.get_hitl_detail_content_detail", lambda **_: unanswered)
    monkeypatch.setattr(f"{provider}.triggers.hitl.update_hitl_detail_response", lambda **_: defaulted)


def approval() -> PlanApprovalOperator:
    return PlanApprovalOperator(task_id="approve", notifiers=[])


def ask(rollout: Rollout) -> PlanApprovalTrigger:
    context: Any = {**rollout.context, "task_instance": SimpleNamespace(id="1")}
    with pytest.raises(TaskDeferred) as deferred:
        approval().execute(context)
    assert deferred.value.method_name == "execute_complete"
    assert isinstance(deferred.value.trigger, PlanApprovalTrigger)
    return deferred.value.trigger


def fire(trigger: PlanApprovalTrigger) -> dict[str, Any]:
    async def first() -> Any:
        return await anext(aiter(trigger.run()))

    payload: dict[str, Any] = asyncio.run(first()).payload
    return payload


def abort(ledger: Connection) -> None:
    command_rollout(ledger, "run-1", "abort", Event("a", datetime.now(UTC), "olga", "wrong offices"))


def test_an_abort_ends_the_wait_for_an_answer(rollout: Rollout, ledger: Connection) -> None:
    rollout.plan("berlin")
    trigger = ask(rollout)
    abort(ledger)
    event = fire(trigger)
    with pytest.raises(AirflowFailException, match="the rollout was aborted"):
        approval().execute_complete(rollout.context, event)
    assert stored_plan(ledger, "run-1").decision == ""


def test_a_plan_whose_rollout_was_aborted_is_put_to_nobody(rollout: Rollout, ledger: Connection) -> None:
    rollout.plan("berlin")
    abort(ledger)
    with pytest.raises(AirflowFailException, match="the rollout was aborted"):
        approval().execute(rollout.context)
    with pytest.raises(AirflowFailException, match="the rollout was aborted"):
        rollout.approve()


def test_a_yes_that_crosses_an_abort_is_not_taken(rollout: Rollout, ledger: Connection) -> None:
    rollout.plan("berlin")
    ask(rollout)
    abort(ledger)
    with pytest.raises(AirflowFailException, match="the rollout was aborted"):
        approval().execute_complete(rollout.context, YES)
    assert stored_plan(ledger, "run-1").decision == ""


def test_a_yes_approves_the_plan(rollout: Rollout, ledger: Connection) -> None:
    rollout.plan("berlin")
    ask(rollout)
    assert approval().execute_complete(rollout.context, YES)["decided_by"] == "ana"
    stored_plan(ledger, "run-1").check_approved()


def test_no_answer_in_time_is_a_no(rollout: Rollout) -> None:
    rollout.plan("berlin")
    path, arguments = ask(rollout).serialize()
    assert path.endswith("PlanApprovalTrigger")
    late = PlanApprovalTrigger(**arguments | {"timeout_datetime": "2026-01-01T00:00:00+00:00"})
    with pytest.raises(AirflowFailException, match="rejected by nobody in time"):
        approval().execute_complete(rollout.context, fire(late))
