"""From when on a camera is judged."""

from __future__ import annotations

from gatehouse_stack.demo.drive import WARM_UP_SECONDS, judged_from

BEGAN, ENDED = 1000.0, 1060.0


def test_a_camera_that_the_rollout_switched_on_is_judged_from_its_first_frame() -> None:
    frames = {"new": [1031.0, 1030.0, 1032.0]}
    assert judged_from(["new"], frames, BEGAN, ENDED) == {"new": 1030.0 + WARM_UP_SECONDS}


def test_a_camera_that_ran_before_or_shows_nothing_is_judged_from_the_end() -> None:
    frames = {"old": [990.0, 991.0, 1030.0]}
    judged = judged_from(["old", "blind"], frames, BEGAN, ENDED)
    assert judged == dict.fromkeys(("old", "blind"), ENDED + WARM_UP_SECONDS)
