"""Open Gatehouse's own database."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.exc import IntegrityError

from gatehouse.exceptions import LedgerError
from gatehouse_provider.settings import LEDGER_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


class LedgerHook(BaseHook):
    """Hand out short transactions on the ledger; queries live in `gatehouse.ledger`."""

    conn_name_attr = "ledger_conn_id"
    default_conn_name = LEDGER_CONNECTION

    def __init__(self, ledger_conn_id: str = LEDGER_CONNECTION) -> None:
        super().__init__()
        self.ledger_conn_id = ledger_conn_id

    @cached_property
    def engine(self) -> Engine:
        """Connect lazily; a task needs one connection at a time."""
        given = self.get_connection(self.ledger_conn_id)
        url = URL.create(
            "postgresql+psycopg",
            username=given.login,
            password=given.password,
            host=given.host,
            port=given.port,
            database=given.schema,
            query={key: str(value) for key, value in given.extra_dejson.items()},
        )
        # Errors quote a statement's parameters, employee ids among them, and end up in task logs.
        return create_engine(url, pool_size=1, max_overflow=2, pool_pre_ping=True, hide_parameters=True)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Run one transaction: committed at the end of the block, rolled back on an error.

        Never hold one open around an AWS call: write, call, write again. Raises LedgerError where a row
        breaks a constraint.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except IntegrityError as error:
            # `from None`: Postgres quotes the row, and with it whose it is.
            raise LedgerError(_broken(error)) from None


def _broken(error: IntegrityError) -> str:
    """Name what a row would break, and none of its values."""
    told = getattr(error.orig, "diag", None)
    table = getattr(told, "table_name", None) or "unknown"
    rule = getattr(told, "constraint_name", None) or getattr(told, "column_name", None) or "unnamed"
    kind = type(error.orig).__name__
    return (
        f"Table {table} of the ledger refuses a row ({kind}, {rule}); this transaction changed nothing. "
        "Check that the ledger is migrated to this version and run again"
    )
