"""A position moves only over records that are all done, whatever order lanes finish in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatehouse_local.lambda_.mappings.checkpoint import Progress
from gatehouse_local.lambda_.mappings.planner import Record


@given(st.permutations(range(12)))
def test_the_position_is_the_end_of_the_gapless_finished_part(order: list[int]) -> None:
    records = [Record(str(number), "k", b"", 0) for number in range(12)]
    progress = Progress()
    progress.begin(records)
    reached, done = -1, set()
    for number in order:
        done.add(number)
        found = progress.finish([records[number]])
        reached = reached if found is None else int(found)
        gapless = next(n for n in range(13) if n not in done)
        assert reached == gapless - 1
    assert progress.unfinished == 0
