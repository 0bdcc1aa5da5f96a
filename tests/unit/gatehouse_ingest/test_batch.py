from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opensearchpy.exceptions import ConnectionError as UnreachableError

from gatehouse_ingest.batch import PORTION, portions
from gatehouse_ingest.index import IndexUnavailableError

ARN = "arn:aws:kinesisvideo:eu-central-1:123456789012:stream/gatehouse-CAM_A/1763900000000"
EPOCH = 1_795_442_040
DETECTIONS = ".ds-gatehouse-detections"
MINUTES = "gatehouse-camera-minutes-"


def _numbers(records: list[dict[str, Any]]) -> list[str]:
    return [one["kinesis"]["sequenceNumber"] for one in records]


def test_good_batch_is_written_and_nothing_comes_again(office: Any, record: Any) -> None:
    records = [
        record(EPOCH + step, *faces) for step, faces in enumerate([["employee"], [], ["employee", None]])
    ]
    assert office.ingest(records) == []
    assert len(office.search.of(DETECTIONS)) == 3
    ((minute),) = office.search.of(MINUTES)
    assert (minute["analysed"], minute["with_faces"]) == (3, 2)


def test_replay_writes_nothing_new(office: Any, record: Any) -> None:
    records = [record(EPOCH + step, "employee", None) for step in range(20)]
    office.ingest(records)
    writes = office.search.writes
    assert office.ingest(records) == []
    assert office.search.writes == writes


@pytest.mark.parametrize("payload", [b"", b"{", b"\x89PNG", json.dumps({"InputInformation": {}}).encode()])
def test_poison_is_reported_and_the_rest_is_written(office: Any, record: Any, payload: bytes) -> None:
    bad = record.raw("42", payload)
    records = [record(EPOCH, "employee"), bad, record(EPOCH + 1, "employee")]
    assert office.ingest(records) == ["42"]
    assert len(office.search.of(DETECTIONS)) == 2


def test_unknown_stream_is_poison(office: Any, record: Any) -> None:
    unknown = record(EPOCH, "employee", stream="arn:aws:kinesisvideo:eu-central-1:1:stream/other/1")
    assert office.ingest([unknown, record(EPOCH + 1)]) == _numbers([unknown])


def test_stream_of_a_newer_snapshot_is_found(office: Any, new_office: Any, record: Any) -> None:
    known = office.snapshot
    office.newer = known
    office.snapshot = known.model_copy(update={"version": 0, "streams": {}})
    assert office.ingest([record(EPOCH, "employee")]) == []
    assert len(office.search.of(DETECTIONS)) == 1


def test_refused_document_makes_its_record_come_again(office: Any, record: Any) -> None:
    office.search.refuse[DETECTIONS] = (429, "rejected_execution_exception")
    records = [record(EPOCH, "employee"), record(EPOCH + 1), record(EPOCH + 2, "employee")]
    assert office.ingest(records) == _numbers([records[0], records[2]])


@pytest.mark.parametrize("index", [MINUTES, "gatehouse-alerts-"])
def test_refused_count_or_hit_makes_the_camera_s_records_come_again_unjudged(
    office: Any, record: Any, index: str
) -> None:
    office.search.refuse[index] = (409, "version_conflict_engine_exception")
    records = [record(EPOCH + step / 5, None) for step in range(10)]
    assert office.ingest(records) == _numbers(records)
    assert office.told == []
    office.search.refuse.clear()
    assert office.ingest(records) == []
    assert len(office.told) == 1


def test_search_being_away_for_a_moment_is_waited_out(office: Any, record: Any) -> None:
    office.search.down = 2
    assert office.ingest([record(EPOCH, "employee")]) == []
    assert len(office.search.of(DETECTIONS)) == 1


def test_search_being_away_for_long_fails_the_whole_batch(office: Any, record: Any) -> None:
    office.search.down = 10_000
    with pytest.raises(IndexUnavailableError, match="Nothing is lost"):
        office.ingest([record(EPOCH, "employee")])


def test_empty_batch_asks_nothing(office: Any) -> None:
    assert office.ingest([]) == []
    assert office.search.requests == []


