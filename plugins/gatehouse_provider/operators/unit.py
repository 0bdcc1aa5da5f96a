"""Share what the steps of one unit need: its cameras, the ledger's memory of calls, and waits."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from gatehouse.alerts.operations import rollout_paused
from gatehouse.ledger.calls import begin_call, end_call
from gatehouse.ledger.leases import take_lease
from gatehouse.ledger.rollouts import load_rollout, set_camera_phase, set_rollout_phase
from gatehouse.rollout.resources import DesiredOffice, desired_office
from gatehouse.rollout.verify import Verdict
from gatehouse_provider.hooks.office import OfficeHook
from gatehouse_provider.hooks.operations import OperationsHook, page_of
from gatehouse_provider.hooks.steering import SteeringHook
from gatehouse_provider.operators.base import LEASE_TTL, GatehouseOperator, final_errors, now
from gatehouse_provider.operators.stored_plan import StoredPlan, stored_plan
from gatehouse_provider.triggers.steering import SteeringTrigger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow.sdk import Context

    from gatehouse.rollout.phases import CameraStep, Phase
    from gatehouse_provider.triggers.camera import CamerasTrigger

# Waits shorter than this are cheaper in the worker than by way of the triggerer and back.
PATIENCE_SECONDS = 4.0


class UnitOperator(GatehouseOperator):
    """
    Base of the steps of one unit: some cameras of one office within a wave.

    Every change is announced in the ledger before it is made and noted after it, and what people want of
    the rollout is asked before each: a paused or frozen one waits between two calls, for as long as it takes.

    :param unit: `{"wave", "office", "chunk", "label"}` as the wave's begin returned it. (templated)
    :param deferrable: whether long waits are handed to the triggerer.
    :param poll_seconds: seconds between two looks while waiting.
    """

    template_fields: Sequence[str] = ("unit",)

    def __init__(
        self,
        *,
        unit: Any,
        deferrable: bool = True,
        poll_seconds: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.unit = unit
        self.deferrable = deferrable
        self.poll_seconds = poll_seconds
        self._steering: SteeringHook | None = None

    @property
    def office(self) -> str:
        """Name the unit's office."""
        return str(self.unit["office"])

    @cached_property
    def desired(self) -> DesiredOffice:
        """Derive what the office shall have."""
        return desired_office(self.reading.company, self.office, self.quotas)

    def execute(self, context: Context) -> Any:
        """Take the step."""
        return self.perform(context)

    def perform(self, context: Context) -> Any:
        """Take the step; begun again after every pause, so it must find done what is done."""
        raise NotImplementedError

    def plan(self, rollout_id: str) -> StoredPlan:
        """Read the frozen plan; fails unless it was approved."""
        with self.ledger.begin() as connection:
            plan = stored_plan(connection, rollout_id)
        plan.check_approved()
        return plan

    def cameras(self, plan: StoredPlan) -> tuple[str, ...]:
        """Name the unit's cameras, as the plan froze them."""
        return plan.unit(self.office, self.unit["wave"], self.unit["chunk"]).cameras

    def hook(self, rollout_id: str) -> OfficeHook:
        """Reach the office's resources."""
        company = self.reading.company
        known = {camera.id for office in company.offices.values() for camera in office.cameras}
        return OfficeHook(self.desired, rollout_id, self.aws_conn_id, known)

    def lease(self, rollout_id: str) -> None:
        """Take or renew the office's lease."""
        with final_errors(), self.ledger.begin() as connection:
            take_lease(connection, self.office, rollout_id, now(), LEASE_TTL)

    def record(self, rollout_id: str, phases: Mapping[str, tuple[CameraStep, str]]) -> None:
        """Write cameras' steps to the ledger."""
        rows = [(camera_id, phase, detail) for camera_id, (phase, detail) in phases.items()]
        with self.ledger.begin() as connection:
            set_camera_phase(connection, rollout_id, self.office, rows, now())

    @contextmanager
    def calling(self, context: Context, action: str, resource: str, camera_id: str = "") -> Iterator[None]:
        """Announce a change, let the block make it, and note what came of it.

        `action` is verb_kind, so that a roll-back knows what it touched. Waits before it if it must.
        """
        self.mind(context)
        with self.noting(context["run_id"], action, resource, camera_id):
            yield

    @contextmanager
    def noting(self, rollout_id: str, action: str, resource: str, camera_id: str = "") -> Iterator[None]:
        """Announce a change that waits for nobody, let the block make it, and note what came of it.

        It is for what an end leaves behind otherwise. Everything else is `calling`.
        """
        call = (camera_id, action, resource)
        with self.ledger.begin() as connection:
            begin_call(connection, rollout_id, self.office, call, now())
        try:
            yield
        except Exception as error:
            with self.ledger.begin() as connection:
                failure = f"{type(error).__name__}: {error}"
                end_call(connection, rollout_id, self.office, call, now(), failure)
            raise
        with self.ledger.begin() as connection:
            end_call(connection, rollout_id, self.office, call, now())

    def mind(self, context: Context) -> None:
        """Do what people want between two calls: go on, wait until it may go on, or fail.

        After a wait the step begins anew: whatever was done is found done.
        """
        rollout_id, steering = context["run_id"], self.steering(context)
        while (step := steering.step()).do == "wait":
            self._note(rollout_id, "Paused", step.reason)
            self.log.info("Office %s waits: %s", self.office, step.reason)
            self._tell_pause(context)
            if self.deferrable:
                trigger = SteeringTrigger(
                    rollout_id=rollout_id, offices=[self.office], ledger_conn_id=self.ledger_conn_id
                )
                self.defer(trigger=trigger, method_name="go_on")
            steering.renew()
            time.sleep(self.poll_seconds)
        if step.do != "go":
            msg = f"Office {self.office}: {step.reason}"
            raise AirflowFailException(msg)
        with final_errors():
            # Making hundreds of streams takes longer than a lease lasts.
            steering.renew()

    def heed(self, context: Context) -> None:
        """Fail if the rollout was called off, and keep its lease: for a wait that only looks.

        A pause doesn't end such a wait, as looking changes nothing.
        """
        steering = self.steering(context)
        if why := steering.called_off():
            msg = f"Office {self.office}: {why}"
            raise AirflowFailException(msg)
        with final_errors():
            steering.renew()

    def steering(self, context: Context) -> SteeringHook:
        """Return the hook that asks what people want; one for the task, as it remembers the lease's age."""
        if self._steering is None:
            self._steering = SteeringHook(context["run_id"], [self.office], self.ledger_conn_id)
        return self._steering

    def go_on(self, context: Context, event: dict[str, Any]) -> Any:
        """Take the step up again after a pause, or fail if the rollout was called off."""
        if event["do"] != "go":
            msg = f"Office {self.office}: {event['reason']}"
            raise AirflowFailException(msg)
        self._note(context["run_id"], "Progressing", "")
        return self.perform(context)

    def _note(self, rollout_id: str, phase: Phase, detail: str) -> None:
        with self.ledger.begin() as connection:
            found = load_rollout(connection, rollout_id)
            # A wave that failed meanwhile isn't talked well by one that goes on.
            if found is not None and found.phase in {"Pending", "Progressing", "Paused"}:
                set_rollout_phase(connection, rollout_id, phase, now(), detail=detail)

    def _tell_pause(self, context: Context) -> None:
        """Tell operators once of a wave that waits; why and for whom is in the log, as it may name people."""
        rollout_id = context["run_id"]
        where = f"wave {self.unit['wave']}" if "wave" in self.unit else f"office {self.office}"
        with self.ledger.begin() as connection:
            found = load_rollout(connection, rollout_id)
        if found is not None:
            reason = "it is paused, frozen or stopped, and goes on by itself when it may"
            since, url = found.created_at, page_of(context)
            message = rollout_paused(rollout_id, where, "held", reason, since, now(), url)
            OperationsHook(self.reading.company.regions, self.ledger, self.aws_conn_id).tell(message)

    def trigger(
        self, kind: type[CamerasTrigger], context: Context, cameras: Sequence[str], since: str, seconds: int
    ) -> CamerasTrigger:
        """Build a trigger that waits for these cameras."""
        return kind(
            office=self.office,
            region=self.desired.region,
            bucket=self.desired.bucket,
            engine=self.desired.engine,
            cameras=cameras,
            since=since,
            until=(now() + timedelta(seconds=seconds)).isoformat(),
            rollout_id=context["run_id"],
            poll_seconds=self.poll_seconds,
            aws_conn_id=self.aws_conn_id,
            ledger_conn_id=self.ledger_conn_id,
        )

    def wait(self, trigger: CamerasTrigger, method_name: str, **state: Any) -> list[Verdict]:
        """Return the verdicts if they come soon; else defer to the trigger and go on in `method_name`.

        A look that fails passingly is repeated, here as in the triggerer.
        """
        hook = trigger.hook()
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            verdicts = trigger.try_look(hook)
            if verdicts is not None and all(verdict.done for verdict in verdicts):
                return verdicts
            if self.deferrable and time.monotonic() >= give_up:
                waiting = [verdict for verdict in verdicts or [] if not verdict.done]
                for verdict in waiting:
                    self.log.info("Waiting for %s: %s", verdict.camera_id, verdict.reason)
                self.defer(trigger=trigger, method_name=method_name, kwargs={"state": state})
            time.sleep(self.poll_seconds)

    def verdicts(self, event: Mapping[str, Any]) -> list[Verdict]:
        """Read a trigger's event; raises if it couldn't look at all, or waiting was called off."""
        if event["status"] == "stopped":
            msg = f"Office {self.office}: {event['message']}"
            raise AirflowFailException(msg)
        if event["status"] != "success":
            msg = f"Office {self.office}: waiting failed: {event['message']}. Run the rollout again"
            raise AirflowFailException(msg)
        return [Verdict(**verdict) for verdict in event["verdicts"]]


def failures(verdicts: Sequence[Verdict]) -> dict[str, tuple[CameraStep, str]]:
    """Return the steps of the cameras that failed."""
    return {
        verdict.camera_id: ("failed", verdict.reason) for verdict in verdicts if verdict.outcome == "failed"
    }
