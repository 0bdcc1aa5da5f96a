"""Who stood there: what a camera's loops played, and nothing that a stop cut off."""

from __future__ import annotations

from typing import Any

from gatehouse_stack.demo import truth

SCRIPTS: dict[str, Any] = {
    "A": {
        "visits": [
            {"visit_id": "v1", "subject": "E01", "role": "employee", "start_s": 5, "end_s": 10},
            {"visit_id": "v2", "subject": "S01", "role": "stranger", "start_s": 40, "end_s": 50},
        ]
    }
}


def test_a_loop_that_the_next_run_cut_off_has_only_the_visits_before_it() -> None:
    loops = [
        {"camera_id": "A", "loop": 0, "wall_start": 1000.0},
        {"camera_id": "B", "loop": 0, "wall_start": 1001.0},
        {"camera_id": "A", "loop": 0, "wall_start": 1030.0},
    ]
    found = sorted((visit.start, visit.visit_id) for visit in truth.visits(SCRIPTS, loops))
    assert found == [(1005.0, "v1"), (1035.0, "v1"), (1070.0, "v2")]


def test_loops_that_follow_each_other_keep_all_visits() -> None:
    loops = [{"camera_id": "A", "loop": n, "wall_start": 1000.0 + 60 * n} for n in range(2)]
    assert len(list(truth.visits(SCRIPTS, loops))) == 4
