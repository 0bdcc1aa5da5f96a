"""Every camera is in one wave; the next wave starts when those before it passed."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.exceptions import PlanError
from gatehouse.office.policy import Wave
from gatehouse.rollout.waves import (
    TASKS_PER_1000_CAMERAS,
    FrozenWave,
    StageClock,
    TaskShape,
    Unit,
    WaveState,
    freeze,
    next_wave,
    smallest_unit,
    task_instances,
)

SHAPE = TaskShape(per_rollout=6, per_wave=1, per_unit=3)
SETTINGS = {"bake_seconds": 60, "unit_cameras": 100, "slots": 10}


def office(name: str, count: int) -> list[str]:
    return [f"CAM_{name.upper()}_{at}" for at in range(count)]


@st.composite
def companies(draw: st.DrawFn) -> tuple[list[Wave], dict[str, list[str]]]:
    names = draw(st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1))
    cameras = {name: office(name, draw(st.integers(1, 40))) for name in names}
    named = names[: draw(st.integers(0, len(names)))]
    share = st.one_of(st.integers(1, 30), st.integers(1, 100).map("{}%".format))
    waves = []
    if named:
        waves = [Wave(name="pilot", offices=tuple(named), cameras=draw(share)) for _ in range(2)]
        waves.append(Wave(name="named", offices=tuple(named)))
    waves += [Wave(name="some", take=draw(share)), Wave(name="rest", take="rest")]
    return waves, cameras


@given(companies(), st.integers(1, 50))
def test_every_camera_is_in_exactly_one_unit(
    company: tuple[list[Wave], dict[str, list[str]]], size: int
) -> None:
    waves, cameras = company
    frozen = freeze(waves, cameras, bake_seconds=60, unit_cameras=size, slots=10)
    placed = [camera for wave in frozen for camera in wave.cameras]
    assert sorted(placed) == sorted(chain.from_iterable(cameras.values()))
    for unit in chain.from_iterable(wave.units for wave in frozen):
        assert 1 <= len(unit.cameras) <= size
        assert set(unit.cameras) <= set(cameras[unit.office])
    assert [FrozenWave.from_json(wave.to_json()) for wave in frozen] == list(frozen)


def test_a_pilot_takes_a_share_of_an_offices_cameras_and_the_rest_follows() -> None:
    waves = [Wave(name="pilot", offices=("a",), cameras="10%"), Wave(name="a", offices=("a",))]
    pilot, rest = freeze(waves, {"a": office("a", 25)}, **SETTINGS)
    assert pilot.units == (Unit("a", 0, ("CAM_A_0", "CAM_A_1", "CAM_A_2")),)
    assert len(rest.cameras) == 22


def test_waves_grow_over_the_offices_that_none_names() -> None:
    waves = [Wave(name="one", take=1), Wave(name="half", take="50%"), Wave(name="rest", take="rest")]
    frozen = freeze(waves, {name: office(name, 1) for name in "dcbaef"}, **SETTINGS)
    assert [wave.offices for wave in frozen] == [("a",), ("b", "c", "d"), ("e", "f")]


def test_a_wave_bakes_as_long_as_it_says_or_as_the_gate_does() -> None:
    waves = [Wave(name="one", take=1, bake_seconds=7), Wave(name="rest", take="rest")]
    assert [wave.bake_seconds for wave in freeze(waves, {"a": office("a", 1)}, **SETTINGS)] == [7, 60]


def test_chunks_are_as_equal_as_they_can_be() -> None:
    (wave,) = freeze([Wave(name="all", take="rest")], {"a": office("a", 301)}, **SETTINGS)
    assert [len(unit.cameras) for unit in wave.units] == [75, 75, 75, 76]


def test_more_waves_than_slots_are_refused() -> None:
    waves = [Wave(name="a", take=1), Wave(name="b", take="rest")]
    with pytest.raises(PlanError, match="has 2 waves, the DAG's graph 1; nothing was changed"):
        freeze(waves, {"a": ["CAM"]}, bake_seconds=1, unit_cameras=1, slots=1)


def test_an_office_that_no_wave_takes_is_refused() -> None:
    with pytest.raises(PlanError, match="No wave takes all cameras of b"):
        freeze([Wave(name="a", offices=("a",))], {"a": ["CAM"], "b": ["CAM_2"]}, **SETTINGS)


def test_a_wave_that_airflow_cant_map_is_refused() -> None:
    with pytest.raises(PlanError, match="has 1025 units"):
        freeze(
            [Wave(name="a", take="rest")], {"a": office("a", 1025)}, bake_seconds=1, unit_cameras=1, slots=1
        )


@given(st.lists(st.integers(100, 2000), min_size=1, max_size=20), st.integers(1, 4))
def test_large_offices_keep_to_sixty_tasks_per_thousand_cameras(sizes: list[int], slots: int) -> None:
    size = smallest_unit(sizes, SHAPE, slots)
    cameras = {f"office-{at}": office(str(at), count) for at, count in enumerate(sizes)}
    (frozen,) = freeze([Wave(name="w", take="rest")], cameras, bake_seconds=1, unit_cameras=size, slots=1)
    tasks = task_instances([frozen], SHAPE)
    least = task_instances([FrozenWave("w", frozen.units[: len(sizes)], 1)], SHAPE)
    assert tasks <= max(sum(sizes) * TASKS_PER_1000_CAMERAS / 1000, least)


def test_the_next_wave_waits_for_the_one_before() -> None:
    pilot, rest = WaveState("pilot", "Progressing"), WaveState("rest", "Pending")
    assert next_wave([pilot, rest]).kind == "wait"
    assert next_wave([WaveState("pilot", "Healthy", passed=True), rest]).wave == "rest"
    assert next_wave([WaveState("pilot", "Healthy", passed=True)]).kind == "done"


def test_a_paused_wave_holds_the_next_and_a_degraded_one_stops_it() -> None:
    rest = WaveState("rest", "Pending")
    assert next_wave([WaveState("pilot", "Paused", reason="no data"), rest]).reason == "no data"
    assert next_wave([WaveState("pilot", "Degraded"), rest]).kind == "stop"


def test_a_wave_with_quarantined_cameras_lets_the_next_begin() -> None:
    found = next_wave([WaveState("pilot", "Degraded", passed=True), WaveState("rest", "Pending")])
    assert (found.kind, found.wave) == ("start", "rest")


def test_a_wave_judged_healthy_before_it_passed_starts_nothing() -> None:
    assert next_wave([WaveState("pilot", "Healthy"), WaveState("rest", "Pending")]).kind == "wait"


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=5), st.integers(0, 60))
def test_paused_seconds_are_no_work(pauses: list[tuple[int, int]], now: int) -> None:
    worked = sum(not any(begin <= second < end for begin, end in pauses) for second in range(now))
    clock = StageClock(0, tuple((float(begin), float(end)) for begin, end in pauses))
    assert clock.worked(now) == worked
    assert clock.overdue(now, worked)
    assert not clock.overdue(now, worked + 1)
