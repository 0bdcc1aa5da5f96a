from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gatehouse.frames.crops import LEAST_SIDE, Box, Crop, Rect, crop_of, is_of

sides = st.integers(1, 160)
boxes = st.builds(
    Box,
    left=st.floats(-0.2, 1.1),
    top=st.floats(-0.2, 1.1),
    width=st.floats(0.005, 0.7),
    height=st.floats(0.005, 0.7),
)
faces = st.lists(boxes, min_size=1, max_size=4)


def painted(rects: tuple[Rect, ...], width: int, height: int) -> NDArray[np.int_]:
    """Count for each pixel how many of the rectangles cover it."""
    counts = np.zeros((height, width), dtype=int)
    for rect in rects:
        assert 0 <= rect.left < rect.right <= width
        assert 0 <= rect.top < rect.bottom <= height
        counts[rect.top : rect.bottom, rect.left : rect.right] += 1
    return counts


def crops(found: list[Box], width: int, height: int) -> list[Crop]:
    made = [crop_of(found, index, width, height) for index in range(len(found))]
    return [crop for crop in made if crop is not None]


@given(faces, sides, sides)
def test_a_crop_holds_its_face_whole_and_is_large_enough_for_rekognition(
    found: list[Box], width: int, height: int
) -> None:
    for crop in crops(found, width, height):
        assert painted((crop.rect,), width, height).sum() == crop.rect.area
        assert crop.face.within(crop.rect) == crop.face
        assert min(crop.rect.width, crop.rect.height) * crop.scale >= LEAST_SIDE
        if min(width, height) >= LEAST_SIDE:
            assert crop.scale == 1


@given(faces, sides, sides)
def test_no_neighbour_shows_in_a_crop_and_nothing_of_its_own_face_is_hidden(
    found: list[Box], width: int, height: int
) -> None:
    for index in range(len(found)):
        crop = crop_of(found, index, width, height)
        if crop is None:
            continue
        hidden = painted(crop.masks, width, height) > 0
        own = painted((crop.face,), width, height) > 0
        assert not (hidden & own).any()
        for other, box in enumerate(found):
            neighbour = crop_of([box], 0, width, height)
            if other == index or neighbour is None:
                continue
            shown = painted((neighbour.face,), width, height) > 0
            inside = painted((crop.rect,), width, height) > 0
            assert not (shown & inside & ~own & ~hidden).any()


@given(st.data())
def test_a_rectangle_is_cut_out_of_another_exactly(data: st.DataObject) -> None:
    def rect() -> Rect:
        left, top = data.draw(st.integers(0, 30)), data.draw(st.integers(0, 30))
        width, height = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 30))
        return Rect(left, top, left + width, top + height)

    whole, hole = rect(), rect()
    left = painted(whole.without(hole), 60, 60)
    expected: Any = (painted((whole,), 60, 60) > 0) & ~(painted((hole,), 60, 60) > 0)
    assert left.max() <= 1
    assert (left.astype(bool) == expected).all()


def test_a_face_outside_the_frame_is_not_cut_out() -> None:
    assert crop_of([Box(1.01, 0.2, 0.1, 0.1)], 0, 640, 480) is None


def test_a_small_face_gets_as_much_around_it_as_rekognition_wants() -> None:
    crop = crop_of([Box(0.0, 0.0, 0.05, 0.05)], 0, 640, 480)
    assert crop is not None
    assert (crop.rect, crop.scale) == (Rect(0, 0, LEAST_SIDE, LEAST_SIDE), 1)


def test_the_searched_face_is_recognised_as_the_one_or_another() -> None:
    crop = crop_of([Box(0.4, 0.4, 0.2, 0.2)], 0, 1000, 1000)
    assert crop is not None
    # 200 pixels and a margin of 80 on each side: the face lies at 80/360 of its crop.
    assert is_of(crop, Box(0.25, 0.2, 0.5, 0.55))
    assert not is_of(crop, Box(0.0, 0.0, 0.2, 0.2))
    assert not is_of(crop, Box(0.8, 0.2, 0.2, 0.5))
