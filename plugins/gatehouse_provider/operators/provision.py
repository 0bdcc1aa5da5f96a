"""Provision a unit: bring its resources to the frozen plan, then tell ingest and the office's proxy."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.ledger.calls import changed_at, mark_changed, plan_calls, save_before
from gatehouse.ledger.rollouts import set_rollout_phase
from gatehouse.office import naming
from gatehouse.office.documents import edge_document, snapshot_with_streams
from gatehouse.office.edge import EdgeDesired
from gatehouse.rollout.pipeline import Do, Look, Pipeline, unfinished
from gatehouse.rollout.plan import check_still_fits, plan_office
from gatehouse_provider.operators.base import final_errors, now
from gatehouse_provider.operators.unit import UnitOperator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow.sdk import Context

    from gatehouse.rollout.action import Action
    from gatehouse.rollout.resources import ObservedOffice, What
    from gatehouse_provider.hooks.office import OfficeHook
    from gatehouse_provider.operators.stored_plan import StoredPlan

# Engines are switched when the new one runs, and the former one's resources go once that is proved.
LATER = frozenset({"switch", "remove"})


class OfficeProvisionOperator(UnitOperator):
    """
    Bring a unit's resources to the frozen plan, then tell ingest and the office's proxy.

    Re-reads live state first and refuses to act if it moved since planning; keeps what it found, so that
    a roll-back can restore it.
    """

    def perform(self, context: Context) -> dict[str, Any]:
        """Provision and return the cameras to start, and since when they can be judged."""
        rollout_id = context["run_id"]
        plan = self.plan(rollout_id)
        planned, cameras = plan.offices[self.office], self.cameras(plan)
        self.lease(rollout_id)
        self.mind(context)
        hook = self.hook(rollout_id)
        with final_errors():
            observed = hook.observe()
            live = plan_office(self.desired, observed, planned.refused)
            check_still_fits(planned, live)
        actions = live.part(cameras, last=False)
        self._remember(rollout_id, hook, observed, cameras, actions)
        first = [action for action in actions if action.verb not in LATER]
        streams = unfinished(self.desired, observed, cameras) if actions else []
        self._act(context, hook, self._pipeline(first, streams))
        switched = {action.camera_id for action in actions if action.verb == "switch"}
        self._publish(context, hook, cameras, [camera for camera in cameras if camera not in switched])
        self._mark_changed(rollout_id, cameras, actions)
        self.record(rollout_id, {camera_id: ("provisioned", "") for camera_id in cameras})
        return {"changed": len(actions), "since": self._since(rollout_id, plan, cameras).isoformat()}

    def _since(self, rollout_id: str, plan: StoredPlan, cameras: Sequence[str]) -> datetime:
        """Return from when evidence counts: of what wasn't changed, the gate's last window is as good."""
        with self.ledger.begin() as connection:
            changed = changed_at(connection, rollout_id).keys() & set(cameras)
        window = timedelta(seconds=plan.judgement.gate.window_seconds)
        return now() if changed else now() - window

    def _remember(
        self,
        rollout_id: str,
        hook: OfficeHook,
        observed: ObservedOffice,
        cameras: Sequence[str],
        actions: Sequence[Action],
    ) -> None:
        """Keep what there is before the first change, and what will be called."""
        before = hook.state(observed)
        calls = [(action.camera_id, action.kind, action.resource) for action in actions]
        with self.ledger.begin() as connection:
            save_before(connection, rollout_id, self.office, before, cameras, now())
            plan_calls(connection, rollout_id, self.office, calls, now())
            set_rollout_phase(connection, rollout_id, "Progressing", now())
        self._mark_changed(rollout_id, cameras, actions)
        self.record(rollout_id, {camera_id: ("provisioning", "") for camera_id in cameras})

    def _mark_changed(self, rollout_id: str, cameras: Sequence[str], actions: Sequence[Action]) -> None:
        """Let evidence count from now on: before acting too, because what is done isn't planned again."""
        touched = {action.camera_id for action in actions}
        changed = cameras if "" in touched else sorted(touched)
        with self.ledger.begin() as connection:
            mark_changed(connection, rollout_id, changed, now())

    def _pipeline(self, actions: Sequence[Action], streams: Sequence[tuple[What, str]]) -> Pipeline:
        """Order what is to be done, and the streams to wait for that an interrupted run made."""
        at_once = self.quotas.count("streams_creating", self.desired.region)
        timeout = self.reading.company.rollout.timeouts_seconds.stream_active
        pipeline = Pipeline(self.desired.engine, self.office, at_once, timeout)
        pipeline.begin(actions, streams, time.monotonic())
        return pipeline

    def _act(self, context: Context, hook: OfficeHook, pipeline: Pipeline) -> None:
        """Carry everything out, one call at a time: what takes its time at AWS is made side by side there."""
        while (step := pipeline.next(time.monotonic())) is not None:
            if isinstance(step, Do):
                self._carry_out(context, hook, step.action)
                pipeline.done(step.action, time.monotonic())
            elif isinstance(step, Look):
                active = hook.is_active(step.what, step.name)
                pipeline.seen(step.name, time.monotonic(), active=active)
            else:
                time.sleep(step.seconds)
            self._check_overdue(pipeline)

    def _check_overdue(self, pipeline: Pipeline) -> None:
        if late := pipeline.overdue(time.monotonic()):
            msg = (
                f"Office {self.office}: {', '.join(late)} should be ACTIVE within {pipeline.timeout:g} s, "
                "and takes no data yet. What was made stays; the task tries again, and finds it"
            )
            raise TimeoutError(msg)

    def _carry_out(self, context: Context, hook: OfficeHook, action: Action) -> None:
        with self.calling(context, action.kind, action.resource, action.camera_id):
            hook.carry_out(action)

    def _publish(
        self, context: Context, hook: OfficeHook, cameras: Sequence[str], unswitched: Sequence[str]
    ) -> None:
        """Let ingest know the streams before the proxy feeds them: unknown streams are failures.

        Cameras whose engine changes are known already, and stay with their old one for now.
        """
        company, bucket = self.reading.company, self.desired.bucket
        office, arns = company.office(self.office), hook.video_arns(cameras)
        mine = {camera_id: arns[camera_id] for camera_id in unswitched if camera_id in arns}
        edge_key = naming.edge_desired_key(self.office)
        with self.calling(context, "change_snapshot", naming.SNAPSHOT_KEY):
            snapshot = hook.documents.change(
                bucket,
                naming.SNAPSHOT_KEY,
                IngestSnapshot,
                lambda stored: snapshot_with_streams(stored, office, mine, company.rules),
            )
        with self.calling(context, "change_edge_document", edge_key):
            edge = hook.documents.change(
                bucket, edge_key, EdgeDesired, lambda stored: edge_document(stored, office, arns)
            )
        self.log.info("Ingest snapshot is version %d, edge document %d", snapshot.version, edge.version)
