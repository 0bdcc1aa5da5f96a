"""Have a person approve a plan by its hash before anything is changed."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput

from gatehouse.alerts.operations import Message, approval_waits
from gatehouse.ledger.evidence import record_approval
from gatehouse.ledger.rollouts import load_plan
from gatehouse.rollout.markdown import as_markdown
from gatehouse_provider.hooks.ledger import LedgerHook
from gatehouse_provider.hooks.operations import airflow_url
from gatehouse_provider.hooks.steering import SteeringHook
from gatehouse_provider.notifications.operations import OperationsNotifier
from gatehouse_provider.operators.base import now
from gatehouse_provider.operators.stored_plan import APPROVED, REJECTED, StoredPlan, stored_plan
from gatehouse_provider.settings import LEDGER_CONNECTION
from gatehouse_provider.triggers.approval import PlanApprovalTrigger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

RESPONSE_TIMEOUT = timedelta(hours=24)


class PlanApprovalOperator(ApprovalOperator):
    """
    Ask a person to approve the rollout's plan; no answer in time is a no, and an abort ends the wait.

    What is approved is the hash of the plan, recorded in the ledger with who approved it: another plan of
    the same run has to be approved anew. That it waits is told on the operations topic, unless `notifiers`
    says who else is told.

    :param unattended: whether to approve without asking, which is recorded as such. (templated)
    :param ledger_conn_id: the Airflow connection of Gatehouse's own database.
    """

    template_fields: Sequence[str] = (*ApprovalOperator.template_fields, "unattended")

    def __init__(
        self, *, unattended: Any = False, ledger_conn_id: str = LEDGER_CONNECTION, **kwargs: Any
    ) -> None:
        settings: dict[str, Any] = {
            "subject": "Approve this plan?",
            "defaults": [ApprovalOperator.REJECT],
            "response_timeout": RESPONSE_TIMEOUT,
            "notifiers": [OperationsNotifier(message=_waits, ledger_conn_id=ledger_conn_id)],
        }
        super().__init__(**(settings | kwargs))
        self.unattended = unattended
        self.ledger_conn_id = ledger_conn_id

    @cached_property
    def ledger(self) -> LedgerHook:
        """Reach the ledger."""
        return LedgerHook(self.ledger_conn_id)

    def execute(self, context: Context) -> Any:
        """Ask, unless the run is unattended, a dry run, or was decided before."""
        plan = self._plan(context)
        if plan.dry_run:
            msg = "A dry run needs no approval"
            raise AirflowSkipException(msg)
        self._mind(context)
        if plan.decision:
            return self._conclude(plan, plan.decision, "an earlier try")
        if self.unattended:
            return self._decide(context, APPROVED, "unattended")
        actions = sum(len(office.actions) for office in plan.offices.values())
        self.subject = f"Approve {plan.kind} plan {plan.digest[:12]}: {actions} actions?"
        self.body = as_markdown(plan.text)
        try:
            return super().execute(context)
        except TaskAwaitingInput:
            # So parked it would hear of no abort until somebody answers.
            self._watch(context)

    def _watch(self, context: Context) -> None:
        """Wait in the triggerer for the answer and for an abort."""
        trigger = PlanApprovalTrigger(
            rollout_id=context["run_id"],
            ti_id=str(context["task_instance"].id),
            options=self.options,
            defaults=self.defaults,
            params=self.serialized_params,
            timeout_datetime=(now() + (self.response_timeout or RESPONSE_TIMEOUT)).isoformat(),
            ledger_conn_id=self.ledger_conn_id,
        )
        self.defer(trigger=trigger, method_name="execute_complete")

    def _mind(self, context: Context) -> None:
        """Fail if the rollout was called off: then no plan of it is decided any more."""
        if why := SteeringHook(context["run_id"], [], self.ledger_conn_id).called_off():
            self._give_up(why)

    def _give_up(self, why: str) -> NoReturn:
        msg = f"The plan isn't decided any more: {why}. Plan a new rollout"
        raise AirflowFailException(msg)

    def waiting(self, context: Context) -> Message:
        """Say what waits to be approved: the plan's hash, its actions and cost, and where to answer."""
        rollout_id = context["run_id"]
        with self.ledger.begin() as connection:
            plan = stored_plan(connection, rollout_id)
            forecast = (load_plan(connection, rollout_id) or {})["forecast"]
        return approval_waits(
            rollout_id,
            plan.kind,
            plan.digest,
            plan.offices,
            forecast,
            at=now(),
            deadline=now() + (self.response_timeout or RESPONSE_TIMEOUT),
            url=self.generate_link_to_ui(task_instance=context["ti"], base_url=airflow_url()),
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Record the answer, unless the rollout was called off before; the time-out's answer is no."""
        if "called_off" in event:
            self._give_up(event["called_off"])
        if "error" in event:
            self.process_trigger_event_error(event)
        self._mind(context)
        approved = event["chosen_options"] == [self.APPROVE]
        user = event.get("responded_by_user") or {}
        who = user.get("name") or user.get("id") or "nobody in time"
        return self._decide(context, APPROVED if approved else REJECTED, str(who))

    def _plan(self, context: Context) -> StoredPlan:
        with self.ledger.begin() as connection:
            return stored_plan(connection, context["run_id"])

    def _decide(self, context: Context, decision: str, who: str) -> dict[str, str]:
        digest = self._plan(context).digest
        with self.ledger.begin() as connection:
            record_approval(connection, context["run_id"], digest, decision, who, now())
        # What was decided first stands, whoever is late.
        plan = self._plan(context)
        return self._conclude(plan, plan.decision, who)

    def _conclude(self, plan: StoredPlan, decision: str, who: str) -> dict[str, str]:
        if decision != APPROVED:
            msg = f"Plan {plan.digest[:12]} was rejected by {who}; nothing was changed. Plan a new rollout"
            raise AirflowFailException(msg)
        self.log.info("Plan %s is approved by %s", plan.digest[:12], who)
        return {"plan_hash": plan.digest, "decided_by": who}


def _waits(context: Context) -> Message:
    task = context["task"]
    assert isinstance(task, PlanApprovalOperator)  # noqa: S101 - it is this task's own notifier
    return task.waiting(context)
