"""Bring offices back to exactly what they were before a rollout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from gatehouse.ledger.calls import before_of, begin_call, calls_of, end_call, saved_cameras
from gatehouse.ledger.control import Event, command_rollout, steering
from gatehouse.ledger.leases import take_lease
from gatehouse.ledger.rollouts import set_camera_phase, set_rollout_phase, wave_states
from gatehouse.rollout.resources import desired_office
from gatehouse.rollout.rollback import plan_rollback, touched
from gatehouse_provider.hooks.office import OfficeHook
from gatehouse_provider.hooks.rollback import RollbackHook
from gatehouse_provider.operators.base import LEASE_TTL, GatehouseOperator, final_errors, now
from gatehouse_provider.operators.stored_plan import stored_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from gatehouse.rollout.phases import CameraStep
    from gatehouse.rollout.rollback import Undo


class RolloutRollbackOperator(GatehouseOperator):
    """
    Undo what the rollout changed, if somebody asked for it or a wave failed and the run shall undo that.

    Only what the rollout's own calls touched goes back; an interrupted roll-back is taken up, and running
    it again has nothing to do. To roll an ended run back, give the command and clear this task.

    :param on_failure: whether a wave that doesn't pass its gate is reason enough. (templated)
    """

    template_fields: Sequence[str] = ("on_failure",)

    def __init__(self, *, on_failure: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.on_failure = on_failure

    def execute(self, context: Context) -> dict[str, Any]:
        """Roll every office back that the rollout touched, or skip."""
        rollout_id = context["run_id"]
        with self.ledger.begin() as connection:
            plan = stored_plan(connection, rollout_id)
            wanted = steering(connection, rollout_id).desired == "rollback"
            waves = wave_states(connection, rollout_id)
            offices = [name for name in plan.offices if calls_of(connection, rollout_id, name)]
        failed = [wave.name for wave in waves if wave.phase == "Degraded" and not wave.passed]
        if not wanted and self.on_failure and failed and offices:
            self._ask_for_it(rollout_id, failed)
        elif not wanted:
            msg = "Nothing is to be undone"
            raise AirflowSkipException(msg)
        undone = {name: self._roll_back(rollout_id, name) for name in offices}
        with final_errors(), self.ledger.begin() as connection:
            detail = f"rolled back: {', '.join(offices) or 'nothing was changed'}"
            set_rollout_phase(connection, rollout_id, "Degraded", now(), detail=detail)
        return {"undone": undone}

    def _ask_for_it(self, rollout_id: str, failed: Sequence[str]) -> None:
        """Record the run's own decision as anybody's: from now on the rollout does nothing else."""
        reason = f"wave {', '.join(failed)} didn't pass, and the run is to undo that"
        event = Event(f"{rollout_id}/failed", now(), "office_rollout", reason)
        with final_errors(), self.ledger.begin() as connection:
            command_rollout(connection, rollout_id, "rollback", event)

    def _roll_back(self, rollout_id: str, office: str) -> int:
        """Roll one office back and return how many steps that took."""
        with final_errors(), self.ledger.begin() as connection:
            take_lease(connection, office, rollout_id, now(), LEASE_TTL)
            before = before_of(connection, rollout_id, office)
            changed = touched(calls_of(connection, rollout_id, office))
            cameras = saved_cameras(connection, rollout_id, office)
        self._record(rollout_id, office, cameras, "rolling_back")
        hook = OfficeHook(desired_office(self.reading.company, office), rollout_id, self.aws_conn_id)
        with final_errors():
            steps = plan_rollback(before, hook.state(hook.observe()), changed)
        way_back = RollbackHook(hook, rollout_id)
        for undo in steps:
            self._undo(rollout_id, office, way_back, undo)
        self._record(rollout_id, office, cameras, "rolled_back")
        self.log.info("Office %s is rolled back in %d steps", office, len(steps))
        return len(steps)

    def _undo(self, rollout_id: str, office: str, hook: RollbackHook, undo: Undo) -> None:
        resource = undo.resource
        call = (resource.camera_id, f"{undo.op}_{resource.kind}", resource.name)
        with final_errors(), self.ledger.begin() as connection:
            take_lease(connection, office, rollout_id, now(), LEASE_TTL)
            begin_call(connection, rollout_id, office, call, now())
        try:
            hook.carry_out(undo)
        except Exception as error:
            with self.ledger.begin() as connection:
                end_call(connection, rollout_id, office, call, now(), f"{type(error).__name__}: {error}")
            raise
        with self.ledger.begin() as connection:
            end_call(connection, rollout_id, office, call, now())

    def _record(self, rollout_id: str, office: str, cameras: set[str], step: CameraStep) -> None:
        with self.ledger.begin() as connection:
            rows = [(camera_id, step, "") for camera_id in cameras]
            set_camera_phase(connection, rollout_id, office, rows, now())
