"""Hold the alerting to its promise: one alert a visit, whatever happens to the records on the way."""

from __future__ import annotations

import itertools
import random
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opensearchpy.exceptions import ConnectionError as UnreachableError

from gatehouse_ingest.index import IndexUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = dict[str, Any]

EPOCH = 1_795_442_040  # a multiple of 15: a window starts here
FPS = 5
# Each visit: seconds after EPOCH, and whether a stranger comes.
VISITS = st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.integers(0, 4)), min_size=1, max_size=4)


def _frames(make: Callable[..., Record], start: float, seconds: float, *faces: str | None) -> list[Record]:
    return [make(EPOCH + start + step / FPS, *faces) for step in range(round(seconds * FPS))]


def _cut(records: list[Record], size: int) -> list[list[Record]]:
    return [records[first : first + size] for first in range(0, len(records), size)]


@pytest.mark.parametrize("start", [0, 3, 6, 7.4, 12, 13.8, 14.2, 14.4, 14.6, 14.8])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_stranger_s_visit_is_one_alert_wherever_windows_and_batches_cut_it(
    office: Any, record: Any, start: float, size: int
) -> None:
    for batch in _cut(_frames(record, start, 9, None), size):
        assert office.ingest(batch) == []
    assert len(office.told) == 1
    assert [alert["alert_id"] for alert in office.alerts("sent")] == office.told


@pytest.mark.parametrize("start", [0, 7, 14.6])
def test_next_visit_is_the_next_alert(office: Any, record: Any, start: float) -> None:
    records = _frames(record, start, 9, None) + _frames(record, start + 45, 9, None)
    for batch in _cut(records, 10):
        office.ingest(batch)
    assert len(office.told) == len(set(office.told)) == 2


def test_employee_missed_now_and_then_raises_no_alert(office: Any, record: Any) -> None:
    missed = {4, 9, 20, 26, 35, 44}
    for step in range(45):
        office.ingest([record(EPOCH + step / FPS, None if step in missed else "employee")])
    assert office.told == []


def test_empty_frames_between_hits_count_as_frames_without(office: Any, record: Any) -> None:
    for step in range(45):
        office.ingest([record(EPOCH + step / FPS, *([None] if step % 5 == 0 else []))])
    assert office.told == []


def test_stranger_beside_an_employee_is_an_alert(office: Any, record: Any) -> None:
    office.ingest(_frames(record, 0, 2, "employee", None))
    assert len(office.told) == 1


def test_two_unknown_people_in_one_frame_are_one_alert_with_two_faces(office: Any, record: Any) -> None:
    office.ingest(_frames(record, 0, 2, None, None))
    (message,) = office.published
    assert (message["faces"], message["frames"]) == (2, 10)


def test_message_is_complete(office: Any, record: Any) -> None:
    office.ingest(_frames(record, 1, 1, None))
    (message,) = office.published
    assert message == {
        "alert_id": office.alerts("sent")[0]["alert_id"],
        "rule": "non_employee",
        "kind": "non_employee",
        "subject": "unknown",
        "faces": 1,
        "office": "berlin",
        "camera_id": "CAM_A",
        "floor": "0",
        "zone": "lobby",
        "time_zone": "Europe/Berlin",
        "window_start": "2026-11-23T13:54:00.000Z",
        "first_seen": "2026-11-23T13:54:01.000Z",
        "last_seen": "2026-11-23T13:54:01.800Z",
        "frames": 5,
        "s3_location": f"s3://bucket/{(EPOCH + 1) * 1000}",
        "channel": "security",
        "probe": False,
    }


def _random_records(make: Any, visits: list[tuple[int, bool, int]]) -> list[Record]:
    """Return frames in order of time: every visitor's, with an unknown face now and then."""
    faces: dict[int, list[str | None]] = {}
    for start, stranger, offset in visits:
        for step in range(25):
            frame = start * FPS + offset + step
            missed = random.Random(frame).random() < 0.1
            faces.setdefault(frame, []).append(None if stranger or missed else "employee")
    last = max(faces)
    return [make(EPOCH + frame / FPS, *faces.get(frame, [])) for frame in range(last + 1)]


@settings(max_examples=30, deadline=None)
@given(visits=VISITS, seed=st.integers(0, 2**32))
def test_batches_replays_and_duplicates_don_t_change_the_alerts(
    new_office: Any, record: Any, visits: list[tuple[int, bool, int]], seed: int
) -> None:
    """Kinesis keeps a shard's order; Lambda cuts it anywhere and repeats any stretch of it."""
    records = _random_records(record, visits)
    plain = new_office()
    for one in records:
        plain.ingest([one])
    chance = random.Random(seed)
    tried = new_office()
    position = 0
    while position < len(records):
        end = min(len(records), position + chance.randint(1, 60))
        batch = records[position:end]
        if chance.random() < 0.3:
            batch = batch + chance.sample(records[:end], chance.randint(1, end))
            chance.shuffle(batch)  # within a batch, order is the function's business
        tried.ingest(batch)
        # Some of it comes again, from further back.
        position = end if chance.random() < 0.7 else max(0, position - chance.randint(0, 30))
        if chance.random() < 0.3:
            tried.ingest(records[max(0, end - chance.randint(1, 80)) : end])
    assert sorted(set(tried.told)) == sorted(set(plain.told))
    assert len(tried.told) == len(set(tried.told))
    assert _facts(tried) == _facts(plain)


def _facts(office: Any) -> tuple[Any, ...]:
    alerts = {
        alert["alert_id"]: (alert["state"], set(alert["hits"]), alert["frames"], alert["faces"])
        for alert in office.search.of("gatehouse-alerts-")
    }
    minutes = [
        (found["@timestamp"], found["frames"]) for found in office.search.of("gatehouse-camera-minutes-")
    ]
    events = {found["event_id"] for found in office.search.of(".ds-gatehouse-detections")}
    return alerts, sorted(minutes), events


