"""Bring offices back to exactly what they were before a rollout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from gatehouse.exceptions import LedgerError
from gatehouse.ledger.calls import before_of, begin_call, calls_of, end_call, later_run, saved_cameras
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
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context
    from sqlalchemy import Connection

    from gatehouse.rollout.phases import CameraStep
    from gatehouse.rollout.rollback import Undo


class RolloutRollbackOperator(GatehouseOperator):
    """
    Undo what the rollout changed, if somebody asked for it or a wave failed and the run shall undo that.

    Only what the rollout's own calls touched goes back; an interrupted roll-back is taken up, and running
    it again has nothing to do. Every office is tried, whatever becomes of the others; one that a later run
    changed, and didn't undo, is left alone. To roll an ended run back, give the command and clear this task.

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
        bad = [wave.name for wave in waves if wave.phase == "Degraded" and not wave.passed]
        if not wanted and self.on_failure and bad and offices:
            self._ask_for_it(rollout_id, bad)
        elif not wanted:
            msg = "Nothing is to be undone"
            raise AirflowSkipException(msg)
        undone, failed = self._roll_back_each(rollout_id, offices)
        with final_errors(), self.ledger.begin() as connection:
            set_rollout_phase(connection, rollout_id, "Degraded", now(), detail=_tell(undone, failed))
        if failed:
            raise _as_one(failed)
        return {"undone": undone}

    def _ask_for_it(self, rollout_id: str, failed: Sequence[str]) -> None:
        """Record the run's own decision as anybody's: from now on the rollout does nothing else."""
        reason = f"wave {', '.join(failed)} didn't pass, and the run is to undo that"
        event = Event(f"{rollout_id}/failed", now(), "office_rollout", reason)
        with final_errors(), self.ledger.begin() as connection:
            command_rollout(connection, rollout_id, "rollback", event)

    def _roll_back_each(
        self, rollout_id: str, offices: Sequence[str]
    ) -> tuple[dict[str, int], dict[str, Exception]]:
        """Roll the offices back; return how many steps each took, and why each of the others failed."""
        undone: dict[str, int] = {}
        failed: dict[str, Exception] = {}
        for office in offices:
            try:
                undone[office] = self._roll_back(rollout_id, office)
            except Exception as error:
                # Whatever it is, the other offices go back.
                self.log.exception("Office %s is not rolled back", office)
                failed[office] = error
        return undone, failed

    def _roll_back(self, rollout_id: str, office: str) -> int:
        """Roll one office back and return how many steps that took."""
        with final_errors(), self.ledger.begin() as connection:
            take_lease(connection, office, rollout_id, now(), LEASE_TTL)
            _refuse_overtaken(connection, rollout_id, office)
            before = before_of(connection, rollout_id, office)
            changed = touched(calls_of(connection, rollout_id, office))
            cameras = saved_cameras(connection, rollout_id, office)
        self._record(rollout_id, office, cameras, "rolling_back")
        with final_errors():
            hook = OfficeHook(desired_office(self.reading.company, office), rollout_id, self.aws_conn_id)
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


def _refuse_overtaken(connection: Connection, rollout_id: str, office: str) -> None:
    """Raise LedgerError where another run built on what this one left: its changes would be undone too."""
    if later := later_run(connection, rollout_id, office):
        msg = (
            f"Run {later} changed office {office} after {rollout_id}; nothing was undone there. Roll "
            f"{later} back first, or roll out what the office shall have"
        )
        raise LedgerError(msg)


def _tell(undone: Mapping[str, int], failed: Mapping[str, Exception]) -> str:
    """Say for people what was rolled back, and what wasn't and why."""
    told = [f"rolled back: {', '.join(undone)}"] if undone else []
    if failed:
        reasons = (f"{office} ({_why(error)})" for office, error in failed.items())
        told.append(f"not rolled back: {', '.join(reasons)}")
    return "; ".join(told) or "rolled back: nothing was changed"


def _as_one(failed: Mapping[str, Exception]) -> AirflowException:
    """Return the error of the whole: tried again if that may cure any office."""
    reasons = "\n".join(f"office {office}: {_why(error)}" for office, error in failed.items())
    msg = f"These offices are not rolled back, every other one is. Cure this and clear this task:\n{reasons}"
    final = all(isinstance(error, AirflowFailException) for error in failed.values())
    return AirflowFailException(msg) if final else AirflowException(msg)


def _why(error: Exception) -> str:
    """Return our own errors' words as they are; others need their name."""
    return str(error) if isinstance(error, AirflowFailException) else f"{type(error).__name__}: {error}"
