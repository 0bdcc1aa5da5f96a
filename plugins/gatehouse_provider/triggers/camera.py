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
from sqlalchemy.exc import OperationalError

from gatehouse.exceptions import GatehouseError
from gatehouse.rollout.verify import (
    Evidence,
    Verdict,
    judge_analysis,
    judge_camera,
    judge_media,
    judge_processor,
)
from gatehouse_provider.hooks.base_aws import error_code
from gatehouse_provider.hooks.evidence import EvidenceHook
from gatehouse_provider.hooks.steering import SteeringHook
from gatehouse_provider.settings import AWS_CONNECTION, LEDGER_CONNECTION, OPENSEARCH_CONNECTION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from gatehouse.office.model import Engine


class CamerasTrigger(BaseTrigger):
    """Poll the evidence of several cameras until each has a verdict, or the rollout is called off.

    The office's lease is kept meanwhile. A pause doesn't end this wait: looking changes nothing.

    :param office: whose cameras these are.
    :param region: the office's Region.
    :param bucket: the Region's bucket.
    :param cameras: ids of the cameras to wait for.
    :param since: ISO time; only what is newer counts.
    :param until: ISO time after which waiting is failing. Absolute, so that a restarted triggerer
        doesn't wait anew.
    :param rollout_id: the waiting rollout.
    :param engine: what analyses the cameras.
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
        rollout_id: str,
        engine: Engine = "stream_processor",
        poll_seconds: float = 1.0,
        aws_conn_id: str | None = AWS_CONNECTION,
        opensearch_conn_id: str = OPENSEARCH_CONNECTION,
        ledger_conn_id: str = LEDGER_CONNECTION,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.office = office
        self.region = region
        self.bucket = bucket
        self.cameras = list(cameras)
        self.since = since
        self.until = until
        self.rollout_id = rollout_id
        self.engine = engine
        self.poll_seconds = poll_seconds
        self.aws_conn_id = aws_conn_id
        self.opensearch_conn_id = opensearch_conn_id
        self.ledger_conn_id = ledger_conn_id

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
            "rollout_id": self.rollout_id,
            "engine": self.engine,
            "poll_seconds": self.poll_seconds,
            "aws_conn_id": self.aws_conn_id,
            "opensearch_conn_id": self.opensearch_conn_id,
            "ledger_conn_id": self.ledger_conn_id,
        }

    def hook(self) -> EvidenceHook:
        """Build the hook that looks."""
        return EvidenceHook(
            self.office,
            self.region,
            self.bucket,
            self.cameras,
            self.engine,
            aws_conn_id=self.aws_conn_id,
            opensearch_conn_id=self.opensearch_conn_id,
        )

    def steering(self) -> SteeringHook:
        """Build the hook that asks what people want, and keeps the lease."""
        return SteeringHook(self.rollout_id, [self.office], self.ledger_conn_id)

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

    def called_off(self, steering: SteeringHook) -> str:
        """Keep the lease, and say why waiting makes no sense any more, or nothing."""
        try:
            steering.renew()
            return steering.called_off()
        except GatehouseError as error:
            return str(error)
        except OperationalError as error:
            self.log.warning("The ledger doesn't answer, and is asked again: %s", error)
            return ""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: `{"verdicts": [...]}`, an error if looking itself can't succeed, or stopped.

        A look that is throttled or finds a service away is repeated until time is up.
        """
        # Not at the top: every task start would pay for it, and only failures need it.
        from opensearchpy.exceptions import OpenSearchException

        hook = self.hook()
        steering = self.steering()
        # Connections may only be asked for from here; the looking then needs a thread, not this loop.
        await sync_to_async(hook.connect)()
        await sync_to_async(steering.connect)()
        while True:
            if stopped := await asyncio.to_thread(self.called_off, steering):
                yield TriggerEvent({"status": "stopped", "message": stopped})
                return
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
    """Trigger when what analyses each camera is RUNNING, or won't be."""

    collect = EvidenceHook.processors
    judge = judge_processor


class CameraAnalysedTrigger(CamerasTrigger):
    """Trigger when every camera's frames are seen analysed, whoever is in view, or won't be."""

    collect = EvidenceHook.whole_path
    judge = judge_analysis


class CameraVerifiedTrigger(CamerasTrigger):
    """Trigger when every camera's whole path is seen working, or won't be."""

    collect = EvidenceHook.whole_path
    judge = judge_camera