@settings(max_examples=30, deadline=None)
@given(visits=VISITS, seed=st.integers(0, 2**32))
def test_in_any_order_neighbouring_windows_never_both_alert_and_none_is_lost(
    new_office: Any, record: Any, visits: list[tuple[int, bool, int]], seed: int
) -> None:
    """Records that come back from the on-failure destination come in any order."""
    records = _random_records(record, visits)
    plain = new_office()
    plain.ingest(records)
    chance = random.Random(seed)
    chance.shuffle(records)
    tried = new_office()
    for batch in _cut(records, chance.randint(1, 20)):
        tried.ingest(batch)
    starts = sorted(_starts(tried))
    assert len(starts) == len(set(starts))
    assert all(later - earlier > 15 for earlier, later in itertools.pairwise(starts))
    for alarmed in _starts(plain):
        assert any(abs(alarmed - start) <= 15 for start in starts)


def _starts(office: Any) -> list[float]:
    return [datetime.fromisoformat(message["window_start"]).timestamp() for message in office.published]


@settings(max_examples=25, deadline=None)
@given(crash_at=st.integers(0, 40), start=st.sampled_from([0, 7, 14.6]))
def test_crash_between_any_two_requests_is_repaired_by_the_replay(
    new_office: Any, record: Any, crash_at: int, start: float
) -> None:
    office = new_office()
    batches = _cut(_frames(record, start, 9, None), 9)
    countdown = [crash_at]

    def crash(path: str) -> None:
        countdown[0] -= 1
        if countdown[0] == -1:
            raise MemoryError(path)

    office.search.before = crash
    for batch in batches:
        while True:
            try:
                office.ingest(batch)
                break
            except MemoryError:
                continue
    assert len(set(office.told)) == 1
    assert len(office.alerts("sent")) == 1


def test_neighbour_that_fires_at_the_same_moment_leaves_one_alert(office: Any, record: Any) -> None:
    """Two batches of one camera run at once: the later window fires just before the earlier one does."""
    earlier = _frames(record, 12, 3, None)
    later = _frames(record, 15, 3, None)
    moved = []

    def interleave(path: str) -> None:
        if "/_update/" in path and not moved:
            moved.append(path)
            office.ingest(later)

    office.search.before = interleave
    office.ingest(earlier)
    assert len(office.told) == 1
    assert len(office.alerts("sent")) == 1
    assert len(office.alerts("suppressed")) >= 1


def test_topic_being_down_leaves_the_alert_pending_with_its_frame(office: Any, record: Any) -> None:
    office.topic_up = False
    assert office.ingest(_frames(record, 0, 2, None)) == []
    (alert,) = office.alerts("pending")
    assert alert["s3_location"] == f"s3://bucket/{EPOCH * 1000}"
    assert alert["pending_at"]


def test_pending_alert_is_published_by_the_next_batch_that_touches_it(office: Any, record: Any) -> None:
    office.topic_up = False
    records = _frames(record, 0, 2, None)
    office.ingest(records)
    office.topic_up = True
    office.ingest(records)
    assert [message["s3_location"] for message in office.published] == [f"s3://bucket/{EPOCH * 1000}"]
    assert len(office.stored) == 1


def test_missing_frame_doesn_t_hold_the_alert_back(office: Any, record: Any) -> None:
    office.frames_up = False
    office.ingest(_frames(record, 0, 2, None))
    (message,) = office.published
    assert message["s3_location"] is None


def test_document_of_the_stored_frame_points_at_it(office: Any, record: Any) -> None:
    office.ingest(_frames(record, 0, 2, None, "employee"))
    located = [found for found in office.search.of(".ds-gatehouse-detections") if "s3_location" in found]
    assert {found["timestamp"] for found in located} == {"2026-11-23T13:54:00.000Z"}
    assert len(located) == 2


def test_documents_that_failed_after_the_alert_get_their_frame_by_the_replay(
    office: Any, record: Any
) -> None:
    main = threading.current_thread()

    def vanish(path: str) -> None:
        if threading.current_thread() is not main:
            raise UnreachableError("N/A", "refused", None)

    office.search.before = vanish
    records = _frames(record, 0, 2, None)
    with pytest.raises(IndexUnavailableError):
        office.ingest(records)
    assert len(office.told) == len(office.alerts("pending")) == 1
    office.search.before = lambda path: None
    assert office.ingest(records) == []
    assert len(set(office.told)) == len(office.alerts("sent")) == 1
    assert [found for found in office.search.of(".ds-gatehouse-detections") if "s3_location" in found]


def test_search_going_away_in_the_middle_fails_the_batch(office: Any, record: Any) -> None:
    def vanish(path: str) -> None:
        if "/_update/" in path:
            raise UnreachableError("N/A", "refused", None)

    office.search.before = vanish
    with pytest.raises(IndexUnavailableError, match="the batch comes again"):
        office.ingest(_frames(record, 0, 2, None))
    assert office.told == []


def test_alert_that_is_cut_off_while_firing_says_since_when(office: Any, record: Any) -> None:
    def vanish(path: str) -> None:
        if "/_update/" in path and office.alerts("firing"):
            raise UnreachableError("N/A", "refused", None)

    office.search.before = vanish
    with pytest.raises(IndexUnavailableError):
        office.ingest(_frames(record, 0, 2, None))
    (alert,) = office.alerts("firing")
    assert alert["firing_at"] == "2026-11-23T13:55:00.000Z"
