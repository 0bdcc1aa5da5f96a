"""Probe and engine are told by a frame's time, the same for every arrival."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.ingest.frame import to_frame
from gatehouse.ingest.snapshot import EngineSpan, IngestSnapshot, ProbeSpan, SnapshotStream
from gatehouse.ingest.spans import engine_at, engine_of, probe_at, superseded

KINESIS = "arn:aws:kinesis:eu-central-1:123456789012:stream/"
CAMERA_SOURCE = f"{KINESIS}gatehouse-records-CAM_A"
OFFICE_SOURCE = f"{KINESIS}gatehouse-records-berlin"


def stream(*engines: EngineSpan) -> SnapshotStream:
    return SnapshotStream(
        camera_id="CAM_A",
        office="berlin",
        floor="0",
        zone="lobby",
        time_zone="Europe/Berlin",
        engine=engines[-1].engine if engines else "stream_processor",
        rules=("non_employee",),
        engines=engines,
    )


SWITCHED = stream(
    EngineSpan(engine="stream_processor", from_ms=0), EngineSpan(engine="frame_search", from_ms=5_000)
)


@pytest.mark.parametrize(
    ("at_ms", "probe"), [(999, None), (1_000, "p1"), (1_999, "p1"), (2_000, None), (3_000, "p2")]
)
def test_a_probe_s_interval_holds_its_start_and_not_its_end(at_ms: int, probe: str | None) -> None:
    spans = (
        ProbeSpan(probe_id="p1", start_ms=1_000, end_ms=2_000),
        ProbeSpan(probe_id="p2", start_ms=3_000, end_ms=4_000),
    )
    assert probe_at(spans, at_ms) == probe


def test_a_frame_is_a_probe_s_by_its_time_alone(snapshot: IngestSnapshot, aws_record: dict[str, Any]) -> None:
    arn = aws_record["InputInformation"]["KinesisVideo"]["StreamArn"]
    at_ms = to_frame(aws_record, snapshot).at_ms  # type: ignore[arg-type]
    span = ProbeSpan(probe_id="p1", start_ms=at_ms, end_ms=at_ms + 1)
    probed = snapshot.model_copy(update={"probes": {arn: (span,)}})
    elsewhere = snapshot.model_copy(update={"probes": {"arn:other": (span,)}})
    assert to_frame(aws_record, snapshot).probe_id is None  # type: ignore[arg-type]
    assert to_frame(aws_record, probed).probe_id == "p1"  # type: ignore[arg-type]
    assert to_frame(aws_record, elsewhere).probe_id is None  # type: ignore[arg-type]


def test_the_engine_in_force_is_the_last_that_has_begun() -> None:
    assert engine_at(stream(), 0) == "stream_processor"
    assert engine_at(SWITCHED, 4_999) == "stream_processor"
    assert engine_at(SWITCHED, 5_000) == "frame_search"
    late = stream(EngineSpan(engine="frame_search", from_ms=5_000))
    assert engine_at(late, 0) == "frame_search"


def test_the_engine_that_wrote_a_record_is_known_by_its_kinesis_stream() -> None:
    assert engine_of(SWITCHED, CAMERA_SOURCE) == "stream_processor"
    assert engine_of(SWITCHED, OFFICE_SOURCE) == "frame_search"
    assert engine_of(SWITCHED, f"{KINESIS}backfill") is None


@given(at_ms=st.integers(0, 10_000))
def test_of_two_engines_exactly_one_counts_at_any_time(at_ms: int) -> None:
    counted = [not superseded(SWITCHED, source, at_ms) for source in (CAMERA_SOURCE, OFFICE_SOURCE)]
    assert counted.count(True) == 1
    assert not superseded(SWITCHED, "", at_ms)
