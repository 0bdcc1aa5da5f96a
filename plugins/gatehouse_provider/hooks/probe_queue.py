"""Take the alerts of probes out of a Region's probe queue."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.sqs import SqsHook

from gatehouse_provider.hooks.base_aws import AdaptiveRetries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# A look takes so many tens of messages at most; what is left is there at the next look.
ROUNDS = 20


class ProbeQueueHook(AdaptiveRetries, SqsHook):
    """Receive from one queue, which all rollouts of the Region share.

    A message is for whichever rollout ordered its probe, so it is handed over before it is deleted, whoever
    asked for it: one that is lost in between comes again.

    :param queue: the queue's name.
    """

    def __init__(self, queue: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.queue = queue

    @cached_property
    def url(self) -> str:
        """Return the queue's URL."""
        return str(self.client.get_queue_url(QueueName=self.queue)["QueueUrl"])

    def take(self, keep: Callable[[Mapping[str, int]], None]) -> None:
        """Hand over when alerts arrived, `{probe id: milliseconds}`, and delete their messages.

        The time is the queue's own, so that it is right however late somebody looks.
        """
        for _ in range(ROUNDS):
            answer = self.client.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["SentTimestamp"]
            )
            messages = answer.get("Messages", [])
            if not messages:
                return
            keep(self._arrivals(messages))
            entries = [
                {"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]}
                for at, message in enumerate(messages)
            ]
            self.client.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def _arrivals(self, messages: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        found: dict[str, int] = {}
        for message in messages:
            probe_id = probe_of(message["Body"])
            at_ms = int(message["Attributes"]["SentTimestamp"])
            if probe_id:
                found[probe_id] = min(at_ms, found.get(probe_id, at_ms))
            else:
                self.log.warning("Message %s of %s is no probe's", message["MessageId"], self.queue)
        return found


def probe_of(body: str) -> str:
    """Return the probe that a message's alert names, in SNS's envelope or bare; empty if it names none."""
    try:
        alert = json.loads(body)
        if isinstance(alert, dict) and alert.get("Type") == "Notification":
            alert = json.loads(alert.get("Message", "null"))
    except ValueError:
        return ""
    probe_id = alert.get("probe_id") if isinstance(alert, dict) else None
    return probe_id if isinstance(probe_id, str) else ""
