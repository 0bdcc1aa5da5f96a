"""Share what our operators need: configuration, ledger, clock, and errors that retrying can't cure."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from gatehouse.capacity.quotas import load_quotas
from gatehouse.exceptions import GatehouseError
from gatehouse.office.config import read_company
from gatehouse_provider.hooks.ledger import LedgerHook
from gatehouse_provider.settings import AWS_CONNECTION, LEDGER_CONNECTION, config_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatehouse.capacity.quotas import Quotas
    from gatehouse.office.config import Reading

LEASE_TTL = timedelta(minutes=15)


class GatehouseOperator(BaseOperator):
    """
    Base of operators that read the configuration and write the ledger.

    :param aws_conn_id: the Airflow connection used for AWS credentials.
    :param ledger_conn_id: the Airflow connection of Gatehouse's own database.
    """

    def __init__(
        self,
        *,
        aws_conn_id: str | None = AWS_CONNECTION,
        ledger_conn_id: str = LEDGER_CONNECTION,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.aws_conn_id = aws_conn_id
        self.ledger_conn_id = ledger_conn_id

    @cached_property
    def ledger(self) -> LedgerHook:
        """Reach the ledger."""
        return LedgerHook(self.ledger_conn_id)

    @cached_property
    def reading(self) -> Reading:
        """Read the configuration as it is now."""
        return read_company(config_dir())

    @cached_property
    def quotas(self) -> Quotas:
        """Read what each Region allows."""
        return load_quotas(config_dir())


def now() -> datetime:
    """Return the time; the domain never asks for it itself."""
    return datetime.now(UTC)


@contextmanager
def final_errors() -> Iterator[None]:
    """Turn our own errors into failures without retry: they say what a person has to do first."""
    try:
        yield
    except GatehouseError as error:
        raise AirflowFailException(str(error)) from error
