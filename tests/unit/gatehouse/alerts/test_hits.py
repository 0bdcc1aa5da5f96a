from __future__ import annotations

import pytest

from gatehouse.alerts.hits import UNKNOWN, Window, gather_hits, subject_of
from gatehouse.ingest.frame import Face, Frame
from gatehouse.ingest.record import BoundingBox
from gatehouse.ingest.snapshot import SnapshotRule, SnapshotStream

STREAM = SnapshotStream(
    camera_id="CAM_A", office="o", floor="0", zone="z", time_zone="UTC",
    engine="stream_processor", rules=("non_employee", "not in the snapshot"),
)  # fmt: skip
RULE = SnapshotRule(kind="non_employee", k=3, n=10, window_seconds=15, similarity=90, channel="c")
BOX = BoundingBox(Left=0.1, Top=0.1, Width=0.1, Height=0.1)


def _face(event_id: str, person: str | None = None, similarity: float | None = None) -> Face:
    return Face(event_id, BOX, 99.0, similarity, person, None)


@pytest.mark.parametrize(
    ("face", "subject"),
    [
        (_face("a"), UNKNOWN),
        (_face("a", "p", 89.9), UNKNOWN),
        (_face("a", "p", 90.0), None),
        # Matched, but the enrolled face bears nobody's id: nobody vouches for it.
        (_face("a", None, 99.0), UNKNOWN),
    ],
)
def test_unknown_is_who_matches_nobody_well_enough(face: Face, subject: str | None) -> None:
    assert subject_of(face, RULE) == subject


def test_two_unknown_people_in_a_frame_are_one_frame_with_two_faces() -> None:
    frame = Frame("arn", STREAM, "1", 30_000, (_face("a"), _face("b"), _face("c", "p", 95.0)))
    (hits,) = gather_hits([frame, frame], {"non_employee": RULE})
    assert hits.events == {"a", "b"}
    assert hits.frames == {30_000: 2}


def test_windows_start_at_multiples_of_their_length_and_come_in_order() -> None:
    frames = [Frame("arn", STREAM, "1", at, (_face(str(at)),)) for at in (30_000, 29_999, 44_999, 45_000)]
    starts = [hits.window.start_ms for hits in gather_hits(frames, {"non_employee": RULE})]
    assert starts == [15_000, 30_000, 45_000]


def test_alert_id_names_camera_rule_subject_and_window() -> None:
    window = Window("CAM_A", "r", "unknown", 30_000, 15_000)
    others = [
        Window("CAM_B", "r", "unknown", 30_000, 15_000),
        Window("CAM_A", "s", "unknown", 30_000, 15_000),
        Window("CAM_A", "r", "p", 30_000, 15_000),
        window.shifted(1),
    ]
    assert len({window.alert_id, *(other.alert_id for other in others)}) == 5
    assert window.alert_id == window.shifted(1).shifted(-1).alert_id


def test_alert_lives_in_the_month_its_window_starts_in() -> None:
    last = Window("CAM_A", "r", "unknown", 1_798_761_585_000, 15_000)
    assert (last.index, last.shifted(1).index) == ("gatehouse-alerts-2026.12", "gatehouse-alerts-2027.01")