def test_unmatched_policy_stores_a_frame_a_second_with_an_unknown_face(new_office: Any, record: Any) -> None:
    office = new_office(evidence="unmatched")
    records = [record(EPOCH + step / 2, "employee", *([None] if step % 4 == 0 else [])) for step in range(8)]
    office.ingest(records)
    assert sorted(frame.at_ms for frame in office.stored) == [EPOCH * 1000, (EPOCH + 2) * 1000]
    located = [found for found in office.search.of(DETECTIONS) if "s3_location" in found]
    assert len(located) == 4


def test_log_tells_no_person(office: Any, record: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    office.search.refuse[DETECTIONS] = (400, "mapper_parsing_exception")
    office.ingest([record(EPOCH, "employee"), record.raw("1", b'{"ExternalImageId": "employee"}')])
    assert caplog.records
    assert "'employee'" not in caplog.text
    assert "person" not in caplog.text


def test_large_batch_is_counted_once_and_written_whole(office: Any, record: Any) -> None:
    records = [record(EPOCH + step / 50, "employee") for step in range(3 * PORTION)]
    assert office.ingest(records) == []
    assert len(office.search.of(DETECTIONS)) == 3 * PORTION
    assert office.search.requests == ["/gatehouse-detections/_bulk"] * 3
    assert sum(minute["analysed"] for minute in office.search.of(MINUTES)) == 3 * PORTION
    writes = office.search.writes
    assert office.ingest(records) == []
    assert office.search.writes == writes


def test_refusal_in_any_portion_makes_just_its_records_come_again(office: Any, record: Any) -> None:
    office.search.refuse[DETECTIONS] = (429, "rejected_execution_exception")
    records = [record(EPOCH + step / 50, *(["employee"] * (step % 3 == 0))) for step in range(3 * PORTION)]
    assert office.ingest(records) == _numbers(records[::3])


def test_poison_and_a_newer_snapshot_are_found_in_any_portion(office: Any, record: Any) -> None:
    known = office.snapshot
    office.newer = known
    office.snapshot = known.model_copy(update={"version": 0, "streams": {"other": known.streams[ARN]}})
    records = [record(EPOCH + step / 50, "employee", stream="other") for step in range(2 * PORTION)]
    office.newer = known.model_copy(update={"streams": known.streams | office.snapshot.streams})
    records[PORTION + 7] = record(EPOCH + 60, "employee")
    records[PORTION + 8] = record.raw("42", b"{")
    assert office.ingest(records) == ["42"]
    assert len(office.search.of(DETECTIONS)) == 2 * PORTION - 1


def test_alert_does_not_wait_for_the_documents(office: Any, record: Any) -> None:
    told = threading.Event()
    main = threading.current_thread()

    def hold_documents(path: str) -> None:
        if threading.current_thread() is not main:
            assert told.wait(10), "the alert was told only after the documents"

    office.search.before = hold_documents
    publish = office.publish
    office.publish = lambda message: (publish(message), told.set())[0]
    assert office.ingest([record(EPOCH + step / 5, None) for step in range(10)]) == []
    assert len(office.told) == 1
    assert len(office.search.of(DETECTIONS)) == 10


def test_search_going_away_under_the_documents_fails_the_whole_batch(office: Any, record: Any) -> None:
    main = threading.current_thread()

    def vanish(path: str) -> None:
        if threading.current_thread() is not main:
            raise UnreachableError("N/A", "refused", None)

    office.search.before = vanish
    records = [record(EPOCH + step / 50, "employee") for step in range(2 * PORTION)]
    with pytest.raises(IndexUnavailableError, match="the batch comes again"):
        office.ingest(records)
    assert threading.enumerate() == [main]
    office.search.before = lambda path: None
    assert office.ingest(records) == []
    assert len(office.search.of(DETECTIONS)) == 2 * PORTION


@given(st.integers(0, 10_000))
def test_portions_are_the_batch_cut_evenly(size: int) -> None:
    cut = portions(range(size))
    assert [number for portion in cut for number in portion] == list(range(size))
    assert max(map(len, cut)) <= 1.5 * PORTION
    assert size == 0 or min(map(len, cut)) > 0
