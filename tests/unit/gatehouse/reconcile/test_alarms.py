"""A camera's state is news once, and again only when it lastingly changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

from hypothesis import given
from hypothesis import strategies as st

from gatehouse.reconcile.alarms import Health, Look, Notice, observe
from gatehouse.reconcile.policy import Alarm

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LIMITS = Alarm(bad_looks=2, good_looks=3)
NEW = Health("CAM_1", "berlin")
LOOKS = {"w": ("seen", ""), "b": ("blind", "no_media"), "f": ("blind", "frozen"), "o": ("off", "")}


def look(number: int, letter: str) -> Look:
    verdict, cause = LOOKS[letter]
    return Look(NOON + number * timedelta(minutes=15), verdict, cause, f"look {number}")


def told(letters: str, health: Health = NEW) -> tuple[Health, list[Notice]]:
    notices = []
    for number, letter in enumerate(letters):
        health, notice = observe(health, look(number, letter), LIMITS)
        notices += [notice] if notice else []
    return health, notices


def says(letters: str) -> list[str]:
    return [notice.now for notice in told(letters)[1]]


def test_one_bad_look_is_no_alarm_and_two_are_one() -> None:
    assert says("wbw") == []
    assert says("wbbbbbb") == ["blind"]


def test_an_alarm_is_cleared_once_by_enough_good_looks() -> None:
    assert says("bbwwb") == ["blind"]
    assert says("bbwwwwww") == ["blind", "well"]


def test_another_trouble_is_told_and_a_return_of_the_same_is_not() -> None:
    assert says("bbffff") == ["blind", "frozen"]
    assert says("bbwbbwbb") == ["blind"]
    assert says("bbwwwbb") == ["blind", "well", "blind"]


def test_flapping_between_troubles_tells_one() -> None:
    assert says("bbfbfbfbfb") == ["blind"]


def test_a_camera_that_shall_be_off_keeps_its_alarm_as_it_is() -> None:
    assert says("bboooobb") == ["blind"]
    assert says("boooob") == ["blind"]


def test_the_same_look_again_counts_once() -> None:
    health, _ = observe(NEW, look(1, "b"), LIMITS)
    assert observe(health, look(1, "b"), LIMITS) == (health, None)
    assert observe(health, look(0, "b"), LIMITS) == (health, None)


def test_a_notice_tells_since_when_and_keeps_its_id() -> None:
    _, [notice] = told("wwbbb")
    assert (notice.since, notice.at, notice.reason) == (look(2, "b").at, look(3, "b").at, "look 3")
    assert notice.id == "CAM_1-blind-20261123T123000Z"


@given(st.text("wbfo", max_size=60))
def test_nothing_is_told_twice_in_a_row_and_nothing_before_its_time(letters: str) -> None:
    health, notices = told(letters)
    assert all(before.now != after.now for before, after in pairwise(notices))
    assert [notice.before for notice in notices] == ["well", *[notice.now for notice in notices][:-1]][
        : len(notices)
    ]
    runs = [len(list(run)) for letter, run in groupby(letters.replace("o", "")) if letter in "bf"]
    assert bool(notices) == any(run >= LIMITS.bad_looks for run in runs)
    assert health.alarmed == (notices[-1].now if notices else "well")


@given(st.text("wbfo", max_size=40), st.integers(0, 40))
def test_a_restart_between_two_looks_neither_forgets_nor_repeats(letters: str, cut: int) -> None:
    health, first = told(letters[:cut])
    second = []
    for number in range(max(0, min(cut, len(letters)) - 3), len(letters)):
        health, notice = observe(health, look(number, letters[number]), LIMITS)
        second += [notice] if notice else []
    assert (health, first + second) == told(letters)
