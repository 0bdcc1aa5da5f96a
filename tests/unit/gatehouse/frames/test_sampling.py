from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.frames.sampling import Grid, Progress, Sampler

BASE = 1_795_000_000_000
rates = st.sampled_from([0.1, 0.2, 0.5, 1, 2, 3, 5, 7.5, 30])
instants = st.integers(BASE, BASE + 60_000)
films = st.lists(instants, min_size=1, max_size=200, unique=True).map(sorted)


def chosen(times: list[int], grid: Grid, due: int) -> list[int]:
    return [times[index] for index in Sampler(grid, due).choose(times)]


@given(rates, st.integers(0, 10**13))
def test_a_cell_begins_with_its_first_instant(fps: float, at_ms: int) -> None:
    grid = Grid.of(fps)
    cell = grid.cell(at_ms)
    assert grid.start_ms(cell) <= at_ms < grid.start_ms(cell + 1)
    assert grid.cell(grid.start_ms(cell)) == cell
    assert grid.cell(grid.start_ms(cell) - 1) == cell - 1


@given(rates, instants)
def test_the_first_whole_cell_begins_at_the_start_or_after_it(fps: float, from_ms: int) -> None:
    grid = Grid.of(fps)
    first = grid.first_whole(from_ms)
    assert grid.start_ms(first) >= from_ms > grid.start_ms(first - 1)


@given(rates, films)
def test_every_cell_that_has_a_frame_yields_its_first_and_no_other(fps: float, times: list[int]) -> None:
    grid = Grid.of(fps)
    first: dict[int, int] = {}
    for at_ms in times:
        first.setdefault(grid.cell(at_ms), at_ms)
    assert chosen(times, grid, 0) == list(first.values())


@given(rates, films, instants)
def test_two_engines_with_a_switch_between_them_leave_no_cell_out_and_share_none(
    fps: float, times: list[int], switch_ms: int
) -> None:
    """The old engine samples on; its records from the switch on are dropped at ingest."""
    grid = Grid.of(fps)
    aligned_ms = grid.start_ms(grid.first_whole(switch_ms))
    old = [at_ms for at_ms in chosen(times, grid, 0) if at_ms < aligned_ms]
    new = chosen(times, grid, grid.first_whole(aligned_ms))
    assert old + new == chosen(times, grid, 0)


@given(rates, films, st.data())
def test_a_killed_run_and_the_next_together_sample_what_one_run_would(
    fps: float, times: list[int], data: st.DataObject
) -> None:
    grid = Grid.of(fps)
    whole = chosen(times, grid, 0)
    progress = Progress(grid, 0)
    taken = whole[: data.draw(st.integers(0, len(whole)))]
    settled = [at_ms for at_ms in taken if data.draw(st.booleans())]
    for at_ms in taken:
        progress.taken(at_ms)
    for at_ms in data.draw(st.permutations(settled)):
        progress.settled(at_ms)
    again = chosen(times, grid, grid.first_whole(progress.resume_ms))
    assert sorted({*settled, *again}) == whole
    assert progress.unsettled == len(taken) - len(settled)


@given(films)
def test_what_is_read_again_after_a_reconnect_is_not_sampled_again(times: list[int]) -> None:
    sampler = Sampler(Grid.of(1), 0)
    first = sampler.choose(times)
    assert first
    assert sampler.choose(times) == []


def test_progress_moves_over_cells_only_once_all_before_them_are_settled() -> None:
    grid = Grid.of(1)
    progress = Progress(grid, grid.first_whole(BASE))
    assert progress.resume_ms == BASE
    for second in range(3):
        progress.taken(BASE + second * 1000 + 300)
    progress.settled(BASE + 2300)
    assert progress.resume_ms == BASE
    progress.settled(BASE + 300)
    assert progress.resume_ms == BASE + 1000
    progress.settled(BASE + 1300)
    assert progress.resume_ms == BASE + 3000


@pytest.mark.parametrize(("fps", "exact"), [(0.1, Fraction(1, 10)), (7.5, Fraction(15, 2)), (1, Fraction(1))])
def test_a_rate_is_taken_as_it_is_written(fps: float, exact: Fraction) -> None:
    assert Grid.of(fps).fps == exact
