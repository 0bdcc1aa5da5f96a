"""Find out why a processor can't run: AWS's StatusMessages, from the fault table, IAM and the streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gatehouse_local.iam.evaluator import RoleUnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_local.core.clients import Clients
    from gatehouse_local.core.faults import Faults
    from gatehouse_local.core.store import Store
    from gatehouse_local.iam.evaluator import RoleEvaluator
    from gatehouse_local.processors.processor import Processor

# https://docs.aws.amazon.com/rekognition/latest/dg/streaming-video-troubleshooting.html
NO_ROLE = "Access denied to Role"
NO_VIDEO = "Access denied to Kinesis Video"
NO_DATA = "Access denied to Kinesis Data"
NO_COLLECTION = "Collection not found"
# Ours, where AWS would have no more to say either.
BROKEN = "Internal error"
VIDEO_ACTIONS = ("kinesisvideo:GetDataEndpoint", "kinesisvideo:GetMedia")
DATA_ACTIONS = ("kinesis:PutRecord", "kinesis:PutRecords")
PRINCIPAL = "rekognition.amazonaws.com"


def no_video_stream(processor: Processor) -> str:
    """Say that the video stream is gone or in another Region."""
    return f"Stream {processor.video_name} doesn't exist"


def no_data_stream(processor: Processor) -> str:
    """Say that the data stream is gone or in another Region."""
    account = processor.data_arn.split(":")[4]
    return f"Stream {processor.data_name} under account {account} not found"


class UndecidedError(Exception):
    """Raise where a condition could not be asked about."""


class Conditions:
    """Judge a processor's surroundings; every method returns a StatusMessage, or None if all is well.

    :raises UndecidedError: IAM or a stream's service didn't answer: ask again, change nothing
    """

    def __init__(self, roles: RoleEvaluator, faults: Faults, clients: Clients, store: Store) -> None:
        self._roles = roles
        self._faults = faults
        self._clients = clients
        self._collections = store.table("rekognition", "collection")

    def to_start(self, processor: Processor) -> str | None:
        """Check everything, once, at the start."""
        return self.to_go_on(processor) or self._streams(processor)

    def to_go_on(self, processor: Processor) -> str | None:
        """Check what can be taken away from a running processor without it noticing."""
        return self._fault(processor) or self._role(processor) or self._collection(processor)

    def without_role(self, processor: Processor) -> str | None:
        """Check what the local cloud itself knows; IAM is not asked, so nothing is undecided."""
        return self._fault(processor) or self._collection(processor)

    def _fault(self, processor: Processor) -> str | None:
        fault = self._faults.active("processor_failed", processor.region, processor.name, processor.account)
        return str(fault.get("message") or BROKEN) if fault else None

    def _role(self, processor: Processor) -> str | None:
        try:
            return self._refusal(processor)
        except RoleUnreadableError as error:
            raise UndecidedError(str(error)) from error

    def _refusal(self, processor: Processor) -> str | None:
        role = processor.role_arn
        origin = {"aws:SourceAccount": processor.account, "aws:SourceArn": processor.arn}
        if not self._roles.assume(role, PRINCIPAL, origin):
            return NO_ROLE
        if not all(self._roles.allows(role, action, processor.video_arn) for action in VIDEO_ACTIONS):
            return NO_VIDEO
        if not all(self._roles.allows(role, action, processor.data_arn) for action in DATA_ACTIONS):
            return NO_DATA
        return None

    def _collection(self, processor: Processor) -> str | None:
        where = (processor.account, processor.region, processor.collection)
        return None if self._collections.get(*where) else NO_COLLECTION

    def _streams(self, processor: Processor) -> str | None:
        video = self._clients.of("kinesisvideo", processor.account, processor.region)
        if not _exists(lambda: video.describe_stream(StreamARN=processor.video_arn)):
            return no_video_stream(processor)
        data = self._clients.of("kinesis", processor.account, processor.region)
        elsewhere = processor.data_arn.split(":")[3] != processor.region
        if elsewhere or not _exists(lambda: data.describe_stream_summary(StreamName=processor.data_name)):
            return no_data_stream(processor)
        return None


def _exists(describe: Callable[[], Any]) -> bool:
    try:
        describe()
    except ClientError as error:
        # Kinesis Video answers an ARN of another Region or account as invalid, not as missing.
        if error.response["Error"]["Code"] in ("ResourceNotFoundException", "InvalidArgumentException"):
            return False
        raise UndecidedError(str(error)) from error
    except BotoCoreError as error:
        raise UndecidedError(str(error)) from error
    return True
