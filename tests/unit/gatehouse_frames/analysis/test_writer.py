from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from gatehouse_frames.analysis.complaints import Complaints
from gatehouse_frames.analysis.sample import Sample, Track
from gatehouse_frames.analysis.writer import MOST_BYTES, PART, RecordWriter

Make = Callable[..., Sample]


class FakeKinesis:
    """Take records as told: an exception, or the positions to refuse, per call; then everything."""

    def __init__(self) -> None:
        self.answers: list[Exception | set[int]] = []
        self.taken: list[tuple[str, bytes]] = []
        self.batches: list[int] = []

    def put_records(self, **asked: Any) -> dict[str, Any]:
        assert asked["StreamName"] == "gatehouse-records-berlin"
        records = asked["Records"]
        self.batches.append(len(records))
        answer = self.answers.pop(0) if self.answers else set()
        if isinstance(answer, Exception):
            raise answer
        taken = [one for at, one in enumerate(records) if at not in answer]
        self.taken += [(one["PartitionKey"], one["Data"]) for one in taken]
        refused = {"ErrorCode": "ProvisionedThroughputExceededException"}
        return {"Records": [refused if at in answer else {} for at in range(len(records))]}


@pytest.fixture
def kinesis() -> FakeKinesis:
    return FakeKinesis()


@pytest.fixture
def writer(kinesis: Any, complaints: Complaints) -> RecordWriter:
    made = RecordWriter(kinesis, complaints)
    made.stream = "gatehouse-records-berlin"
    return made


def run(writer: RecordWriter) -> None:
    thread = Thread(target=writer.run, daemon=True)
    thread.start()
    writer.close()
    thread.join(30)
    assert not thread.is_alive()


def test_records_go_in_one_batch_under_their_cameras_stream_as_key(
    writer: RecordWriter, kinesis: FakeKinesis, sample: Make, track: Track
) -> None:
    for second in range(3):
        writer.deliver(sample(second), b"%d" % second)
    assert track.unsettled == 3
    run(writer)
    assert kinesis.taken == [("gatehouse-CAM_A", b"%d" % second) for second in range(3)]
    assert kinesis.batches == [3]
    assert track.unsettled == 0
    assert track.status.value("records") == 3


def test_only_what_was_refused_is_put_again(
    writer: RecordWriter, kinesis: FakeKinesis, sample: Make, track: Track, complaints: Complaints
) -> None:
    kinesis.answers = [{0, 2}, {1}]
    for second in range(4):
        writer.deliver(sample(second), b"%d" % second)
    run(writer)
    assert [data for _, data in kinesis.taken] == [b"1", b"3", b"0", b"2"]
    assert kinesis.batches == [4, 2, 1]
    assert track.unsettled == 0
    assert PART not in complaints.all()


def test_a_batch_stays_below_the_bytes_of_one_call(
    writer: RecordWriter, kinesis: FakeKinesis, sample: Make
) -> None:
    for second in range(3):
        writer.deliver(sample(second), bytes(MOST_BYTES // 2))
    run(writer)
    assert kinesis.batches == [2, 1]
    assert len(kinesis.taken) == 3


def test_what_is_not_written_when_it_gives_up_stays_unsettled(
    writer: RecordWriter, sample: Make, track: Track
) -> None:
    writer.deliver(sample(), b"record")
    writer.give_up()
    run(writer)
    assert track.unsettled == 1
