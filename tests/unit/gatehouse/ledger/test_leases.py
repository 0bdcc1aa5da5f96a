"""One office is leased by one run at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from gatehouse.exceptions import LedgerError
from gatehouse.ledger.leases import release_leases, renew_leases, take_lease

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TTL = timedelta(minutes=10)


def test_a_second_run_is_refused_and_told_who_holds_the_office(connection: Connection) -> None:
    take_lease(connection, "berlin", "run-1", NOON, TTL)
    with pytest.raises(LedgerError, match=r"Office berlin is leased by run run-1 until 2026-11-23 12:10:00"):
        take_lease(connection, "berlin", "run-2", NOON + timedelta(minutes=9), TTL)


def test_the_holder_renews_its_lease_by_taking_it_again(connection: Connection) -> None:
    take_lease(connection, "berlin", "run-1", NOON, TTL)
    take_lease(connection, "berlin", "run-1", NOON + timedelta(minutes=9), TTL)
    with pytest.raises(LedgerError):
        take_lease(connection, "berlin", "run-2", NOON + timedelta(minutes=11), TTL)


def test_an_expired_lease_passes_to_the_next_run(connection: Connection) -> None:
    take_lease(connection, "berlin", "run-1", NOON, TTL)
    take_lease(connection, "berlin", "run-2", NOON + TTL, TTL)
    with pytest.raises(LedgerError, match="run-2"):
        take_lease(connection, "berlin", "run-1", NOON + TTL, TTL)


def test_releasing_frees_the_runs_own_offices_only(connection: Connection) -> None:
    take_lease(connection, "berlin", "run-1", NOON, TTL)
    take_lease(connection, "tokyo", "run-2", NOON, TTL)
    assert release_leases(connection, "run-1") == ["berlin"]
    take_lease(connection, "berlin", "run-3", NOON, TTL)
    with pytest.raises(LedgerError):
        take_lease(connection, "tokyo", "run-3", NOON, TTL)


def test_a_long_wait_keeps_its_leases_by_renewing_them(connection: Connection) -> None:
    for office in ("berlin", "tokyo"):
        take_lease(connection, office, "run-1", NOON, TTL)
    # Late, but nobody took them.
    renew_leases(connection, ["berlin", "tokyo"], "run-1", NOON + 2 * TTL, TTL)
    with pytest.raises(LedgerError, match="leased by run run-1"):
        take_lease(connection, "berlin", "run-2", NOON + 2.5 * TTL, TTL)


def test_a_run_that_lost_an_office_is_told_which(connection: Connection) -> None:
    for office in ("berlin", "tokyo"):
        take_lease(connection, office, "run-1", NOON, TTL)
    take_lease(connection, "tokyo", "run-2", NOON + TTL, TTL)
    with pytest.raises(LedgerError, match="Run run-1 no longer holds oslo, tokyo: another run took over"):
        renew_leases(connection, ["berlin", "tokyo", "oslo"], "run-1", NOON + TTL, TTL)
