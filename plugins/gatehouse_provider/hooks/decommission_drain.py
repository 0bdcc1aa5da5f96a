"""Wait until the records of a data stream are ingested."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import tenacity
from airflow.sdk import BaseHook

from gatehouse.exceptions import PlanError
from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.office import naming
from gatehouse.rollout.decommission_drain import last_frame, spans_to_look_at
from gatehouse_provider.settings import OPENSEARCH_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gatehouse.rollout.decommission_drain import LastFrame
    from gatehouse_provider.hooks.office import OfficeHook


class DrainHook(BaseHook):
    """Prove by each shard's last frame that ingest is through with a data stream.

    Call it when nothing writes there any more. An empty stream is drained; OpenSearch isn't asked then.

    :param office: reaches the office's resources.
    :param timeout_seconds: how long to wait for a stream.
    :param poll_seconds: seconds between two looks.
    :param heed: called before each look; what it raises ends the wait.
    """

    def __init__(
        self,
        office: OfficeHook,
        opensearch_conn_id: str = OPENSEARCH_CONNECTION,
        timeout_seconds: float = 300,
        poll_seconds: float = 2,
        heed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.office = office
        self.opensearch_conn_id = opensearch_conn_id
        self.timeout_seconds = timeout_seconds
        self.poll_seconds = poll_seconds
        self.heed = heed

    @cached_property
    def index(self) -> Any:
        """Reach OpenSearch."""
        # Not at the top: it brings a large client along that an empty stream doesn't need.
        from gatehouse_provider.hooks.detections import DetectionHook

        return DetectionHook(self.opensearch_conn_id).client

    def wait_until_drained(self, stream: str) -> None:
        """Wait; raises PlanError if a frame isn't counted in time, and nothing of the stream was removed."""
        arn = self.office.desired.data_stream_arn(stream)
        mapping = self.office.mappings.mappings(self.office.desired.ingest_function).get(arn)
        if mapping is None:
            return
        frames = self._last_frames(stream, arn, mapping.maximum_record_age_seconds)
        left = tenacity.Retrying(
            retry=tenacity.retry_if_result(bool),
            wait=tenacity.wait_fixed(self.poll_seconds),
            stop=tenacity.stop_after_delay(self.timeout_seconds),
            retry_error_callback=_last_result,
        )(partial(self._uncounted, frames))
        if left:
            cameras = ", ".join(sorted({frame.camera_id for frame in left}))
            msg = (
                f"Records in {stream} aren't ingested after {self.timeout_seconds:g} s ({cameras}); nothing "
                "they need was removed. See the log and failure destination of "
                f"{self.office.desired.ingest_function}, and clear this task; records older than their "
                "mapping allows aren't waited for"
            )
            raise PlanError(msg)

    def _last_frames(self, stream: str, arn: str, maximum_age_seconds: int) -> list[LastFrame]:
        bucket = self.office.desired.bucket
        snapshot, _ = self.office.documents.read(bucket, naming.SNAPSHOT_KEY, IngestSnapshot)
        if snapshot is None:
            return []
        now, found = datetime.now(UTC), []
        for shard in self.office.records.shards(stream):
            for back in spans_to_look_at(maximum_age_seconds):
                if frame := last_frame(
                    self.office.records.payloads(stream, shard, now - back), arn, snapshot
                ):
                    found.append(frame)
                    break
        return found

    def _uncounted(self, frames: Sequence[LastFrame]) -> list[LastFrame]:
        if not frames:
            return []
        self.heed()
        wanted = [{"_index": frame.index, "_id": frame.id} for frame in frames]
        found = self.index.mget(body={"docs": wanted})["docs"]
        left = [
            frame
            for frame, item in zip(frames, found, strict=True)
            if not frame.is_counted(item.get("_source"))
        ]
        self.log.info("%d of %d shards are drained", len(frames) - len(left), len(frames))
        return left


def _last_result(state: tenacity.RetryCallState) -> Any:
    return state.outcome.result() if state.outcome else None
