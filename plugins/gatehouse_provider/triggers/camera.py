"""Wait until the cameras of an office do what they shall, or can't any more."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.utils.waiter_with_logging import RETRIABLE_ERROR_CODES
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async
from botocore.exceptions import BotoCoreError, ClientError

from gatehouse.rollout.verify import Evidence, Verdict, judge_camera, judge_media, judge_processor
from gatehouse_provider.hooks.base_aws import error_code
from gatehouse_provider.hooks.evidence import EvidenceHook
from gatehouse_provider.settings import AWS_CONNECTION, OPENSEARCH_CONNECTION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence


class CamerasTrigger(BaseTrigger):
    """Poll the evidence of several cameras until each has a verdict.

    :param office: whose cameras these are.
    :param region: the office's Region.
    :param bucket: the Region's bucket.
    :param cameras: ids of the cameras to wait for.
    :param since: ISO time; only what is newer counts.
    :param until: ISO time after which waiting is failing. Absolute, so that a restarted triggerer
        doesn't wait anew.
    :param poll_seconds: seconds between looks.
    """

    collect: ClassVar[Callable[[EvidenceHook, datetime], dict[str, Evidence]]]
    judge: ClassVar[Callable[..., Verdict]]

    def __init__(
        self,
        *,
        office: str,
        region: str,
        bucket: str,
        cameras: Sequence[str],
        since: str,
        until: str,
        poll_seconds: float = 1.0,
        aws_conn_id: str | None = AWS_CONNECTION,
        opensearch_conn_id: str = OPENSEARCH_CONNECTION,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.office = office
        self.region = region
        self.bucket = bucket
        self.cameras = list(cameras)
        self.since = since
        self.until = until
        self.poll_seconds = poll_seconds
        self.aws_conn_id = aws_conn_id
        self.opensearch_conn_id = opensearch_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return classpath and arguments, from which a triggerer builds this trigger again."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {
            "office": self.office,
            "region": self.region,
            "bucket": self.bucket,
            "cameras": self.cameras,
            "since": self.since,
            "until": self.until,
            "poll_seconds": self.poll_seconds,
            "aws_conn_id": self.aws_conn_id,
            "opensearch_conn_id": self.opensearch_conn_id,
        }

    def hook(self) -> EvidenceHook:
        """Build the hook that looks."""
        return EvidenceHook(
            self.office,
            self.region,
            self.bucket,
            self.cameras,
            aws_conn_id=self.aws_conn_id,
            opensearch_conn_id=self.opensearch_conn_id,
        )

    @property
    def overdue(self) -> bool:
        """Tell whether time is up."""
        return datetime.now(UTC) >= datetime.fromisoformat(self.until)

    def look(self, hook: EvidenceHook) -> list[Verdict]:
        """Look once, at every camera."""
        overdue = self.overdue
        evidence = type(self).collect(hook, datetime.fromisoformat(self.since))
        return [
            type(self).judge(camera_id, evidence[camera_id], overdue=overdue) for camera_id in self.cameras
        ]

    def try_look(self, hook: EvidenceHook) -> list[Verdict] | None:
        """Look once; None if that failed in a way that may be gone at the next look, before time is up."""
        try:
            return self.look(hook)
        except Exception as error:
            if self.overdue or not _passing(error):
                raise
            self.log.warning("Office %s: looking failed and is repeated: %s", self.office, error)
            return None

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: `{"verdicts": [...]}`, or an error if looking itself can't succeed.

        A look that is throttled or finds a service away is repeated until time is up.
        """
        # Not at the top: every task start would pay for it, and only failures need it.
        from opensearchpy.exceptions import OpenSearchException

        hook = self.hook()
        # Connections may only be asked for from here; the looking then needs a thread, not this loop.
        await sync_to_async(hook.connect)()
        while True:
            try:
                verdicts = await asyncio.to_thread(self.try_look, hook)
            except (BotoCoreError, ClientError, OpenSearchException) as error:
                yield TriggerEvent({"status": "error", "message": f"{type(error).__name__}: {error}"})
                return
            if verdicts is not None and all(verdict.done for verdict in verdicts):
                found = [asdict(verdict) for verdict in verdicts]
                yield TriggerEvent({"status": "success", "verdicts": found})
                return
            await asyncio.sleep(self.poll_seconds)


def _passing(error: Exception) -> bool:
    """Tell whether a failure may be gone at the next look."""
    if isinstance(error, ClientError):
        return error_code(error) in RETRIABLE_ERROR_CODES
    from opensearchpy.exceptions import OpenSearchException

    if not isinstance(error, (BotoCoreError, OpenSearchException)):
        return False
    # OpenSearch answers with a status; connections that fail have "N/A" or none.
    return getattr(error, "status_code", None) not in {400, 401, 403}


class CameraMediaTrigger(CamerasTrigger):
    """Trigger when every camera's fragments arrive, or won't."""

    collect = EvidenceHook.media
    judge = judge_media


class CameraRunningTrigger(CamerasTrigger):
    """Trigger when every camera's stream processor is RUNNING, or won't be."""

    collect = EvidenceHook.processors
    judge = judge_processor


class CameraVerifiedTrigger(CamerasTrigger):
    """Trigger when every camera's whole path is seen working, or won't be."""

    collect = EvidenceHook.whole_path
    judge = judge_camera
