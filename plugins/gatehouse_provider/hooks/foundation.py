"""Check that a Region has what the foundation step creates once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gatehouse_provider.hooks.base_aws import AdaptiveRetries, error_code, pages
from gatehouse_provider.settings import AWS_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gatehouse.office.model import RegionNames

# How the services say that something doesn't exist.
ABSENT = frozenset(
    {
        "404",
        "NoSuchBucket",
        "NoSuchEntity",
        "NotFound",
        "NotFoundException",
        "ResourceNotFoundException",
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
    }
)
_SWEEP: dict[str, Any] = {"PaginationConfig": {"PageSize": 100}}


class FoundationHook(AdaptiveRetries):
    """Look for bucket, topic, queue, function, roles and camera secrets of one Region; never create."""

    def __init__(self, region: str, account: str, aws_conn_id: str | None = AWS_CONNECTION) -> None:
        super().__init__(aws_conn_id=aws_conn_id, client_type="s3", region_name=region)
        self.region = region
        self.account = account

    def missing(self, names: RegionNames, *, home: bool = False) -> list[str]:
        """Name what the foundation of this Region lacks; empty if nothing."""
        topic, probe_topic, operations_topic = (
            f"arn:aws:sns:{self.region}:{self.account}:{name}"
            for name in (names.alert_topic, names.probe_topic, names.operations_topic)
        )
        checks: list[tuple[str, Callable[[], Any]]] = [
            (f"S3 bucket {names.bucket}", lambda: self._at("s3").head_bucket(Bucket=names.bucket)),
            (
                f"SNS topic {names.alert_topic}",
                lambda: self._at("sns").get_topic_attributes(TopicArn=topic),
            ),
            (
                f"SQS queue {names.notify_queue}",
                lambda: self._at("sqs").get_queue_url(QueueName=names.notify_queue),
            ),
            (
                f"SNS topic {names.probe_topic}",
                lambda: self._at("sns").get_topic_attributes(TopicArn=probe_topic),
            ),
            (
                f"SQS queue {names.probe_queue}",
                lambda: self._at("sqs").get_queue_url(QueueName=names.probe_queue),
            ),
            (
                f"Lambda function {names.ingest_function}",
                lambda: self._at("lambda").get_function(FunctionName=names.ingest_function),
            ),
            (
                f"IAM role {names.processor_role}",
                lambda: self._at("iam").get_role(RoleName=names.processor_role),
            ),
            (f"IAM role {names.ingest_role}", lambda: self._at("iam").get_role(RoleName=names.ingest_role)),
        ]
        if home:
            what = f"SNS topic {names.operations_topic}"
            checks.append((what, lambda: self._at("sns").get_topic_attributes(TopicArn=operations_topic)))
        return [what for what, look in checks if not _exists(look)]

    def missing_secrets(self, names: Iterable[str]) -> set[str]:
        """Return the secrets that Secrets Manager doesn't have in this Region; values aren't read.

        A list may be minutes old, so what it lacks is asked for by name.
        """
        client = self._at("secretsmanager")
        listed = {secret["Name"] for secret in pages(client, "list_secrets", "SecretList", **_SWEEP)}
        unlisted = set(names) - listed
        return {name for name in unlisted if not _exists(partial(client.describe_secret, SecretId=name))}

    def _at(self, service: str) -> Any:
        return self.client_of(service, self.conn_config.get_service_endpoint_url(service))


def _exists(look: Callable[[], Any]) -> bool:
    try:
        look()
    except ClientError as error:
        if error_code(error) in ABSENT:
            return False
        raise
    return True
