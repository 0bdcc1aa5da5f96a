"""Tell the people who run the cameras, on their topic, what the ledger remembers for them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.amazon.aws.hooks.sns import SnsHook
from airflow.providers.common.compat.sdk import conf
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gatehouse.ledger.operations import add_messages, claim_untold, give_back, note_told
from gatehouse_provider.hooks.base_aws import AdaptiveRetries
from gatehouse_provider.settings import AWS_CONNECTION

if TYPE_CHECKING:
    from airflow.sdk import Context

    from gatehouse.alerts.operations import Message
    from gatehouse.ledger.operations import Untold
    from gatehouse.office.model import Regions
    from gatehouse_provider.hooks.ledger import LedgerHook

# What isn't told now is told at the next look: nobody's work waits for it for minutes.
BRIEFLY = Config(retries={"mode": "standard", "max_attempts": 2}, connect_timeout=5, read_timeout=10)


class OperationsHook(AdaptiveRetries, SnsHook):
    """Publish to the company's operations topic, in the home Region; who subscribes is the company's.

    :param regions: name the topic.
    :param ledger: where messages wait until SNS took them.
    """

    def __init__(
        self, regions: Regions, ledger: LedgerHook, aws_conn_id: str | None = AWS_CONNECTION
    ) -> None:
        super().__init__(aws_conn_id=aws_conn_id, region_name=regions.home, config=BRIEFLY)  # type: ignore[no-untyped-call]
        self.topic_arn = regions.operations_topic_arn
        self.ledger = ledger

    def connect(self) -> None:
        """Resolve the connections now, in the caller's thread."""
        _ = self.conn_config, self.ledger.engine

    def tell(self, *messages: Message) -> str:
        """Tell these and whatever else waits to be told, the oldest first, each once.

        Returns why something still waits, empty if nothing does; the next call of anybody tries it again.
        """
        with self.ledger.begin() as connection:
            add_messages(connection, messages)
        while claimed := self._claim():
            refused = self._publish_all(claimed)
            if refused:
                return self._complain(refused)
        return ""

    def publish(self, subject: str, body: dict[str, Any]) -> None:
        """Publish one message: JSON for machines, its text for readers of e-mail.

        `kind` and `office` are attributes too, by which a subscription may filter.
        """
        readable = "\n\n".join(part for part in (body["text"], body["url"]) if part)
        attributes = {name: body[name] for name in ("kind", "office") if body[name]}
        self.client.publish(
            TopicArn=self.topic_arn,
            Subject=subject,
            MessageStructure="json",
            Message=json.dumps({"default": json.dumps(body), "email": readable}),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        )

    def _claim(self) -> list[Untold]:
        with self.ledger.begin() as connection:
            return claim_untold(connection, datetime.now(UTC))

    def _publish_all(self, claimed: list[Untold]) -> dict[str, str]:
        """Publish claimed messages and give back what SNS doesn't take; returns these (id → reason)."""
        refused: dict[str, str] = {}
        for message in claimed:
            try:
                self.publish(message.subject, message.body)
            except ClientError as error:
                refused[message.message_id] = str(error)
            except BotoCoreError as error:
                # No answer: the others would get none either.
                left = claimed[claimed.index(message) :]
                refused |= dict.fromkeys((each.message_id for each in left), str(error))
                break
            else:
                with self.ledger.begin() as connection:
                    note_told(connection, message.message_id, datetime.now(UTC))
        with self.ledger.begin() as connection:
            give_back(connection, refused)
        return refused

    def _complain(self, refused: dict[str, str]) -> str:
        first = next(iter(refused.values()))
        reason = (
            f"{len(refused)} messages to operators wait, as SNS didn't take them: {first}. "
            f"See that topic {self.topic_arn} exists and Airflow may publish there; the next run tells them"
        )
        self.log.error("%s", reason)
        return reason


def page_of(context: Context) -> str:
    """Return the address of a task's page; empty outside of Airflow."""
    task_instance = context.get("ti")
    return task_instance.log_url if task_instance else ""


def run_page(dag_id: str, run_id: str) -> str:
    """Return the address of a run's page, for those who have no task's context."""
    return f"{airflow_url()}/dags/{dag_id}/runs/{quote(run_id)}"


def airflow_url() -> str:
    """Return where people find this Airflow; its own fallback is that of Airflow's links."""
    return str(conf.get("api", "base_url", fallback="") or "http://localhost:8080").rstrip("/")
