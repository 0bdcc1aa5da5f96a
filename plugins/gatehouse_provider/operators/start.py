"""Start what analyses a unit's cameras, once media flows, and hand over between engines."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from gatehouse.ingest.instant import moment
from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.ledger.calls import changed_at, mark_changed
from gatehouse.office import naming
from gatehouse.office.documents import snapshot_with_streams
from gatehouse.rollout.handover import in_force_since, is_known_in_time, switch_ms
from gatehouse.rollout.plan import RUNS
from gatehouse.rollout.verify import Verdict
from gatehouse_provider.hooks.handover import HandoverHook
from gatehouse_provider.operators.base import now
from gatehouse_provider.operators.unit import UnitOperator, failures
from gatehouse_provider.triggers.camera import CameraMediaTrigger, CameraRunningTrigger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from gatehouse.rollout.phases import CameraStep
    from gatehouse_provider.hooks.office import OfficeHook

SILENT = (
    "its new engine runs, but wrote no record in time; the former one stays in force. See the role of the "
    "processor or the report of the frame-search worker, and run the rollout again"
)


class OfficeStartOperator(UnitOperator):
    """
    Start a unit's processors once media flows, and wait until what analyses it runs.

    A camera without media is recorded as failed and holds up no other. Where the engine changes, the new
    one writes records before ingest accepts them, from a recorded producer time on; the old one's later
    records are dropped. Where the plan proves nothing, media isn't waited for, and the engine in force stays.

    :param provisioned: what the unit's provision step returned. (templated)
    """

    template_fields: Sequence[str] = ("unit", "provisioned")

    def __init__(self, *, provisioned: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.provisioned = provisioned

    def perform(self, context: Context) -> dict[str, Any]:
        """Wait for media."""
        self.lease(context["run_id"])
        plan = self.plan(context["run_id"])
        cameras, since = self.cameras(plan), self.provisioned["since"]
        if not plan.proves_path:
            return self._prepare(context, cameras, since)
        timeout = self.reading.company.rollout.timeouts_seconds.verified
        trigger = self.trigger(CameraMediaTrigger, context, cameras, since, timeout)
        return self._start(context, self.wait(trigger, "media_judged", since=since), since)

    def _prepare(self, context: Context, cameras: Sequence[str], since: str) -> dict[str, Any]:
        """Start what needs no media to be started; a frame-search worker is told already."""
        if self.desired.engine == "frame_search":
            return {"cameras": list(cameras), "since": since}
        return self._start(context, [Verdict(camera_id, "verified", "") for camera_id in cameras], since)

    def media_judged(self, context: Context, event: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        """Go on after the triggerer waited for media."""
        self.lease(context["run_id"])
        return self._start(context, self.verdicts(event), state["since"])

    def processors_judged(
        self, context: Context, event: dict[str, Any], state: dict[str, Any]
    ) -> dict[str, Any]:
        """Go on after the triggerer waited for the processors."""
        self.lease(context["run_id"])
        return self._finish(context, self.verdicts(event), state["since"])

    def _start(self, context: Context, verdicts: list[Verdict], since: str) -> dict[str, Any]:
        rollout_id = context["run_id"]
        flowing = [verdict.camera_id for verdict in verdicts if verdict.outcome == "verified"]
        self.record(rollout_id, failures(verdicts))
        if not flowing:
            return {"cameras": [], "since": since}
        self.record(rollout_id, {camera_id: ("starting", "") for camera_id in flowing})
        if self.desired.engine == "stream_processor":
            self._start_processors(context, flowing)
            since = self._since_last_change(rollout_id, flowing, since)
        timeout = self.reading.company.rollout.timeouts_seconds.processor_running
        trigger = self.trigger(CameraRunningTrigger, context, flowing, since, timeout)
        return self._finish(context, self.wait(trigger, "processors_judged", since=since), since)

    def _start_processors(self, context: Context, cameras: Sequence[str]) -> None:
        """Start those that don't run; a camera is marked before its call, as a killed task can't after it."""
        rollout_id = context["run_id"]
        rekognition = self.hook(rollout_id).rekognition
        statuses = rekognition.processor_statuses()
        idle = [
            camera_id for camera_id in cameras if statuses.get(naming.stream_processor(camera_id)) not in RUNS
        ]
        for camera_id in idle:
            name = naming.stream_processor(camera_id)
            with self.calling(context, "start_processor", name, camera_id):
                with self.ledger.begin() as connection:
                    mark_changed(connection, rollout_id, [camera_id], now())
                rekognition.start_processor(name)
        self.log.info("Started %d of %d processors, the others run already", len(idle), len(cameras))

    def _since_last_change(self, rollout_id: str, cameras: Sequence[str], since: str) -> str:
        """Return since when evidence counts: it must be newer than the change that it shall prove."""
        with self.ledger.begin() as connection:
            changed = changed_at(connection, rollout_id)
        mine = [changed[camera_id] for camera_id in cameras if camera_id in changed]
        return max([datetime.fromisoformat(since), *mine]).isoformat()

    def _finish(self, context: Context, verdicts: list[Verdict], since: str) -> dict[str, Any]:
        running = [verdict.camera_id for verdict in verdicts if verdict.outcome == "verified"]
        phases: dict[str, tuple[CameraStep, str]] = {camera_id: ("running", "") for camera_id in running}
        self.record(context["run_id"], phases | failures(verdicts))
        if not self.plan(context["run_id"]).proves_path:
            return {"cameras": running, "since": since}
        return self._hand_over(context, running, since)

    def _hand_over(self, context: Context, running: Sequence[str], since: str) -> dict[str, Any]:
        """Put the new engine in force where another one is; return the cameras to verify, and since when."""
        hook = self.hook(context["run_id"])
        arns = hook.video_arns(running)
        snapshot, _ = hook.documents.read(self.desired.bucket, naming.SNAPSHOT_KEY, IngestSnapshot)
        others = self._of_other_engine(snapshot, arns)
        silent = self._silent(context, hook, others, since)
        if changing := {camera_id: arns[camera_id] for camera_id in others if camera_id not in silent}:
            snapshot = self._switch(context, hook, changing)
        heard = [camera_id for camera_id in running if camera_id not in silent]
        return {"cameras": heard, "since": self._counts_since(context["run_id"], snapshot, arns, since)}

    def _of_other_engine(self, snapshot: IngestSnapshot | None, arns: Mapping[str, str]) -> list[str]:
        known = snapshot.streams if snapshot else {}
        return [
            camera_id
            for camera_id, arn in arns.items()
            if arn in known and known[arn].engine != self.desired.engine
        ]

    def _silent(self, context: Context, hook: OfficeHook, others: Sequence[str], since: str) -> list[str]:
        """Wait for the new engine's records, and record as failed the cameras of which none came."""
        if not others:
            return []
        timeout = self.reading.company.rollout.timeouts_seconds.processor_running
        handover = HandoverHook(hook, timeout, self.poll_seconds, partial(self.heed, context))
        silent = handover.silent(others, datetime.fromisoformat(since))
        self.record(context["run_id"], {camera_id: ("failed", SILENT) for camera_id in silent})
        return silent

    def _counts_since(
        self, rollout_id: str, snapshot: IngestSnapshot | None, arns: Mapping[str, str], since: str
    ) -> str:
        """Return since when evidence counts: not before the switch, also if a killed task published it."""
        earliest = datetime.fromisoformat(since)
        switched = in_force_since(snapshot, arns, self.desired.engine) if snapshot else {}
        later = {camera_id: moment(ms) for camera_id, ms in switched.items() if moment(ms) > earliest}
        with self.ledger.begin() as connection:
            for camera_id, at in later.items():
                mark_changed(connection, rollout_id, [camera_id], at)
        return max([earliest, *later.values()]).isoformat()

    def _switch(self, context: Context, hook: OfficeHook, cameras: Mapping[str, str]) -> IngestSnapshot:
        """Publish from when on cameras (id → video stream ARN) have the new engine, all in one change.

        The time is chosen when nothing is waited for any more, and anew if somebody else publishes first.
        """
        company = self.reading.company
        office = company.office(self.office)
        with ExitStack() as calls:
            for camera_id in sorted(cameras):
                # The resource is the snapshot: that is where a camera's engine is written.
                call = self.calling(context, "switch_engine", naming.SNAPSHOT_KEY, camera_id)
                calls.enter_context(call)
            snapshot = hook.documents.change(
                self.desired.bucket,
                naming.SNAPSHOT_KEY,
                IngestSnapshot,
                lambda stored: snapshot_with_streams(
                    stored, office, cameras, company.rules, switch_ms(now())
                ),
            )
        published, since = now(), in_force_since(snapshot, cameras, self.desired.engine)
        for camera_id, ms in since.items():
            self.log.info("%s is %s from %s on", camera_id, self.desired.engine, moment(ms).isoformat())
        if not all(is_known_in_time(ms, published) for ms in since.values()):
            self.log.warning("It was published late: frames around it may count twice, or not at all")
        return snapshot
