"""Send what a function couldn't process to a queue, a topic or a bucket."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from gatehouse_local.core.clients import Clients

log = logging.getLogger(__name__)


class DeliveryError(Exception):
    """Raise when a destination didn't take a message; `permanent` when asking again is useless."""

    def __init__(self, message: str, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent

    def __reduce__(self) -> tuple[object, ...]:
        return (DeliveryError, (str(self), self.permanent))


@dataclass(frozen=True, slots=True)
class Message:
    """One JSON text; `key` is where it goes in a bucket, `attributes` go beside it elsewhere."""

    body: str
    key: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


class Destinations:
    """Deliver to an ARN of SQS, SNS or S3 in the name of an account."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def deliver(self, account: str, region: str, arn: str, message: Message) -> None:
        """Send once; :raises DeliveryError: the destination refused or couldn't be reached."""
        send = {"sqs": self._to_queue, "sns": self._to_topic, "s3": self._to_bucket}.get(arn.split(":")[2])
        if send is None:
            raise DeliveryError(f"{arn} is no SQS queue, SNS topic or S3 bucket", permanent=True)
        try:
            send(account, region, arn, message)
        except ClientError as error:
            status = error.response["ResponseMetadata"].get("HTTPStatusCode", 500)
            throttled = "Throttl" in error.response["Error"]["Code"] or status == 429
            raise DeliveryError(f"{arn}: {error}", permanent=status < 500 and not throttled) from error
        except BotoCoreError as error:
            raise DeliveryError(f"{arn}: {error}", permanent=False) from error

    def _to_queue(self, account: str, region: str, arn: str, message: Message) -> None:
        *_, queue_region, owner, name = arn.split(":")
        sqs = self._clients.of("sqs", account, queue_region or region)
        url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=owner)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=message.body, MessageAttributes=_attributes(message))

    def _to_topic(self, account: str, region: str, arn: str, message: Message) -> None:
        sns = self._clients.of("sns", account, arn.split(":")[3] or region)
        sns.publish(TopicArn=arn, Message=message.body, MessageAttributes=_attributes(message))

    def _to_bucket(self, account: str, region: str, arn: str, message: Message) -> None:
        s3 = self._clients.of("s3", account, region)
        body = message.body.encode()
        s3.put_object(Bucket=arn.split(":")[5], Key=message.key, Body=body, ContentType="application/json")


def _attributes(message: Message) -> dict[str, dict[str, str]]:
    return {name: {"DataType": "String", "StringValue": value} for name, value in message.attributes}
