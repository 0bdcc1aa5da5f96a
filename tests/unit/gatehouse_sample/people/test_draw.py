from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gatehouse_sample.people.draw import CAST, DRAWN, PICTURES, Order, draw, orders, to_draw
from gatehouse_sample.people.pose import ENROLMENT, VIDEO

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_committed_pictures_show_the_committed_cast() -> None:
    assert to_draw(orders(json.loads(CAST.read_text())), PICTURES) == []


def test_calibration_people_are_nobody_in_the_company() -> None:
    cast = json.loads(CAST.read_text())
    seeds = [seed for role in cast.values() for seed in role.values()]
    assert len(set(seeds)) == len(seeds)


def test_a_picture_is_drawn_again_when_it_shows_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatehouse_sample.people.draw.FINE_HEIGHT", 40)
    order = Order("employee/E1/photo-1.jpg", 1, ENROLMENT[0])
    draw(order, tmp_path)
    assert to_draw([order], tmp_path) == []
    for other in (Order(order.path, 2, order.pose), Order(order.path, 1, VIDEO[0])):
        assert to_draw([other], tmp_path) == [other]
    (tmp_path / order.path).unlink()
    assert to_draw([order], tmp_path) == [order]
    assert list(json.loads((tmp_path / DRAWN).read_text())) == [order.path]
