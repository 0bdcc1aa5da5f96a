"""A shard is drained when the last frame that ingest takes of it is counted."""

from __future__ import annotations

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gatehouse.ingest.snapshot import EngineSpan, IngestSnapshot, SnapshotStream
from gatehouse.office import naming
from gatehouse.rollout.decommission_drain import LastFrame, last_frame, spans_to_look_at

VIDEO = "arn:aws:kinesisvideo:eu-central-1:123456789012:stream/gatehouse-CAM_1/1"
SOURCE = f"arn:aws:kinesis:eu-central-1:123456789012:stream/{naming.record_stream('CAM_1')}"
START = 1_763_899_200.0


def snapshot(*engines: EngineSpan) -> IngestSnapshot:
    stream = SnapshotStream(
        camera_id="CAM_1",
        office="berlin",
        floor="0",
        zone="lobby",
        time_zone="UTC",
        engine="stream_processor",
        rules=(),
        engines=engines,
    )
    return IngestSnapshot(
        version=1, region="eu-central-1", evidence="alerts", streams={VIDEO: stream}, people={}, rules={}
    )


def record(offset: float, video: str = VIDEO) -> bytes:
    place = {
        "StreamArn": video,
        "FragmentNumber": "1",
        "ProducerTimestamp": START,
        "FrameOffsetInSeconds": offset,
    }
    return json.dumps({"InputInformation": {"KinesisVideo": place}}).encode()


def test_what_ingest_never_counts_isnt_waited_for() -> None:
    payloads = [record(0.0), record(0.25), record(0.5, "arn:unknown"), b"{}"]
    assert last_frame(payloads, SOURCE, snapshot()) == LastFrame("CAM_1", round(START * 1000) + 250)
    assert last_frame([b"no json"], SOURCE, snapshot()) is None
    assert last_frame([], SOURCE, snapshot()) is None


def test_a_former_engines_last_records_arent_waited_for() -> None:
    later = EngineSpan(engine="frame_search", from_ms=round(START * 1000) + 500)
    changed = snapshot(EngineSpan(engine="stream_processor", from_ms=0), later)
    found = last_frame([record(0.25), record(0.75)], SOURCE, changed)
    assert found == LastFrame("CAM_1", round(START * 1000) + 250)


@given(st.integers(0, 4_000_000_000_000), st.sets(st.integers(0, 59_999)))
def test_a_frame_is_counted_if_its_minute_has_it_a_probes_alike(at_ms: int, others: set[int]) -> None:
    frame = LastFrame("CAM_1", at_ms)
    offset = at_ms - frame.start_ms
    assert 0 <= offset < 60_000
    assert not frame.is_counted(None)
    assert not frame.is_counted({"frames": sorted(others - {offset})})
    assert frame.is_counted({"frames": sorted(others | {offset})})
    assert frame.is_counted({"frames": [], "probe_frames": [offset]})


@given(st.integers(-1, 604_800))
def test_looking_back_widens_and_ends_where_the_mapping_gives_up(age: int) -> None:
    spans = spans_to_look_at(age)
    assert list(spans) == sorted(set(spans))
    assert spans[-1] == timedelta(seconds=age if age >= 0 else 86_400)
