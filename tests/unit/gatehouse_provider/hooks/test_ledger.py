"""What goes wrong in the ledger is told without naming anybody."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from gatehouse.exceptions import LedgerError
from gatehouse_provider.hooks.ledger import LedgerHook

if TYPE_CHECKING:
    from sqlalchemy import Connection


def test_an_error_does_not_quote_the_statements_parameters(ledger: Connection) -> None:
    del ledger
    query = text("SELECT 1 FROM nowhere WHERE employee_id = :who")
    with pytest.raises(ProgrammingError) as caught, LedgerHook().begin() as connection:
        connection.execute(query, {"who": "E4711"})
    assert "nowhere" in str(caught.value)
    assert "E4711" not in str(caught.value)


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("INSERT INTO person VALUES ('p1', :who, 'employee', NULL, '', now())", "NotNullViolation, status"),
        (
            "INSERT INTO hold VALUES ('h1', :who, 'a letter', now(), NULL)",
            "ForeignKeyViolation, fk_hold_person_id",
        ),
    ],
)
def test_a_broken_constraint_is_named_without_the_row(ledger: Connection, statement: str, rule: str) -> None:
    del ledger
    with pytest.raises(LedgerError) as caught, LedgerHook().begin() as connection:
        connection.execute(text(statement), {"who": "E4711"})
    assert rule in str(caught.value)
    assert "E4711" not in "".join(traceback.format_exception(caught.value))
