"""How a camera looks and what its day was worth is remembered once, however often a look is taken in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from gatehouse.ledger.health import add_looks, alarmed, days_between, health_of, save_days, save_health
from gatehouse.reconcile.alarms import Health
from gatehouse.reconcile.camera_day import LOOK, TOTALS, classify, tally
from gatehouse.reconcile.policy import Judge

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
DAY = date(2026, 11, 23)
BLIND = Health("CAM_1", "berlin", "blind", 2, "blind", NOON - QUARTER, NOON, "no media came")


def looks(faces: int, *cameras: str) -> pd.DataFrame:
    rows = [(camera, DAY, 15, 150, 0, 15, faces, faces) for camera in cameras]
    return tally(pd.DataFrame(rows, columns=LOOK))


def test_of_a_new_camera_nothing_was_said(connection: Connection) -> None:
    assert health_of(connection, {"CAM_1": "berlin"}) == {"CAM_1": Health("CAM_1", "berlin")}
    save_health(connection, [])
    assert alarmed(connection) == []


def test_a_cameras_health_is_kept_and_no_older_look_takes_its_place(connection: Connection) -> None:
    save_health(connection, [Health("CAM_2", "berlin"), BLIND])
    assert alarmed(connection) == [BLIND]
    save_health(connection, [replace(BLIND, alarmed="well", looked_at=NOON - QUARTER)])
    assert health_of(connection, {"CAM_1": "berlin"})["CAM_1"] == BLIND
    later = replace(BLIND, condition="well", looks=1, looked_at=NOON + QUARTER)
    save_health(connection, [later])
    assert health_of(connection, {"CAM_1": "berlin"})["CAM_1"] == later


def test_looks_add_up_to_a_day_and_the_same_look_counts_once(connection: Connection) -> None:
    assert add_looks(connection, "berlin", looks(3, "CAM_1", "CAM_2"), NOON, NOON + QUARTER) == 2
    assert add_looks(connection, "berlin", looks(3, "CAM_1", "CAM_2"), NOON, NOON + QUARTER) == 0
    assert add_looks(connection, "berlin", looks(4, "CAM_1"), NOON + QUARTER, NOON + 2 * QUARTER) == 1
    days = days_between(connection, ["CAM_1", "CAM_2"], DAY, DAY).set_index("camera_id")
    assert days["faces"].to_dict() == {"CAM_1": 7.0, "CAM_2": 3.0}
    assert days["known"].to_dict() == {"CAM_1": 30.0, "CAM_2": 15.0}
    # Nothing is known of a day until it is classed: that is no success.
    assert set(days["verdict"]) == {"blind"}


def test_a_classed_day_keeps_its_looks_and_takes_more(connection: Connection) -> None:
    add_looks(connection, "berlin", looks(3, "CAM_1"), NOON, NOON + QUARTER)
    index = pd.MultiIndex.from_tuples([("CAM_1", DAY), ("CAM_2", DAY)], names=["camera_id", "day"])
    expected = pd.DataFrame({"office": "berlin", "expected": 15.0}, index=index)
    totals = days_between(connection, ["CAM_1"], DAY, DAY).set_index(["camera_id", "day"])
    usual = pd.DataFrame(
        columns=["faces_per_hour", "matched"], index=pd.Index([], name="camera_id"), dtype=float
    )
    save_days(connection, classify(expected, totals, usual, Judge()))
    add_looks(connection, "berlin", looks(1, "CAM_1", "CAM_2"), NOON + QUARTER, NOON + 2 * QUARTER)
    days = days_between(connection, ["CAM_1", "CAM_2"], DAY, DAY).set_index("camera_id")
    assert days["verdict"].to_dict() == {"CAM_1": "seen", "CAM_2": "blind"}
    assert days.loc["CAM_2", "reason"] == "nothing is known of 15 of 15 minutes"
    assert days["faces"].to_dict() == {"CAM_1": 4.0, "CAM_2": 1.0}
    assert list(days[TOTALS].columns) == TOTALS
    assert days_between(connection, ["CAM_1"], DAY + timedelta(days=1), DAY + timedelta(days=2)).empty
    save_days(connection, classify(expected, totals, usual, Judge()).iloc[:0])
