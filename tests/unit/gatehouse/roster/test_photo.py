"""A photo that can't be enrolled says why and what to upload instead."""

from __future__ import annotations

import pytest

from gatehouse.exceptions import PhotoRejectedError
from gatehouse.roster.photo import check_face_count, check_indexed, check_photo, reject_for

JPEG = b"\xff\xd8\xff\xe0" + bytes(100)


def test_a_jpeg_with_one_face_passes() -> None:
    check_photo(JPEG)
    check_face_count(1)
    check_indexed(1, [])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.7", "is a PDF, whatever its name says"),
        (b"", "is empty"),
        (JPEG + bytes(5_242_880), "too large"),
        (b"hello", "is something else"),
    ],
)
def test_what_is_no_photo_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(PhotoRejectedError, match=reason):
        check_photo(data)


@pytest.mark.parametrize(("faces", "reason"), [(0, "shows no face"), (2, "shows 2 faces")])
def test_a_photo_shows_exactly_one_face(faces: int, reason: str) -> None:
    with pytest.raises(PhotoRejectedError, match=reason):
        check_face_count(faces)


def test_a_call_that_succeeds_and_stores_nothing_is_a_rejection() -> None:
    with pytest.raises(PhotoRejectedError, match=r"not indexed \(LOW_SHARPNESS\)"):
        check_indexed(0, ["LOW_SHARPNESS"])


@pytest.mark.parametrize(
    ("code", "reason"),
    [("InvalidImageFormatException", "cut off"), ("InvalidParameterException", "80 × 80 pixels")],
)
def test_rekognitions_errors_are_explained(code: str, reason: str) -> None:
    with pytest.raises(PhotoRejectedError, match=reason):
        reject_for(code)
