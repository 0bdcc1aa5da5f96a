"""Hand an alert to SNS, which is at least once: whoever listens goes by `alert_id`."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef

LOG = logging.getLogger(__name__)


class Publisher(Protocol):
    """Publish alert messages."""

    def publish(self, message: dict[str, Any]) -> bool:
        """Publish one message; False if it could not be (the notifier's sweep will)."""


class TopicPublisher:
    """Publish to an SNS topic, with what subscribers filter by as attributes.

    A probe's alert takes the same way to a topic of its own, which no person listens to.
    """

    def __init__(self, sns: SNSClient, topic_arn: str, probe_topic_arn: str = "") -> None:
        self._sns = sns
        self._topic_arn = topic_arn
        self._probe_topic_arn = probe_topic_arn

    def publish(self, message: dict[str, Any]) -> bool:
        """Publish one message; False if SNS refused it."""
        attributes: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": str(message[name])}
            for name in ("channel", "kind", "office")
        }
        topic_arn = self._probe_topic_arn if message["probe"] else self._topic_arn
        if not topic_arn:
            LOG.error(
                "Probe alert %s not published: set GATEHOUSE_PROBE_TOPIC_ARN, the foundation step does",
                message["alert_id"],
            )
            return False
        try:
            self._sns.publish(TopicArn=topic_arn, Message=json.dumps(message), MessageAttributes=attributes)
        except (ClientError, BotoCoreError) as error:
            LOG.error(  # noqa: TRY400 - the code says it all
                "Alert %s not published (%s); it stays pending and the notifier sends it",
                message["alert_id"],
                error,
            )
            return False
        return True
