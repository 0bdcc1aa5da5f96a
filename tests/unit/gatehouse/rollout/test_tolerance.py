"""A few bad cameras are borne, an office that can't be reached is put off, both within caps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatehouse.office.policy import Requeue, Tolerance
from gatehouse.rollout.tolerance import requeue, too_many, waves_after

WAVES = ("pilot", "rest")


def test_the_count_binds_at_once_and_the_percentage_from_enough_cameras_on() -> None:
    tolerance = Tolerance(cameras=3, percent=10, minimum_cameras=10)
    assert not too_many(1, 1, 100, tolerance)
    assert too_many(2, 10, 100, tolerance) == "2 of 10 judged cameras are bad, more than 10 %"
    assert not too_many(1, 10, 100, tolerance)
    assert too_many(4, 4, 100, tolerance) == "4 of 100 cameras are bad; at most 3 may be"


def test_a_small_wave_is_judged_by_all_its_cameras() -> None:
    tolerance = Tolerance(cameras=3, percent=10, minimum_cameras=10)
    assert not too_many(1, 2, 3, tolerance)
    assert too_many(1, 3, 3, tolerance)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_no_bad_camera_never_stops_a_wave(judged: int, cameras: int, percent: int) -> None:
    assert not too_many(0, judged, 50, Tolerance(cameras=cameras, percent=percent))


def test_an_unreachable_office_goes_to_the_next_wave_then_to_its_own_and_is_given_up() -> None:
    policy = Requeue(offices=1, attempts=2)
    assert requeue({"a": "silent"}, {}, waves_after("pilot", WAVES), policy).again == {"a": "rest"}
    second = requeue({"a": "silent"}, {"a": 1}, waves_after("rest", WAVES), policy)
    assert second.again == {"a": "requeued"}
    third = requeue({"a": "silent"}, {"a": 2}, waves_after("requeued", WAVES), policy)
    assert third.given_up == {"a": "silent; put off 2 times, and no more"}


def test_only_so_many_offices_are_put_off() -> None:
    found = requeue({"a": "silent", "b": "silent"}, {}, WAVES, Requeue(offices=1))
    assert (list(found.again), list(found.given_up)) == (["a"], ["b"])


@given(st.integers(0, 3), st.integers(0, 5), st.sets(st.sampled_from("abcdef"), min_size=1))
def test_putting_off_ends(offices: int, attempts: int, silent: set[str]) -> None:
    policy = Requeue(offices=offices, attempts=attempts)
    counts: dict[str, int] = {}
    order = ("pilot", *waves_after("pilot", WAVES))
    for wave in order:
        found = requeue(dict.fromkeys(silent, "silent"), counts, waves_after(wave, WAVES), policy)
        counts = {office: counts.get(office, 0) + (office in found.again) for office in silent}
        assert sum(count > 0 for count in counts.values()) <= offices
        assert set(found.again) | set(found.given_up) == silent
    assert not found.again
