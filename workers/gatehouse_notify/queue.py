"""Take alerts from a Region's SQS queue; a message goes only after its alert was delivered."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatehouse_notify.deliver import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

    from gatehouse_notify.deliver import Delivery
    from gatehouse_notify.metrics import Metrics

LOG = logging.getLogger(__name__)
WAIT_SECONDS = 10
VISIBLE_AFTER_SECONDS = 90
# All attempts of a channel together take less. A message that might be seen again before it is handled is
# left alone: its receives are counted, and at some number the queue's redrive policy takes it away.
ONE_TAKES_SECONDS = 60
# A failed message comes back this soon, doubling with each receive.
BACK_AFTER_SECONDS = 5
BACK_AT_MOST_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Queue:
    """Serve one queue by its name; `stopping` tells when to take nothing more, `clock` counts seconds."""

    sqs: SQSClient
    name: str
    delivery: Delivery
    metrics: Metrics
    stopping: Callable[[], bool]
    clock: Callable[[], float] = time.monotonic

    def serve(self) -> None:
        """Take one round of messages, waiting for the first, and deliver each."""
        url = self.sqs.get_queue_url(QueueName=self.name)["QueueUrl"]
        answer = self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=WAIT_SECONDS,
            VisibilityTimeout=VISIBLE_AFTER_SECONDS,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        begin_until = self.clock() + VISIBLE_AFTER_SECONDS - ONE_TAKES_SECONDS
        for message in answer.get("Messages", []):
            if self.stopping() or self.clock() > begin_until:
                return  # untouched messages come back by themselves
            self._handle(url, message)

    def _handle(self, url: str, message: MessageTypeDef) -> None:
        self.metrics.count("received")
        try:
            alert = unwrap(message["Body"])
        except ValueError as error:
            # It can't get better, so the queue's redrive policy takes it after some receives.
            LOG.error("Message %s is no alert: %s", message["MessageId"], error)  # noqa: TRY400
            self.metrics.count("malformed")
            outcome = Outcome.LATER
        else:
            outcome = self.delivery.deliver(alert)
        if outcome is Outcome.DONE:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        else:
            self._return(url, message)

    def _return(self, url: str, message: MessageTypeDef) -> None:
        receives = int(message.get("Attributes", {}).get("ApproximateReceiveCount", "1"))
        delay = min(BACK_AFTER_SECONDS * 2 ** min(receives - 1, 10), BACK_AT_MOST_SECONDS)
        self.sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=delay
        )


def unwrap(body: str) -> dict[str, Any]:
    """Return the alert in an SQS body: SNS's envelope, or the bare message under raw delivery.

    Raises ValueError for anything else.
    """
    alert = json.loads(body)
    if isinstance(alert, dict) and alert.get("Type") == "Notification":
        alert = json.loads(alert.get("Message", "null"))
    if not isinstance(alert, dict) or not {"alert_id", "channel"} <= alert.keys():
        msg = "it names no alert_id and channel"
        raise ValueError(msg)
    return alert
