"""Probe a unit: its changed cameras' own streams play a clip, and the way to its notification is proved."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from gatehouse.exceptions import PlanError
from gatehouse.ledger.people import enrolled_person
from gatehouse.office import naming
from gatehouse.rollout.probe import Verdict, in_time
from gatehouse.rollout.probe_attempts import MISSED
from gatehouse.rollout.probe_clip import why_silent
from gatehouse_provider.hooks.probe_orders import ProbeOrderHook
from gatehouse_provider.operators.base import final_errors, now
from gatehouse_provider.operators.probing import Probing
from gatehouse_provider.operators.unit import UnitOperator
from gatehouse_provider.triggers.probe import ProbesTrigger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from airflow.sdk import Context

    from gatehouse.ledger.probes import Probe
    from gatehouse.rollout.probe import ClipTruth
    from gatehouse.rollout.probe_attempts import Standing
    from gatehouse_provider.hooks.office import OfficeHook
    from gatehouse_provider.hooks.probe_orders import Clip

# With nothing to prove, or proved: the bake takes these on.
FINE = frozenset({"prepared", "verified", "baking", "healthy"})
# A record stream keeps its records for a day; an interval is known until no record of it can come any more.
RECORDS_KEPT_HOURS = 24


class OfficeProbeOperator(UnitOperator):
    """
    Prove the path of a unit's verified cameras that this rollout changed, from video to notification.

    All of them play the clip in one interval, which the ledger and ingest know before the office's proxy is
    told of it. An attempt that says nothing about its camera is repeated once; what a killed task left is
    waited for. Run it whatever became of the unit's other cameras: it fails naming all that may not go live.
    However it fails for good, by an abort as well, it leaves no order behind: no clip plays for nobody.
    """

    def perform(self, context: Context) -> dict[str, Any]:
        """Order what is due and wait for what is ordered, until nothing is."""
        rollout_id = context["run_id"]
        plan = self.plan(rollout_id)
        if not plan.judgement.probe.enabled:
            self.log.warning("The plan has probes switched off: cameras go live without this proof")
            return {"proved": []}
        cameras = self.cameras(plan)
        with self._calling_off(rollout_id):
            self.lease(rollout_id)
            return self._probe(context, cameras, plan.judgement.probe.clip)

    def _probe(self, context: Context, cameras: Sequence[str], clip_key: str) -> dict[str, Any]:
        rollout_id = context["run_id"]
        found = self._probing(rollout_id).standing(cameras)
        if not found.due and not found.running:
            return self._finish(context, cameras, found)
        hook = self.hook(rollout_id)
        clip, truth = self._clip(rollout_id, clip_key, ProbeOrderHook(hook), found)
        running = self._order(context, hook, clip, truth, found)
        if missed := [probe for probe in running if probe.state == "planned"]:
            return self._settled(context, {probe.probe_id: MISSED for probe in missed})
        return self._watch(context, running, truth) if running else self._finish(context, cameras, found)

    def probes_judged(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Go on after every probe was judged, or waiting was called off."""
        with self._calling_off(context["run_id"]):
            if event["status"] != "success":
                msg = f"Office {self.office}: {event['message']}"
                raise AirflowFailException(msg)
            self.lease(context["run_id"])
        found = {probe_id: Verdict(**verdict) for probe_id, verdict in event["verdicts"].items()}
        return self._settled(context, found)

    def go_on(self, context: Context, event: dict[str, Any]) -> Any:
        """Take the step up again after a pause, or fail if the rollout was called off."""
        with self._calling_off(context["run_id"]):
            return super().go_on(context, event)

    @contextmanager
    def _calling_off(self, rollout_id: str) -> Iterator[None]:
        """Take back what the unit's probes ordered if the block fails for good.

        It waits for nobody and needs no lease: only this rollout's own orders go.
        """
        try:
            yield
        except AirflowFailException as error:
            probing = self._probing(rollout_id)
            if tried := probing.tried(self.cameras(self.plan(rollout_id))):
                orders = ProbeOrderHook(self.hook(rollout_id))
                self._take_back(rollout_id, orders, orders.ordered() & tried)
                probing.call_off(tried, str(error))
            raise

    def _probing(self, rollout_id: str) -> Probing:
        return Probing(self.ledger, rollout_id, self.office)

    def _clip(
        self, rollout_id: str, key: str, orders: ProbeOrderHook, found: Standing
    ) -> tuple[Clip, ClipTruth]:
        """Read the clip and who is enrolled in it; without either no camera goes live."""
        probing = self._probing(rollout_id)
        try:
            clip = orders.read_clip(key)
            return clip, clip.file.truth(self._person(clip))
        except PlanError as error:
            waiting = [probe.camera_id for probe in probing.stored(found.running)]
            probing.refuse(dict.fromkeys([*found.due, *waiting], str(error)))
            raise AirflowFailException(str(error)) from error

    def _person(self, clip: Clip) -> str:
        """Return the ledger's id of the clip's enrolled person: nothing else knows HR's."""
        with self.ledger.begin() as connection:
            person_id = enrolled_person(connection, clip.file.enrolled.person_id, self.office)
        if person_id is None:
            msg = (
                f"The enrolled person of the probe's clip {clip.key} has no face in office {self.office}'s "
                "collection. No camera was probed. See that the roster has them there with consent, run "
                "hr_face_sync, and run the rollout again"
            )
            raise PlanError(msg)
        return person_id

    def _order(
        self, context: Context, hook: OfficeHook, clip: Clip, truth: ClipTruth, found: Standing
    ) -> list[Probe]:
        """Publish and order what is due, and return all that is running; what was missed is only planned.

        Nobody's pause comes between the choice of the interval and the order.
        """
        rollout_id = context["run_id"]
        probing, orders = self._probing(rollout_id), ProbeOrderHook(hook)
        arns = self._streams(hook, probing, found, clip)
        left = [probe for probe in probing.stored(found.running) if probe.state == "planned"]
        # A task that was killed just then may have ordered them.
        told = orders.ordered() if left else frozenset()
        probing.note_ordered(probe for probe in left if probe.probe_id in told)
        waiting = [probe for probe in left if probe.probe_id not in told]
        if arns or _in_time(waiting):
            allowance_ms = self.plan(rollout_id).judgement.probe.allowance_seconds * 1000
            with (
                self.calling(context, "order_snapshot", naming.SNAPSHOT_KEY),
                self.calling(context, "order_edge_document", orders.edge_key),
            ):
                planned = probing.plan(found, arns, truth.duration_ms, allowance_ms) if arns else []
                self._tell(probing, orders, clip, [*waiting, *planned])
        ids = {found.due[camera_id] for camera_id in arns}
        return probing.stored(ids.union(found.running))

    def _tell(self, probing: Probing, orders: ProbeOrderHook, clip: Clip, waiting: Iterable[Probe]) -> None:
        """Tell ingest of the intervals, then the proxy of those that are still in time."""
        early = _in_time(waiting)
        orders.publish(early)
        if given := _in_time(early):
            with final_errors():
                orders.order(given, clip)
            probing.note_ordered(given)

    def _streams(self, hook: OfficeHook, probing: Probing, found: Standing, clip: Clip) -> dict[str, str]:
        """Return the due cameras' streams (id → ARN); a camera that can't give every proof fails."""
        company = self.reading.company
        rules = {camera.id: camera.rules for camera in company.office(self.office).cameras}
        rate = company.rollout.frames_per_second if self.desired.engine == "frame_search" else None
        arns = hook.video_arns(found.due)
        refused = {camera_id: "its video stream is gone" for camera_id in found.due if camera_id not in arns}
        for camera_id in found.due:
            if why := why_silent(rules[camera_id], company.rules.rules, clip.file, rate):
                refused[camera_id] = why
        probing.refuse(refused)
        return {camera_id: arn for camera_id, arn in arns.items() if camera_id not in refused}

    def _watch(self, context: Context, running: Sequence[Probe], truth: ClipTruth) -> dict[str, Any]:
        """Wait for every verdict: the interval is yet to come, so it takes long."""
        trigger = ProbesTrigger(
            rollout_id=context["run_id"],
            office=self.office,
            probes=[probe.probe_id for probe in running],
            truth=asdict(truth),
            poll_seconds=self.poll_seconds,
            aws_conn_id=self.aws_conn_id,
            ledger_conn_id=self.ledger_conn_id,
        )
        self.log.info("%d cameras of office %s are probed", len(running), self.office)
        if self.deferrable:
            self.defer(trigger=trigger, method_name="probes_judged")
        hook = trigger.hook()
        while (event := trigger.look(hook)) is None:
            time.sleep(self.poll_seconds)
        return self.probes_judged(context, event)

    def _settled(self, context: Context, verdicts: dict[str, Verdict]) -> dict[str, Any]:
        """Record verdicts, and go on: some attempts may be repeated."""
        for probe_id, verdict in verdicts.items():
            self.log.info("Probe %s is %s: %s", probe_id, verdict.result, verdict.reason)
        self._probing(context["run_id"]).settle(verdicts)
        return self.perform(context)

    def _finish(self, context: Context, cameras: Sequence[str], found: Standing) -> dict[str, Any]:
        """Take the orders back, and fail unless every camera of the unit may go live."""
        self._clear(context, cameras)
        probing = self._probing(context["run_id"])
        steps = probing.steps(cameras)
        wrong = {camera_id: told for camera_id, told in steps.items() if told[0] not in FINE}
        if len(wrong) == len(steps) and not found.due and not probing.tried(cameras):
            msg = f"Office {self.office}: no camera of this unit is verified, so none was probed"
            raise AirflowSkipException(msg)
        if wrong:
            named = "\n".join(f"{camera_id} {step}: {why}" for camera_id, (step, why) in wrong.items())
            count = len(found.proved)
            msg = f"Office {self.office}: {count} cameras are proved, these may not go live.\n{named}"
            raise AirflowFailException(msg)
        return {"proved": sorted(found.proved)}

    def _clear(self, context: Context, cameras: Sequence[str]) -> None:
        """Take back what is ordered of these cameras, and let ingest forget what is long over."""
        orders = ProbeOrderHook(self.hook(context["run_id"]))
        ended = orders.orders_of(cameras)
        if not ended:
            return
        self._take_back(context["run_id"], orders, ended)
        kept = timedelta(hours=max(RECORDS_KEPT_HOURS, self.desired.retention_hours))
        with self.calling(context, "clear_snapshot", naming.SNAPSHOT_KEY):
            orders.forget(_milliseconds(now() - kept))

    def _take_back(self, rollout_id: str, orders: ProbeOrderHook, probes: frozenset[str]) -> None:
        """Take orders back whatever people want of the rollout: an abort must not leave clips to play."""
        if probes:
            with self.noting(rollout_id, "clear_edge_document", orders.edge_key):
                orders.take_back(probes)


def _in_time(probes: Iterable[Probe]) -> list[Probe]:
    at_ms = _milliseconds(now())
    return [probe for probe in probes if in_time(probe.start_ms, at_ms)]


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
