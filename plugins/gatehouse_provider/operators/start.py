"""Start what analyses a unit's cameras, once media flows, and hand over between engines."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.ledger.calls import mark_changed
from gatehouse.office import naming
from gatehouse.office.documents import snapshot_with_streams
from gatehouse.rollout.plan import RUNS
from gatehouse.rollout.verify import Verdict
from gatehouse_provider.operators.base import now
from gatehouse_provider.operators.unit import UnitOperator, failures
from gatehouse_provider.triggers.camera import CameraMediaTrigger, CameraRunningTrigger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from gatehouse.rollout.phases import CameraStep

# Ingest keeps its snapshot for 10 s: a new engine comes into force when every copy surely knows.
SWITCH_LEAD_SECONDS = 15


class OfficeStartOperator(UnitOperator):
    """
    Start a unit's processors once media flows, and wait until what analyses it runs.

    A camera without media is recorded as failed and holds up no other. Where the engine changes, the new
    one runs before ingest accepts its records, from a recorded producer time on; the old one's later
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
        if self.desired.engine == "stream_processor" and self._start_processors(context, flowing):
            # Evidence must be newer than the change that it shall prove.
            since = now().isoformat()
        timeout = self.reading.company.rollout.timeouts_seconds.processor_running
        trigger = self.trigger(CameraRunningTrigger, context, flowing, since, timeout)
        return self._finish(context, self.wait(trigger, "processors_judged", since=since), since)

    def _start_processors(self, context: Context, cameras: Sequence[str]) -> list[str]:
        """Start those that don't run, and return their cameras."""
        rollout_id = context["run_id"]
        rekognition = self.hook(rollout_id).rekognition
        statuses = rekognition.processor_statuses()
        idle = [
            camera_id for camera_id in cameras if statuses.get(naming.stream_processor(camera_id)) not in RUNS
        ]
        for camera_id in idle:
            name = naming.stream_processor(camera_id)
            with self.calling(context, "start_processor", name, camera_id):
                rekognition.start_processor(name)
        with self.ledger.begin() as connection:
            mark_changed(connection, rollout_id, idle, now())
        self.log.info("Started %d of %d processors, the others run already", len(idle), len(cameras))
        return idle

    def _finish(self, context: Context, verdicts: list[Verdict], since: str) -> dict[str, Any]:
        running = [verdict.camera_id for verdict in verdicts if verdict.outcome == "verified"]
        phases: dict[str, tuple[CameraStep, str]] = {camera_id: ("running", "") for camera_id in running}
        self.record(context["run_id"], phases | failures(verdicts))
        if self.plan(context["run_id"]).proves_path and (switched := self._switch(context, running)):
            since = switched
        return {"cameras": running, "since": since}

    def _switch(self, context: Context, running: Sequence[str]) -> str:
        """Put the new engine in force for the cameras that have another one; return from when, if any."""
        hook, company = self.hook(context["run_id"]), self.reading.company
        office, arns = company.office(self.office), hook.video_arns(running)
        snapshot, _ = hook.documents.read(self.desired.bucket, naming.SNAPSHOT_KEY, IngestSnapshot)
        known = snapshot.streams if snapshot else {}
        others = {
            camera_id: arn
            for camera_id, arn in arns.items()
            if arn in known and known[arn].engine != self.desired.engine
        }
        if not others:
            return ""
        at = datetime.fromtimestamp(math.ceil(now().timestamp()) + SWITCH_LEAD_SECONDS, UTC)
        from_ms = int(at.timestamp()) * 1000
        for camera_id, arn in sorted(others.items()):
            # The resource is the snapshot: that is where a camera's engine is written.
            with self.calling(context, "switch_engine", naming.SNAPSHOT_KEY, camera_id):
                hook.documents.change(
                    self.desired.bucket,
                    naming.SNAPSHOT_KEY,
                    IngestSnapshot,
                    lambda stored, mine={camera_id: arn}: snapshot_with_streams(  # type: ignore[misc]
                        stored, office, mine, company.rules, from_ms
                    ),
                )
        with self.ledger.begin() as connection:
            mark_changed(connection, context["run_id"], others, at)
        self.log.info("%d cameras are %s from %s on", len(others), self.desired.engine, at.isoformat())
        return at.isoformat()
