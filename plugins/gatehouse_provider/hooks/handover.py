"""See how far two engines are while an office's cameras are handed over from one to the other."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

from gatehouse.exceptions import PlanError
from gatehouse.ingest.instant import moment
from gatehouse.office import naming
from gatehouse.office.frames import FramesCheckpoints, FramesDesired, FramesObserved
from gatehouse.rollout.answers import FRESH
from gatehouse.rollout.handover import newest_frame_ms, settled_ms
from gatehouse.rollout.plan import RUNS
from gatehouse_provider.hooks.decommission_drain import DrainHook
from gatehouse_provider.hooks.obedience import ObedienceHook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gatehouse_provider.hooks.office import OfficeHook

# How far a camera's clock may be ahead of ours: its frames may arrive before their own time.
CLOCKS_DIFFER = timedelta(minutes=1)


class HandoverHook(BaseHook):
    """Wait for the new engine before it is put in force, and for the former one before it is removed.

    :param office: reaches the office's resources; its engine is the new one.
    :param timeout_seconds: how long either may take.
    :param poll_seconds: seconds between two looks.
    :param heed: called between two looks; what it raises ends the wait.
    """

    def __init__(
        self,
        office: OfficeHook,
        timeout_seconds: float = 120,
        poll_seconds: float = 1,
        heed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.office = office
        self.timeout_seconds = timeout_seconds
        self.poll_seconds = poll_seconds
        self.heed = heed

    def silent(self, cameras: Iterable[str], since: datetime) -> list[str]:
        """Wait for a record of each camera by the new engine since a time; return those without one.

        That it runs says too little: a processor reads video from some moment after its start on.
        """

        def writing(left: list[str]) -> set[str]:
            if self.office.desired.engine == "frame_search":
                return self._recorded_by_worker(since)
            return {camera_id for camera_id in left if self._newest_ms(camera_id, since)}

        return self._wait(cameras, writing)

    def wait_until_passed(self, switched: Mapping[str, int]) -> None:
        """Wait until the former engine has recorded all before its camera's switch (camera id → ms).

        One that doesn't run any more isn't waited for. Raises PlanError if one is behind for too long.
        """

        def passed(left: list[str]) -> set[str]:
            if self.office.desired.engine == "stream_processor":
                return self._passed_by_worker({camera_id: switched[camera_id] for camera_id in left})
            return {camera_id for camera_id in left if self._processor_passed(camera_id, switched[camera_id])}

        if behind := self._wait(switched, passed):
            msg = (
                f"The former engine of {', '.join(behind)} hasn't analysed all frames before the switch "
                f"after {self.timeout_seconds:g} s; nothing of it was removed. See why it is behind, or "
                "stop it, and clear this task"
            )
            raise PlanError(msg)

    def wait_until_ingested(self, stream: str) -> None:
        """Wait until ingest has read what a former engine wrote to a data stream, and it writes no more."""
        if stream == naming.office_record_stream(self.office.desired.office):
            ObedienceHook(self.office).wait_for_worker()
        drain = DrainHook(self.office, timeout_seconds=self.timeout_seconds, heed=self.heed)
        drain.wait_until_drained(stream)

    def _wait(self, cameras: Iterable[str], done: Callable[[list[str]], set[str]]) -> list[str]:
        """Look until every camera is done or time is up, and return those that aren't."""
        left, give_up = set(cameras), time.monotonic() + self.timeout_seconds
        while left := left and left - done(sorted(left)):
            if time.monotonic() >= give_up:
                break
            self.heed()
            time.sleep(self.poll_seconds)
        return sorted(left)

    def _newest_ms(self, camera_id: str, since: datetime) -> int:
        """Return the newest frame among the records that a camera's processor wrote since a time, or 0."""
        stream, records = naming.record_stream(camera_id), self.office.records
        arn = self.office.video_arns([camera_id]).get(camera_id, "")
        shards = records.shards(stream)
        found = (newest_frame_ms(records.payloads(stream, shard, since), arn) for shard in shards)
        return max(found, default=0)

    def _recorded_by_worker(self, since: datetime) -> set[str]:
        report = self._report()
        if report is None or report.at < since:
            return set()
        return {camera.camera_id for camera in report.cameras if camera.records}

    def _processor_passed(self, camera_id: str, at_ms: int) -> bool:
        if self._newest_ms(camera_id, moment(at_ms) - CLOCKS_DIFFER) >= at_ms:
            return True
        found = self.office.rekognition.find_processor(naming.stream_processor(camera_id))
        if found is not None and found.status in RUNS:
            return False
        self.log.warning(
            "Camera %s: its former processor is at rest, and won't come to the switch", camera_id
        )
        return True

    def _passed_by_worker(self, switched: Mapping[str, int]) -> set[str]:
        """Go by the worker's checkpoints: before them everything is recorded, or dropped and counted."""
        report, told = self._report(), self._told()
        if report is None or datetime.now(UTC) - report.at > FRESH:
            self.log.warning("The frame-search worker is silent, and won't come to the switch")
            return set(switched)
        key = naming.frames_checkpoints_key(self.office.desired.office)
        kept, _ = self.office.documents.read(self.office.desired.bucket, key, FramesCheckpoints)
        return {
            camera_id
            for camera_id, at_ms in switched.items()
            if camera_id not in told or settled_ms(kept, camera_id, naming.video_stream(camera_id)) >= at_ms
        }

    def _report(self) -> FramesObserved | None:
        key = naming.frames_observed_key(self.office.desired.office)
        return self.office.documents.read(self.office.desired.bucket, key, FramesObserved)[0]

    def _told(self) -> frozenset[str]:
        key = naming.frames_desired_key(self.office.desired.office)
        told, _ = self.office.documents.read(self.office.desired.bucket, key, FramesDesired)
        return frozenset(camera.camera_id for camera in told.cameras) if told else frozenset()
