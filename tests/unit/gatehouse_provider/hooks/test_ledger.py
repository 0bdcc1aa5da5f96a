"""What goes wrong in the ledger is told without naming anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

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
