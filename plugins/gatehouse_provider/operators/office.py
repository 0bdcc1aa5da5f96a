"""Provision, start and verify one office: three tasks that may each be run again."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.ledger.leases import take_lease
from gatehouse.ledger.rollouts import camera_phases, load_plan, set_camera_phase, set_rollout_phase
from gatehouse.office import naming
from gatehouse.office.documents import edge_document, snapshot_with_streams
from gatehouse.office.edge import EdgeDesired
from gatehouse.rollout.plan import OfficePlan, check_still_fits, plan_office
from gatehouse.rollout.resources import DesiredOffice, desired_office
from gatehouse.rollout.verify import Verdict
from gatehouse_provider.hooks.documents import DocumentHook
from gatehouse_provider.hooks.office import OfficeHook
from gatehouse_provider.operators.base import LEASE_TTL, GatehouseOperator, final_errors, now
from gatehouse_provider.triggers.camera import (
    CameraMediaTrigger,
    CameraRunningTrigger,
    CamerasTrigger,
    CameraVerifiedTrigger,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow.sdk import Context

    from gatehouse.rollout.phases import CameraStep

# Waits shorter than this are cheaper in the worker than by way of the triggerer and back.
PATIENCE_SECONDS = 4.0
STREAM_KINDS = frozenset(
    {"create_collection", "create_video_stream", "change_retention", "create_record_stream"}
)


class OfficeOperator(GatehouseOperator):
    """
    Base of the steps of one office within a rollout.

    :param office: name of the office. (templated)
    :param deferrable: whether long waits are handed to the triggerer.
    :param poll_seconds: seconds between two looks while waiting.
    """

    template_fields: Sequence[str] = ("office",)

    def __init__(
        self,
        *,
        office: str,
        deferrable: bool = True,
        poll_seconds: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.office = office
        self.deferrable = deferrable
        self.poll_seconds = poll_seconds

    @cached_property
    def desired(self) -> DesiredOffice:
        """Derive what the office shall have."""
        return desired_office(self.reading.company, self.office)

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
        """Write cameras' phases to the ledger."""
        rows = [(camera_id, phase, detail) for camera_id, (phase, detail) in phases.items()]
        with self.ledger.begin() as connection:
            set_camera_phase(connection, rollout_id, self.office, rows, now())

    def trigger(
        self, kind: type[CamerasTrigger], cameras: Sequence[str], since: str, seconds: int
    ) -> CamerasTrigger:
        """Build a trigger that waits for these cameras."""
        return kind(
            office=self.office,
            region=self.desired.region,
            bucket=self.desired.bucket,
            cameras=cameras,
            since=since,
            until=(now() + timedelta(seconds=seconds)).isoformat(),
            poll_seconds=self.poll_seconds,
            aws_conn_id=self.aws_conn_id,
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
        """Read a trigger's event; raises if it couldn't look at all."""
        if event["status"] != "success":
            msg = f"Office {self.office}: waiting failed: {event['message']}. Run the rollout again"
            raise AirflowFailException(msg)
        return [Verdict(**verdict) for verdict in event["verdicts"]]


class OfficeProvisionOperator(OfficeOperator):
    """
    Bring an office's resources to the frozen plan, then tell ingest and the office's proxy.

    Re-reads live state first and refuses to act if it moved since planning.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Provision and return the cameras to start, and since when they can be judged."""
        rollout_id = context["run_id"]
        with self.ledger.begin() as connection:
            plan = load_plan(connection, rollout_id) or {"offices": {}, "refused": {}, "dry_run": False}
        if self.office in plan["refused"]:
            raise AirflowFailException(plan["refused"][self.office])
        if plan["dry_run"] or self.office not in plan["offices"]:
            msg = f"Office {self.office}: a dry run, or not chosen"
            raise AirflowSkipException(msg)
        self.lease(rollout_id)
        planned = OfficePlan.from_json(plan["offices"][self.office])
        cameras = [camera for camera in self.desired.cameras if camera not in planned.refused]
        hook = self.hook(rollout_id)
        with final_errors():
            live = plan_office(self.desired, hook.observe(), planned.refused)
            check_still_fits(planned, live)
        self.record(rollout_id, {camera_id: ("provisioning", "") for camera_id in cameras})
        with self.ledger.begin() as connection:
            set_rollout_phase(connection, rollout_id, "Progressing", now())
        self._act(hook, live, cameras)
        self._publish(hook, cameras)
        self.record(rollout_id, {camera_id: ("provisioned", "") for camera_id in cameras})
        return {"cameras": cameras, "changed": len(live.actions), "since": now().isoformat()}

    def _act(self, hook: OfficeHook, plan: OfficePlan, cameras: Sequence[str]) -> None:
        """Create all streams before waiting for any; what reads or feeds them comes after.

        Engines are switched by publishing, and the former one's resources go once the office is verified.
        """
        prepare = [action for action in plan.actions if action.verb not in {"switch", "remove"}]
        for action in prepare:
            if action.kind in STREAM_KINDS:
                hook.carry_out(action)
        timeout = self.reading.company.rollout.timeouts_seconds.stream_active
        hook.wait_until_streams_take_data(cameras, timeout)
        for action in prepare:
            if action.kind not in STREAM_KINDS:
                hook.carry_out(action)

    def _publish(self, hook: OfficeHook, cameras: Sequence[str]) -> None:
        """Let ingest know the streams before the proxy feeds them: unknown streams are failures."""
        company, bucket = self.reading.company, self.desired.bucket
        office, arns = company.office(self.office), hook.video_arns(cameras)
        documents = DocumentHook(aws_conn_id=self.aws_conn_id, region_name=self.desired.region)
        snapshot = documents.change(
            bucket,
            naming.SNAPSHOT_KEY,
            IngestSnapshot,
            lambda stored: snapshot_with_streams(stored, office, arns, company.rules),
        )
        edge = documents.change(
            bucket,
            naming.edge_desired_key(self.office),
            EdgeDesired,
            lambda stored: edge_document(stored, office, arns),
        )
        self.log.info("Ingest snapshot is version %d, edge document %d", snapshot.version, edge.version)


class OfficeStartOperator(OfficeOperator):
    """
    Start an office's processors once media flows, and wait until they run.

    A camera without media is recorded as failed and holds up no other.

    :param provisioned: what the office's provision step returned. (templated)
    """

    template_fields: Sequence[str] = ("office", "provisioned")

    def __init__(self, *, provisioned: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.provisioned = provisioned

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait for media."""
        self.lease(context["run_id"])
        since = self.provisioned["since"]
        timeout = self.reading.company.rollout.timeouts_seconds.verified
        trigger = self.trigger(CameraMediaTrigger, self.provisioned["cameras"], since, timeout)
        return self._start(context, self.wait(trigger, "media_judged", since=since), since)

    def media_judged(self, context: Context, event: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        """Go on after the triggerer waited for media."""
        self.lease(context["run_id"])
        return self._start(context, self.verdicts(event), state["since"])

    def processors_judged(
        self, context: Context, event: dict[str, Any], state: dict[str, Any]
    ) -> dict[str, Any]:
        """Go on after the triggerer waited for the processors."""
        return self._finish(context, self.verdicts(event), state["since"])

    def _start(self, context: Context, verdicts: list[Verdict], since: str) -> dict[str, Any]:
        rollout_id = context["run_id"]
        flowing = [verdict.camera_id for verdict in verdicts if verdict.outcome == "verified"]
        self.record(rollout_id, _failures(verdicts))
        if self.desired.engine != "stream_processor" or not flowing:
            return {"cameras": flowing, "since": since}
        self.record(rollout_id, {camera_id: ("starting", "") for camera_id in flowing})
        rekognition = self.hook(rollout_id).rekognition
        started = [
            name for name in map(naming.stream_processor, flowing) if rekognition.start_processor(name)
        ]
        self.log.info("Started %d of %d processors, the others run already", len(started), len(flowing))
        # Evidence must be newer than the change that it shall prove.
        since = now().isoformat() if started else since
        timeout = self.reading.company.rollout.timeouts_seconds.processor_running
        trigger = self.trigger(CameraRunningTrigger, flowing, since, timeout)
        return self._finish(context, self.wait(trigger, "processors_judged", since=since), since)

    def _finish(self, context: Context, verdicts: list[Verdict], since: str) -> dict[str, Any]:
        running = [verdict.camera_id for verdict in verdicts if verdict.outcome == "verified"]
        phases: dict[str, tuple[CameraStep, str]] = {camera_id: ("running", "") for camera_id in running}
        self.record(context["run_id"], phases | _failures(verdicts))
        return {"cameras": running, "since": since}


class OfficeVerifyOperator(OfficeOperator):
    """
    Verify an office: fragments arrive, are analysed, and become searchable; only new evidence counts.

    Fails naming every camera of the office that isn't verified.

    :param started: what the office's start step returned. (templated)
    """

    template_fields: Sequence[str] = ("office", "started")

    def __init__(self, *, started: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.started = started

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait for the evidence."""
        self.lease(context["run_id"])
        timeout = self.reading.company.rollout.timeouts_seconds.verified
        cameras, since = self.started["cameras"], self.started["since"]
        trigger = self.trigger(CameraVerifiedTrigger, cameras, since, timeout)
        return self._finish(context, self.wait(trigger, "cameras_judged") if cameras else [])

    def cameras_judged(
        self, context: Context, event: dict[str, Any], state: dict[str, Any]
    ) -> dict[str, Any]:
        """Go on after the triggerer waited for the evidence."""
        del state
        return self._finish(context, self.verdicts(event))

    def _finish(self, context: Context, verdicts: list[Verdict]) -> dict[str, Any]:
        rollout_id = context["run_id"]
        verified = {
            verdict.camera_id: verdict.reason for verdict in verdicts if verdict.outcome == "verified"
        }
        phases: dict[str, tuple[CameraStep, str]] = {
            camera_id: ("verified", reason) for camera_id, reason in verified.items()
        }
        self.record(rollout_id, phases | _failures(verdicts))
        with self.ledger.begin() as connection:
            states = camera_phases(connection, rollout_id)
            plan = load_plan(connection, rollout_id)
        wrong = [
            f"{camera_id} {phase}: {detail}"
            for camera_id, (office, phase, detail) in states.items()
            if office == self.office and phase != "verified"
        ]
        planned = OfficePlan.from_json(plan["offices"][self.office]) if plan else OfficePlan(self.office, ())
        self._remove_former_engine(rollout_id, planned, verified)
        refused = planned.refused
        wrong += [f"{camera_id} refused: {reason}" for camera_id, reason in refused.items()]
        if wrong:
            msg = f"Office {self.office} isn't verified; {len(verified)} cameras are.\n" + "\n".join(wrong)
            raise AirflowFailException(msg)
        return {"verified": verified}

    def _remove_former_engine(self, rollout_id: str, planned: OfficePlan, verified: Collection[str]) -> None:
        """Remove what the verified cameras' former engine needed, as planned; nobody else's."""
        last = set(verified) >= set(self.desired.cameras) - set(planned.refused)
        hook = self.hook(rollout_id)
        for action in planned.part(verified, last=last):
            if action.verb == "remove":
                hook.carry_out(action)


def _failures(verdicts: Sequence[Verdict]) -> dict[str, tuple[CameraStep, str]]:
    return {
        verdict.camera_id: ("failed", verdict.reason) for verdict in verdicts if verdict.outcome == "failed"
    }
