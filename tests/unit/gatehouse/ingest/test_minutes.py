from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gatehouse.ingest.evidence import evidence_key, evidence_metadata, frames_to_store
from gatehouse.ingest.frame import Face, Frame
from gatehouse.ingest.minutes import count_frames, minute_id, minute_index, minutes_of, stored_frames
from gatehouse.ingest.record import BoundingBox
from gatehouse.ingest.snapshot import SnapshotStream

if TYPE_CHECKING:
    from collections.abc import Sequence

STREAM = SnapshotStream(
    camera_id="CAM_A", office="o", floor="0", zone="z", time_zone="UTC", engine="frame_search", rules=()
)
BOX = BoundingBox(Left=0.1, Top=0.1, Width=0.1, Height=0.1)
KNOWN = Face("k", BOX, 99.0, 95.0, "p", "employee")
UNMATCHED = Face("u", BOX, 99.0, None, None, None)


def _frame(at_ms: int, faces: Sequence[Face] = ()) -> Frame:
    return Frame("arn", STREAM, "1", at_ms, tuple(faces))


def test_frames_with_and_without_faces_are_counted_by_minute() -> None:
    minutes = count_frames([_frame(59_999), _frame(60_000, [KNOWN]), _frame(60_200)])
    assert [(minute.start_ms, minute.frames, minute.face_frames) for minute in minutes] == [
        (0, {59_999}, set()),
        (60_000, {0, 200}, {0}),
    ]


@given(st.lists(st.integers(0, 300_000), min_size=1), st.randoms())
def test_order_and_repetition_of_frames_don_t_matter(times: list[int], random: object) -> None:
    once = count_frames(_frame(at) for at in sorted(set(times)))
    twice = count_frames(_frame(at) for at in times + times[::-1])
    assert {minute.id: minute.frames for minute in once} == {minute.id: minute.frames for minute in twice}


def test_minute_lives_in_the_month_it_starts_in() -> None:
    assert minute_index(1_798_761_599_000) == "gatehouse-camera-minutes-2026.12"
    assert minute_index(1_798_761_600_000) == "gatehouse-camera-minutes-2027.01"


def test_minutes_of_a_span_are_all_it_touches() -> None:
    assert list(minutes_of(59_999, 120_000)) == [0, 60_000]
    assert list(minutes_of(60_000, 120_001)) == [60_000, 120_000]


def test_stored_offsets_become_times_again() -> None:
    assert stored_frames({"frames": [0, 59_999]}, 60_000) == [60_000, 119_999]


def test_cameras_don_t_share_a_minute() -> None:
    assert minute_id("CAM_A", 60_000) != minute_id("CAM_B", 60_000)


def test_alerts_policy_stores_nothing_by_itself() -> None:
    assert frames_to_store([_frame(0, [UNMATCHED])], "alerts") == []


def test_unmatched_policy_stores_frames_with_somebody_unmatched() -> None:
    wanted = _frame(1_000, [KNOWN, UNMATCHED])
    assert frames_to_store([_frame(0), _frame(2_000, [KNOWN]), wanted], "unmatched") == [wanted]


def test_one_frame_a_camera_second_is_stored() -> None:
    frames = [_frame(1_400), _frame(1_200), _frame(2_000)]
    assert [frame.at_ms for frame in frames_to_store(frames, "all")] == [1_200, 2_000]


def test_stored_frame_says_what_it_shows() -> None:
    frame = _frame(1_795_442_056_217)
    assert evidence_key(frame) == "2026/11/23/CAM_A_135416.jpg"
    assert evidence_metadata(frame) == {
        "frame-time-ms": "1795442056217",
        "stream-arn": "arn",
        "fragment-number": "1",
        "camera-id": "CAM_A",
    }
