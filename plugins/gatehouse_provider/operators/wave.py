"""Begin a wave: see that the ones before it passed, and that its offices can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from gatehouse.ledger.rollouts import (
    camera_phases,
    set_camera_phase,
    set_rollout_phase,
    set_wave_phase,
    wave_states,
)
from gatehouse.ledger.unreached import Unreached, given_up_in, record_unreached, times_put_off
from gatehouse.office import naming
from gatehouse.office.edge import EdgeObserved
from gatehouse.rollout.answers import FRESH
from gatehouse.rollout.tolerance import requeue, waves_after
from gatehouse.rollout.waves import next_wave
from gatehouse_provider.hooks.documents import DocumentHook
from gatehouse_provider.operators.base import GatehouseOperator, final_errors, now
from gatehouse_provider.operators.stored_plan import PREPARED, stored_plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from airflow.sdk import Context

    from gatehouse.rollout.phases import CameraStep, Phase
    from gatehouse.rollout.tolerance import Requeued
    from gatehouse.rollout.waves import Unit
    from gatehouse_provider.operators.stored_plan import StoredPlan


class WaveBeginOperator(GatehouseOperator):
    """
    Return the units of a wave, for mapped tasks; fails if a wave before it didn't pass.

    An office whose proxy fell silent is put off to the next wave, and at last to the one of offices put
    off, within the policy's caps; one that is given up counts as bad with all its cameras. A wave in which
    nothing was chosen passes; one whose offices were all refused doesn't.

    :param wave: name of the wave.
    """

    def __init__(self, *, wave: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wave = wave

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Begin the wave."""
        rollout_id = context["run_id"]
        with self.ledger.begin() as connection:
            plan = stored_plan(connection, rollout_id)
            states = wave_states(connection, rollout_id)
        if plan.dry_run:
            msg = "A dry run changes nothing"
            raise AirflowSkipException(msg)
        plan.check_approved()
        following = next_wave(states)
        if following.wave != self.wave and not any(w.name == self.wave and w.passed for w in states):
            msg = f"Wave '{self.wave}' may not begin: {following.reason or 'another one comes first'}"
            raise AirflowFailException(msg)
        units = [*plan.wave(self.wave).units, *self._put_off(rollout_id, plan)]
        with final_errors(), self.ledger.begin() as connection:
            set_wave_phase(connection, rollout_id, self.wave, "Progressing", now())
        if not units:
            self._end_empty(rollout_id, plan)
        if not plan.proves_path:
            units = self._with_work(rollout_id, plan, units)
        reachable, given_up = self._reachable(rollout_id, units)
        if not reachable:
            # Waves go on without the ones put off, but not without a first one to learn from.
            passed = not given_up and any(wave.passed for wave in states)
            self._end(rollout_id, passed=passed, detail="none of its offices can be reached")
            msg = f"Wave '{self.wave}': none of its offices can be reached. See its cameras"
            raise (AirflowSkipException if passed else AirflowFailException)(msg)
        with final_errors(), self.ledger.begin() as connection:
            set_rollout_phase(connection, rollout_id, "Progressing", now())
        return [self._describe(plan, unit) for unit in reachable]

    def _put_off(self, rollout_id: str, plan: StoredPlan) -> list[Unit]:
        """Return the units of earlier waves whose office couldn't be reached then.

        What a killed try of this task gave up is decided on again.
        """
        with self.ledger.begin() as connection:
            steps = camera_phases(connection, rollout_id)
            waiting = given_up_in(connection, rollout_id, self.wave)
        waiting |= {camera for camera, (_, step, _) in steps.items() if step == "unreachable"}
        return [
            unit
            for wave in plan.waves
            if wave.name != self.wave
            for unit in wave.units
            if set(unit.cameras) <= waiting
        ]

    def _end_empty(self, rollout_id: str, plan: StoredPlan) -> None:
        configured = {wave.name: wave.offices for wave in self.reading.company.rollout.waves}
        refused = [name for name in configured.get(self.wave, ()) if name in plan.refused]
        if refused:
            detail = "; ".join(f"{name} is refused: {plan.refused[name]}" for name in refused)
            self._end(rollout_id, passed=False, detail=detail)
            msg = f"Wave '{self.wave}' has no office left: {detail}"
            raise AirflowFailException(msg)
        self._end(rollout_id, passed=True, detail="nothing was chosen")
        msg = f"Wave '{self.wave}': nothing was chosen"
        raise AirflowSkipException(msg)

    def _with_work(self, rollout_id: str, plan: StoredPlan, units: Sequence[Unit]) -> list[Unit]:
        """Leave out the units in which nothing is to be made or started: there is nothing to prove either."""
        idle = [unit for unit in units if plan.offices[unit.office].leaves_alone(unit.cameras)]
        with final_errors(), self.ledger.begin() as connection:
            for unit in idle:
                rows: list[tuple[str, CameraStep, str]] = [
                    (one, "prepared", PREPARED) for one in unit.cameras
                ]
                set_camera_phase(connection, rollout_id, unit.office, rows, now())
        if len(idle) == len(units):
            with final_errors(), self.ledger.begin() as connection:
                set_rollout_phase(connection, rollout_id, "Progressing", now())
            self._end(rollout_id, passed=True, detail=PREPARED, best="Progressing")
            msg = f"Wave '{self.wave}': nothing is to be changed, its cameras are {PREPARED}"
            raise AirflowSkipException(msg)
        return [unit for unit in units if unit not in idle]

    def _end(self, rollout_id: str, *, passed: bool, detail: str, best: Phase = "Healthy") -> None:
        phase: Phase = best if passed else "Degraded"
        with final_errors(), self.ledger.begin() as connection:
            set_wave_phase(
                connection, rollout_id, self.wave, phase, now(), detail=detail, passed=passed, ended=True
            )

    def _reachable(self, rollout_id: str, units: Sequence[Unit]) -> tuple[list[Unit], bool]:
        """Return the units whose office answers, and whether any of the others was given up."""
        silent = self._silent({unit.office for unit in units})
        policy = self.reading.company.rollout
        later = waves_after(self.wave, [wave.name for wave in policy.waves])
        at = now()
        with self.ledger.begin() as connection:
            attempts = times_put_off(connection, rollout_id, self.wave)
            found = requeue(silent, attempts, later, policy.requeue)
            record_unreached(connection, rollout_id, self.wave, _unreached(found, silent, units), at)
            for unit in units:
                if unit.office in silent:
                    step, detail = _verdict(found, unit.office, silent[unit.office])
                    rows = [(camera_id, step, detail) for camera_id in unit.cameras]
                    set_camera_phase(connection, rollout_id, unit.office, rows, at)
        for office, reason in silent.items():
            self.log.warning("Office %s can't be reached: %s", office, reason)
        return [unit for unit in units if unit.office not in silent], bool(found.given_up)

    def _silent(self, offices: Iterable[str]) -> dict[str, str]:
        """Return why an office can't be reached: its proxy reported once, and doesn't any more.

        An office whose proxy never reported is new: provisioning tells it what to do.
        """
        company, silent = self.reading.company, {}
        for name in sorted(offices):
            region = company.office(name).region
            documents = DocumentHook(aws_conn_id=self.aws_conn_id, region_name=region)
            bucket = company.regions.regions[region].bucket
            observed, _ = documents.read(bucket, naming.edge_observed_key(name), EdgeObserved)
            if observed is not None and now() - observed.at > FRESH:
                since = observed.at.isoformat(timespec="seconds")
                silent[name] = f"the proxy of {name} is silent since {since}"
        return silent

    def _describe(self, plan: StoredPlan, unit: Unit) -> dict[str, Any]:
        """Return where the plan put a unit; its label counts chunks only where there are several."""
        wave = next(wave for wave in plan.waves if unit in wave.units)
        chunks = sum(other.office == unit.office for other in wave.units)
        label = unit.office if chunks == 1 else f"{unit.office} {unit.chunk + 1}/{chunks}"
        return {"wave": wave.name, "office": unit.office, "chunk": unit.chunk, "label": label}


def _unreached(found: Requeued, silent: Mapping[str, str], units: Sequence[Unit]) -> Iterator[Unreached]:
    """Yield the offices that can't be reached; the wave's bake counts those given up."""
    for office, reason in silent.items():
        cameras = tuple(camera_id for unit in units if unit.office == office for camera_id in unit.cameras)
        given_up = office in found.given_up
        yield Unreached(office, cameras, given_up, found.given_up[office] if given_up else reason)


def _verdict(found: Requeued, office: str, reason: str) -> tuple[CameraStep, str]:
    if office in found.again:
        return "unreachable", f"{reason}; it is tried again in wave '{found.again[office]}'"
    return "failed", found.given_up[office]
