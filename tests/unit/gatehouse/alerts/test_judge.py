from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatehouse.alerts.hits import Window
from gatehouse.alerts.judge import alarm_frame
from gatehouse.ingest.snapshot import SnapshotRule

RULE = SnapshotRule(kind="non_employee", k=3, n=10, window_seconds=15, similarity=80, channel="c")
WINDOW = Window("CAM_A", "r", "unknown", 30_000, 15_000)
TIMES = st.sets(st.integers(0, 60).map(lambda step: step * 1_000))


def _every_200ms(start: int, end: int) -> list[int]:
    return list(range(start, end, 200))


def test_third_hit_of_ten_frames_alarms() -> None:
    assert alarm_frame(WINDOW, RULE, [30_000, 30_200, 30_400, 30_600], _every_200ms(30_000, 31_000)) == 30_400


def test_two_hits_don_t_alarm() -> None:
    assert alarm_frame(WINDOW, RULE, [30_000, 30_200], _every_200ms(30_000, 45_000)) is None


def test_hits_spread_thinner_than_k_of_n_don_t_alarm() -> None:
    hits = _every_200ms(30_000, 45_000)[::5]  # an employee missed in every fifth frame
    assert len(hits) == 15
    assert alarm_frame(WINDOW, RULE, hits, _every_200ms(30_000, 45_000)) is None


def test_hits_of_the_window_before_count() -> None:
    assert alarm_frame(WINDOW, RULE, [29_600, 29_800, 30_000], _every_200ms(29_000, 31_000)) == 30_000


def test_alarm_needs_a_hit_in_the_window_itself() -> None:
    assert alarm_frame(WINDOW, RULE, [29_400, 29_600, 29_800], _every_200ms(29_000, 45_000)) is None


def test_hits_two_windows_ago_don_t_count() -> None:
    assert alarm_frame(WINDOW, RULE, [14_800, 14_999, 30_000], []) is None


@given(TIMES, TIMES)
def test_later_frames_never_change_an_alarm(hits: set[int], analysed: set[int]) -> None:
    at = alarm_frame(WINDOW, RULE, hits, analysed)
    for end in range(0, 61_000, 1_000):
        so_far = alarm_frame(
            WINDOW, RULE, {hit for hit in hits if hit < end}, {frame for frame in analysed if frame < end}
        )
        assert so_far == (at if at is not None and at < end else None)


@given(TIMES, TIMES)
def test_seeing_more_frames_without_hits_alarms_no_more_often(hits: set[int], analysed: set[int]) -> None:
    if alarm_frame(WINDOW, RULE, hits, analysed) is not None:
        assert alarm_frame(WINDOW, RULE, hits, ()) is not None
