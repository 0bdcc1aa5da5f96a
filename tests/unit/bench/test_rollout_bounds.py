"""The rollout benchmark says of each figure whether it keeps its bound."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

FILE = Path(__file__).parents[3] / "bench" / "rollout_bounds.py"
SPEC = importlib.util.spec_from_file_location("rollout_bounds", FILE)
assert SPEC is not None
assert SPEC.loader is not None
bounds = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bounds)

WELL = {"vs_quota_floor": 1.1, "noop_s": 30.0, "tasks_per_1000_cameras": 60.0, "task_rss_growth": 1.1}


def test_a_figure_at_its_bound_keeps_it() -> None:
    assert all(bounds.kept(WELL).values())
    assert "NO" not in bounds.table(WELL)


@pytest.mark.parametrize("name", WELL)
def test_a_figure_beyond_its_bound_is_named(name: str) -> None:
    figures = WELL | {name: WELL[name] + 0.1}
    assert [kept for kept, well in bounds.kept(figures).items() if not well] == [name]
    (row,) = [line for line in bounds.table(figures).splitlines() if line.endswith("NO")]
    what, most = bounds.BOUNDS[name]
    assert row.startswith(what)
    assert row.split()[-3:] == [f"{figures[name]:g}", f"{most:g}", "NO"]
