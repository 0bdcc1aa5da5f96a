"""A change of engine has one time, known to everybody before it comes, and kept by who reads records."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gatehouse.ingest.snapshot import EngineSpan, IngestSnapshot, SnapshotStream
from gatehouse.office.frames import Checkpoint, FramesCheckpoints
from gatehouse.rollout.handover import (
    in_force_since,
    is_known_in_time,
    newest_frame_ms,
    settled_ms,
    switch_ms,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)
VIDEO = "arn:aws:kinesisvideo:eu-central-1:123456789012:stream/gatehouse-CAM_1/1"
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS)
def test_a_switch_is_a_whole_second_that_everybody_can_know_of_in_time(now: datetime) -> None:
    chosen = switch_ms(now)
    assert chosen % 1000 == 0
    assert is_known_in_time(chosen, now + timedelta(seconds=10))
    assert not is_known_in_time(chosen, now + timedelta(seconds=11, milliseconds=1))


def snapshot(*spans: EngineSpan) -> IngestSnapshot:
    stream = SnapshotStream(
        camera_id="CAM_1",
        office="berlin",
        floor="0",
        zone="lobby",
        time_zone="UTC",
        engine=spans[-1].engine if spans else "stream_processor",
        rules=(),
        engines=spans,
    )
    return IngestSnapshot(
        version=1, region="eu-central-1", evidence="alerts", streams={VIDEO: stream}, people={}, rules={}
    )


def test_a_camera_is_handed_over_since_its_last_switch() -> None:
    arns = {"CAM_1": VIDEO, "CAM_UNKNOWN": "arn:other"}
    there = EngineSpan(engine="stream_processor", from_ms=0), EngineSpan(engine="frame_search", from_ms=5_000)
    back = (*there, EngineSpan(engine="stream_processor", from_ms=9_000))
    assert in_force_since(snapshot(*there), arns, "frame_search") == {"CAM_1": 5_000}
    assert in_force_since(snapshot(*there), arns, "stream_processor") == {}
    assert in_force_since(snapshot(*back), arns, "stream_processor") == {"CAM_1": 9_000}
    assert in_force_since(snapshot(), arns, "stream_processor") == {}


def record(at_s: float, video: str = VIDEO) -> bytes:
    place = {
        "StreamArn": video,
        "FragmentNumber": "1",
        "ProducerTimestamp": 1_000.0,
        "FrameOffsetInSeconds": at_s,
    }
    return json.dumps({"InputInformation": {"KinesisVideo": place}}).encode()


def test_how_far_an_engine_is_its_streams_own_newest_frame_tells() -> None:
    others = [record(9.0, "arn:recreated"), b"poison"]
    assert newest_frame_ms([record(2.0), record(1.0), *others], VIDEO) == 1_002_000
    assert newest_frame_ms(others, VIDEO) == 0


def test_a_worker_s_checkpoint_counts_for_the_stream_it_is_of() -> None:
    kept = FramesCheckpoints(
        office="berlin", cameras={"CAM_1": Checkpoint(stream_name="gatehouse-CAM_1", resume_at=NOW)}
    )
    assert settled_ms(kept, "CAM_1", "gatehouse-CAM_1") == round(NOW.timestamp() * 1000)
    assert settled_ms(kept, "CAM_1", "another") == 0
    assert settled_ms(kept, "CAM_2", "gatehouse-CAM_2") == 0
    assert settled_ms(None, "CAM_1", "gatehouse-CAM_1") == 0
