"""Notify the people who run the cameras."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from airflow.sdk import BaseNotifier

from gatehouse.office.config import load_regions
from gatehouse_provider.hooks.ledger import LedgerHook
from gatehouse_provider.hooks.operations import OperationsHook
from gatehouse_provider.settings import AWS_CONNECTION, LEDGER_CONNECTION, config_dir

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from airflow.sdk import Context

    from gatehouse.alerts.operations import Message


class OperationsNotifier(BaseNotifier):
    """
    Tell the operations topic something of a task, once.

    The amazon provider's SnsNotifier publishes anew whenever a task is tried again, and fails the task
    that SNS doesn't answer. This one remembers the message in the ledger: a message of the same id is told
    once, and one that SNS doesn't take is told by whoever tells something next.

    :param message: builds the message from the task's context.
    :param aws_conn_id: the Airflow connection used for AWS credentials.
    :param ledger_conn_id: the Airflow connection of Gatehouse's own database.
    """

    def __init__(
        self,
        *,
        message: Callable[[Context], Message],
        aws_conn_id: str | None = AWS_CONNECTION,
        ledger_conn_id: str = LEDGER_CONNECTION,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.message = message
        self.aws_conn_id = aws_conn_id
        self.ledger_conn_id = ledger_conn_id

    @cached_property
    def hook(self) -> OperationsHook:
        """Reach the topic."""
        ledger = LedgerHook(self.ledger_conn_id)
        return OperationsHook(load_regions(config_dir()), ledger, self.aws_conn_id)

    def notify(self, context: Context) -> None:
        """Remember the message, and tell it."""
        self.hook.tell(self.message(context))
