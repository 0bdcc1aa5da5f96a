"""Verify a unit: fragments arrive and are analysed; only new evidence counts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.ledger.rollouts import camera_phases
from gatehouse.office import naming
from gatehouse.rollout.handover import in_force_since
from gatehouse_provider.hooks.handover import HandoverHook
from gatehouse_provider.operators.stored_plan import PREPARED
from gatehouse_provider.operators.unit import UnitOperator, failures
from gatehouse_provider.triggers.camera import CameraAnalysedTrigger, CameraVerifiedTrigger

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from airflow.sdk import Context

    from gatehouse.rollout.phases import CameraStep
    from gatehouse.rollout.verify import Verdict
    from gatehouse_provider.hooks.office import OfficeHook
    from gatehouse_provider.operators.stored_plan import StoredPlan

WRITERS = frozenset({"remove_processor", "remove_analysis"})
PROVED = frozenset({"verified", "probing", "baking", "healthy"})


class OfficeVerifyOperator(UnitOperator):
    """
    Verify a unit, and then remove what its verified cameras' former engine needed.

    Frames analysed verify a camera, whoever is in view: its probe brings the faces if it was changed, and if
    it wasn't there is nothing else to prove. With probes off in the plan, somebody's face must be searchable.
    Where the plan proves nothing, the cameras that were started are prepared, and that is all that is said
    of them. Fails naming every camera of the unit that isn't verified, or prepared.

    :param started: what the unit's start step returned. (templated)
    """

    template_fields: Sequence[str] = ("unit", "started")

    def __init__(self, *, started: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.started = started

    def perform(self, context: Context) -> dict[str, Any]:
        """Wait for the evidence."""
        self.lease(context["run_id"])
        plan = self.plan(context["run_id"])
        if not plan.proves_path:
            return self._prepared(context["run_id"], plan)
        timeout = self.reading.company.rollout.timeouts_seconds.verified
        cameras, since = self.started["cameras"], self.started["since"]
        probed = plan.judgement.probe.enabled
        if not probed:
            self.log.warning("The plan has probes switched off: each camera needs somebody to walk past it")
        kind = CameraAnalysedTrigger if probed else CameraVerifiedTrigger
        trigger = self.trigger(kind, context, cameras, since, timeout)
        return self._finish(context, self.wait(trigger, "cameras_judged") if cameras else [])

    def _prepared(self, rollout_id: str, plan: StoredPlan) -> dict[str, Any]:
        """Record what was made and started as no more than that; the former engine keeps what it needs."""
        cameras = list(self.started["cameras"])
        self.record(rollout_id, {camera_id: ("prepared", PREPARED) for camera_id in cameras})
        self.log.warning("Office %s: %d cameras are %s", self.office, len(cameras), PREPARED)
        self._refuse_others(rollout_id, plan, cameras, "prepared")
        return {"prepared": cameras}

    def cameras_judged(
        self, context: Context, event: dict[str, Any], state: dict[str, Any]
    ) -> dict[str, Any]:
        """Go on after the triggerer waited for the evidence."""
        del state
        self.lease(context["run_id"])
        return self._finish(context, self.verdicts(event))

    def _finish(self, context: Context, verdicts: list[Verdict]) -> dict[str, Any]:
        rollout_id = context["run_id"]
        verified = {
            verdict.camera_id: verdict.reason for verdict in verdicts if verdict.outcome == "verified"
        }
        phases: dict[str, tuple[CameraStep, str]] = {
            camera_id: ("verified", reason) for camera_id, reason in verified.items()
        }
        self.record(rollout_id, phases | failures(verdicts))
        plan = self.plan(rollout_id)
        self._remove_former_engine(context, plan, list(verified))
        self._refuse_others(rollout_id, plan, verified, "verified")
        return {"verified": verified}

    def _refuse_others(
        self, rollout_id: str, plan: StoredPlan, good: Collection[str], what: CameraStep
    ) -> None:
        """Fail naming the unit's cameras that didn't come so far."""
        states = self._states(rollout_id)
        wrong = [
            "{} {}: {}".format(camera_id, *states.get(camera_id, ("planned", "nothing was done")))
            for camera_id in self.cameras(plan)
            if camera_id not in good
        ]
        if wrong:
            msg = f"Office {self.office}: {len(good)} cameras are {what}, these aren't.\n" + "\n".join(wrong)
            raise AirflowFailException(msg)

    def _states(self, rollout_id: str) -> dict[str, tuple[str, str]]:
        """Return step and detail of the office's cameras."""
        with self.ledger.begin() as connection:
            found = camera_phases(connection, rollout_id)
        return {
            camera_id: (step, detail)
            for camera_id, (office, step, detail) in found.items()
            if office == self.office
        }

    def _remove_former_engine(self, context: Context, plan: StoredPlan, verified: Sequence[str]) -> None:
        """Remove what the verified cameras' former engine needed, as planned; nobody else's.

        Not before it has recorded every frame that is still its own, and ingest has read the records.
        """
        planned, states = plan.offices[self.office], self._states(context["run_id"])
        proved = {camera_id for camera_id, (step, _) in states.items() if step in PROVED}
        last = proved >= set(self.desired.cameras) - set(planned.refused)
        leftovers = [action for action in planned.part(verified, last=last) if action.verb == "remove"]
        if not leftovers:
            return
        hook = self.hook(context["run_id"])
        timeout = self.reading.company.rollout.timeouts_seconds.verified
        handover = HandoverHook(hook, timeout, self.poll_seconds, partial(self.heed, context))
        handover.wait_until_passed(self._switched(hook, {action.camera_id for action in leftovers}))
        # What writes goes first, of all cameras: then ingest is through with most streams at the first look.
        for action in sorted(leftovers, key=lambda action: action.kind not in WRITERS):
            if action.kind == "remove_mapping":
                handover.wait_until_ingested(action.resource)
            with self.calling(context, action.kind, action.resource, action.camera_id):
                hook.carry_out(action)

    def _switched(self, hook: OfficeHook, cameras: Collection[str]) -> dict[str, int]:
        """Return from when on (producer ms) cameras have the new engine."""
        arns = hook.video_arns(camera_id for camera_id in cameras if camera_id)
        snapshot, _ = hook.documents.read(self.desired.bucket, naming.SNAPSHOT_KEY, IngestSnapshot)
        return in_force_since(snapshot, arns, self.desired.engine) if snapshot else {}
