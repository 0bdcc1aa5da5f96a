"""Bake a wave under its health gate: promote it, pause it or stop the rollout."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from gatehouse.ledger.calls import changed_at
from gatehouse.ledger.probes import unproved
from gatehouse.ledger.rollouts import camera_phases, set_camera_phase, set_wave_phase, waves_of
from gatehouse.ledger.unreached import given_up_in
from gatehouse.rollout.tolerance import too_many
from gatehouse_provider.operators.base import GatehouseOperator, final_errors, now
from gatehouse_provider.operators.stored_plan import PREPARED, stored_plan
from gatehouse_provider.triggers.gate import WaveBakeTrigger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from gatehouse.rollout.phases import CameraStep, Phase
    from gatehouse_provider.operators.stored_plan import StoredPlan

BAKES_FROM = frozenset({"verified", "baking", "healthy", "promoted"})


class WaveBakeOperator(GatehouseOperator):
    """
    Bake a whole wave and decide whether the next may begin; run it whatever became of the wave's units.

    Evidence counts from each camera's own change on. A few bad cameras are set aside if the policy lets
    them, those of an office given up among them; without data the wave pauses, until data or a person
    decides. What a person promotes unseen isn't healthy. A wave in which nothing changed bakes no time, and
    neither does one whose plan proves nothing.

    :param wave: name of the wave.
    :param units: what the wave's begin returned. (templated)
    :param deferrable: whether the wait is handed to the triggerer.
    """

    template_fields: Sequence[str] = ("units",)

    def __init__(self, *, wave: str, units: Any, deferrable: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wave = wave
        self.units = units
        self.deferrable = deferrable

    def execute(self, context: Context) -> dict[str, Any]:
        """Start the bake, and wait for its end."""
        rollout_id = context["run_id"]
        cameras = self._cameras(rollout_id)
        with self.ledger.begin() as connection:
            plan = stored_plan(connection, rollout_id)
        if not plan.proves_path:
            return self._prepared(rollout_id, plan, [*cameras, *self._given_up(rollout_id)])
        self._start(rollout_id, plan, cameras)
        gate = plan.judgement.gate
        trigger = WaveBakeTrigger(
            rollout_id=rollout_id,
            wave=self.wave,
            cameras=cameras,
            sample_every_seconds=gate.sample_every_seconds,
            aws_conn_id=self.aws_conn_id,
            ledger_conn_id=self.ledger_conn_id,
        )
        hook = trigger.hook()
        look = trigger.look(hook)
        if look.do == "wait" and self.deferrable:
            self.log.info("Wave %s bakes: %s", self.wave, look.reason)
            self.defer(trigger=trigger, method_name="baked")
        while look.do == "wait":
            time.sleep(gate.sample_every_seconds)
            look = trigger.look(hook)
        return self.baked(context, look.to_json())

    def baked(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Record how the wave ended, and fail if the next may not begin."""
        rollout_id, bad, unseen = context["run_id"], event["bad"], event["unseen"]
        cameras = [*self._cameras(rollout_id), *self._given_up(rollout_id)]
        passed = event["do"] == "go"
        steps = self._steps(cameras, rollout_id, bad, unseen, passed=passed)
        with final_errors(), self.ledger.begin() as connection:
            for office, rows in steps.items():
                set_camera_phase(connection, rollout_id, office, rows, now())
            set_wave_phase(
                connection,
                rollout_id,
                self.wave,
                "Healthy" if passed and not bad and not unseen else "Degraded",
                now(),
                detail=event["reason"],
                passed=passed,
                ended=True,
            )
        if not passed:
            msg = f"Wave '{self.wave}' doesn't pass: {event['reason']}"
            raise AirflowFailException(msg)
        self.log.info("Wave %s passes: %s", self.wave, event["reason"])
        return {"passed": self.wave, "set_aside": sorted(bad)}

    def _prepared(self, rollout_id: str, plan: StoredPlan, cameras: Sequence[str]) -> dict[str, Any]:
        """Let a wave pass whose cameras are prepared, but for a few; it isn't Healthy, nothing was seen."""
        with self.ledger.begin() as connection:
            steps = camera_phases(connection, rollout_id)
        found = {camera_id: steps.get(camera_id, ("", "planned", "")) for camera_id in cameras}
        bad = {camera_id: why or step for camera_id, (_, step, why) in found.items() if step != "prepared"}
        reason = too_many(len(bad), len(cameras), len(cameras), plan.judgement.tolerance)
        detail = reason or f"{len(cameras) - len(bad)} cameras are {PREPARED}"
        with final_errors(), self.ledger.begin() as connection:
            for office, ids in self._by_office(list(bad)).items():
                rows: list[tuple[str, CameraStep, str]] = [(one, "failed", bad[one]) for one in ids]
                set_camera_phase(connection, rollout_id, office, rows, now())
            phase: Phase = "Degraded" if bad else "Progressing"
            set_wave_phase(
                connection, rollout_id, self.wave, phase, now(), detail=detail, passed=not reason, ended=True
            )
        if reason:
            msg = f"Wave '{self.wave}' doesn't pass: {reason}"
            raise AirflowFailException(msg)
        self.log.warning("Wave %s: %s", self.wave, detail)
        return {"prepared": self.wave, "set_aside": sorted(bad)}

    def _cameras(self, rollout_id: str) -> list[str]:
        """Name the cameras that the wave took on; skips or fails where there are none."""
        with self.ledger.begin() as connection:
            plan = stored_plan(connection, rollout_id)
            state = next(wave for wave in waves_of(connection, rollout_id) if wave["name"] == self.wave)
        if plan.dry_run:
            msg = "A dry run bakes nothing"
            raise AirflowSkipException(msg)
        if not self.units:
            if state["passed"]:
                msg = f"Wave '{self.wave}' has no cameras"
                raise AirflowSkipException(msg)
            msg = f"Wave '{self.wave}' didn't begin: {state['detail'] or 'see its task begin'}"
            raise AirflowFailException(msg)
        units = [plan.unit(unit["office"], unit["wave"], unit["chunk"]) for unit in self.units]
        return [camera_id for unit in units for camera_id in unit.cameras]

    def _given_up(self, rollout_id: str) -> list[str]:
        """Name the cameras whose office couldn't be reached: they are bad, and weren't taken on."""
        with self.ledger.begin() as connection:
            return sorted(given_up_in(connection, rollout_id, self.wave))

    def _start(self, rollout_id: str, plan: StoredPlan, cameras: Sequence[str]) -> None:
        """Let the verified cameras bake; those that came to nothing count as failed."""
        at = now()
        with final_errors(), self.ledger.begin() as connection:
            seconds = plan.wave(self.wave).bake_seconds or plan.judgement.gate.bake_seconds
            if not changed_at(connection, rollout_id).keys() & set(cameras):
                seconds = 0
            phases = camera_phases(connection, rollout_id)
            lacking = unproved(connection, rollout_id) if plan.judgement.probe.enabled else ()
            for office, ids in self._by_office(cameras).items():
                rows = []
                for camera_id in ids:
                    _, step, detail = phases.get(camera_id, (office, "planned", ""))
                    rows.append((camera_id, *_first_step(step, detail, proved=camera_id not in lacking)))
                set_camera_phase(connection, rollout_id, office, rows, at)
            until = at + timedelta(seconds=seconds)
            set_wave_phase(connection, rollout_id, self.wave, "Progressing", at, bake_until=until)

    def _steps(
        self,
        cameras: Sequence[str],
        rollout_id: str,
        bad: Mapping[str, str],
        unseen: Mapping[str, str],
        *,
        passed: bool,
    ) -> dict[str, list[tuple[str, CameraStep, str]]]:
        """Return how each camera ends: healthy, promoted, set aside, or failed with its wave."""
        with self.ledger.begin() as connection:
            phases = camera_phases(connection, rollout_id)
        steps: dict[str, list[tuple[str, CameraStep, str]]] = {}
        for office, ids in self._by_office(cameras).items():
            good = [c for c in ids if c not in bad and phases.get(c, ("", "", ""))[1] == "baking"]
            steps[office] = [(c, "quarantined" if passed else "failed", bad[c]) for c in ids if c in bad]
            steps[office] += [(c, "healthy", "") for c in good if passed and c not in unseen]
            steps[office] += [(c, "promoted", unseen[c]) for c in good if passed and c in unseen]
        return steps

    def _by_office(self, cameras: Sequence[str]) -> dict[str, list[str]]:
        mine, company = set(cameras), self.reading.company
        found = {
            name: [camera.id for camera in office.cameras if camera.id in mine]
            for name, office in company.offices.items()
        }
        return {name: ids for name, ids in found.items() if ids}


def _first_step(step: str, detail: str, *, proved: bool) -> tuple[CameraStep, str]:
    """Return how a camera begins its bake: nothing goes live whose path no probe proved."""
    if step not in BAKES_FROM:
        return "failed", detail or f"it didn't get beyond {step}"
    if not proved:
        return "failed", "no probe proved its path. See its task probe, and run the rollout again"
    return "baking", ""
