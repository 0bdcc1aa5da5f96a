"""A look says what was seen, and of what couldn't be asked that it isn't known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from gatehouse.office.edge import EdgeObserved, ObservedCamera
from gatehouse.reconcile.camera_day import LOOK
from gatehouse.reconcile.looks import Seen, looks_of, unreported

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
DAY = date(2026, 11, 23)
ON = {"CAM_1": 15, "CAM_2": 15, "CAM_3": 0}
PROXY = EdgeObserved(
    office="berlin",
    at=NOON + QUARTER,
    started_at=NOON,
    version_applied=1,
    cameras=(
        ObservedCamera(camera_id="CAM_1", phase="streaming", last_persisted_at=NOON + QUARTER, frozen=True),
        ObservedCamera(camera_id="CAM_2", phase="reconnecting", last_persisted_at=NOON - QUARTER),
    ),
)
COUNTS = {"analysed": {"CAM_1": 14}, "faces": {"CAM_1": 3}, "matches": {}}


def rows(seen: Seen) -> dict[str, list[float | None]]:
    table = looks_of(ON, DAY, seen)
    clean = table.astype(object).where(table.notna(), None)
    return {row["camera_id"]: [row[name] for name in LOOK[2:]] for row in clean.to_dict("records")}


def test_what_the_proxy_had_persisted_counts_as_media() -> None:
    found = rows(Seen(NOON, NOON + QUARTER, PROXY, **COUNTS))
    assert found["CAM_1"] == [15, 1, 1, 14, 3, 0]
    assert found["CAM_2"] == [15, 0, 0, 0, 0, 0]


def test_where_the_proxy_is_silent_the_streams_are_asked() -> None:
    assert unreported(ON, PROXY, NOON) == ()
    assert unreported(ON, PROXY, NOON + 2 * QUARTER) == ("CAM_1", "CAM_2")
    assert unreported(ON, None, NOON) == ("CAM_1", "CAM_2")
    found = rows(Seen(NOON, NOON + QUARTER, None, fragments={"CAM_1": 90}, **COUNTS))
    assert found["CAM_1"] == [15, 90, None, 14, 3, 0]
    assert found["CAM_2"][1] is None


def test_a_search_that_does_not_answer_leaves_its_counts_unknown() -> None:
    assert rows(Seen(NOON, NOON + QUARTER, PROXY))["CAM_1"] == [15, 1, 1, None, None, None]
