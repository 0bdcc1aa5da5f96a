"""Offices that a wave couldn't reach are remembered once for each wave, however often it begins."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from gatehouse.ledger.rollouts import record_plan
from gatehouse.ledger.unreached import Unreached, given_up_in, record_unreached, times_put_off

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BERLIN = Unreached("berlin", ("CAM_1", "CAM_2"), given_up=True, reason="silent")
TOKYO = Unreached("tokyo", ("CAM_3",), given_up=False, reason="silent")


@pytest.fixture
def planned(connection: Connection) -> Connection:
    for run in ("run-1", "run-2"):
        record_plan(connection, run, {}, "abc", [("pilot", []), ("rest", [])], dry_run=False, at=NOON)
    return connection


def test_a_wave_knows_the_cameras_it_gave_up(planned: Connection) -> None:
    record_unreached(planned, "run-1", "pilot", [BERLIN, TOKYO], NOON)
    assert given_up_in(planned, "run-1", "pilot") == {"CAM_1", "CAM_2"}
    assert given_up_in(planned, "run-1", "rest") == set()
    assert given_up_in(planned, "run-2", "pilot") == set()


def test_a_wave_that_begins_again_replaces_what_it_found(planned: Connection) -> None:
    record_unreached(planned, "run-1", "pilot", [BERLIN, TOKYO], NOON)
    record_unreached(planned, "run-1", "rest", [BERLIN], NOON)
    record_unreached(planned, "run-1", "pilot", [], NOON)
    assert given_up_in(planned, "run-1", "pilot") == set()
    assert given_up_in(planned, "run-1", "rest") == {"CAM_1", "CAM_2"}


def test_an_office_is_put_off_once_a_wave_however_often_that_begins(planned: Connection) -> None:
    for _ in range(3):
        assert times_put_off(planned, "run-1", "pilot") == {}
        record_unreached(planned, "run-1", "pilot", [BERLIN, TOKYO], NOON)
    assert times_put_off(planned, "run-1", "rest") == {"tokyo": 1}
    record_unreached(planned, "run-1", "rest", [TOKYO], NOON)
    assert times_put_off(planned, "run-1", "requeued") == {"tokyo": 2}
    assert times_put_off(planned, "run-2", "requeued") == {}
