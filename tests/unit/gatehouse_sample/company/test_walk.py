from __future__ import annotations

import numpy as np
import pytest

from gatehouse_sample.company.scene import HEIGHT, WIDTH
from gatehouse_sample.company.schedule import Visit
from gatehouse_sample.company.walk import ENTER_SECONDS, Walk

VISIT = Visit("v", "E1", "employee", 10.0, 19.0)
LOOKS = [np.zeros((320, 260, 4), np.uint8)] * 4


@pytest.mark.parametrize("rightwards", [True, False])
def test_a_visitor_is_there_for_the_visit_only(rightwards: bool) -> None:
    walk = Walk(VISIT, LOOKS, rightwards=rightwards)
    assert walk.at(9.99) is None
    assert walk.at(10.0) is not None
    assert walk.at(18.99) is not None
    assert walk.at(19.0) is None


@pytest.mark.parametrize("rightwards", [True, False])
def test_once_inside_a_visitor_is_whole_until_leaving(rightwards: bool) -> None:
    walk = Walk(VISIT, LOOKS, rightwards=rightwards)
    for seconds in np.arange(VISIT.start_s + ENTER_SECONDS, VISIT.end_s - ENTER_SECONDS, 0.1):
        step = walk.at(float(seconds))
        assert step is not None
        rows, columns = step.picture.shape[:2]
        assert -1 <= step.left <= WIDTH - columns + 1
        assert step.top >= 0
        assert step.top + rows >= HEIGHT
