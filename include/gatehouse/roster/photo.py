"""Judge whether a photo can be enrolled; the remedy is for whoever uploads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.exceptions import PhotoRejectedError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BYTES = 5_242_880  # IndexFaces' limit for image bytes (aws.md §1)
_FORMATS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG"}
_LOOKALIKES = {b"%PDF": "a PDF", b"GIF8": "a GIF", b"RIFF": "a WebP", b"BM": "a BMP", b"II*\x00": "a TIFF"}

# Error codes of Rekognition that mean "this image", as opposed to "this call" (aws.md §1).
PHOTO_ERRORS = {
    "InvalidImageFormatException": "can't be decoded: cut off, or not a JPEG or PNG. Upload it again",
    "ImageTooLargeException": "is too large for Rekognition. Upload it with at most 5 MB",
    "InvalidParameterException": "isn't accepted by Rekognition, which needs at least 80 × 80 pixels. "
    "Upload a larger one",
}


def check_photo(data: bytes) -> None:
    """Refuse what is no JPEG or PNG of acceptable size before it costs a call."""
    if not data:
        _reject("is empty. Upload it again")
    if len(data) > MAX_BYTES:
        _reject(PHOTO_ERRORS["ImageTooLargeException"])
    if not any(data.startswith(magic) for magic in _FORMATS):
        what = next((name for magic, name in _LOOKALIKES.items() if data.startswith(magic)), "something else")
        _reject(f"is {what}, whatever its name says. Upload a JPEG or PNG")


def check_face_count(faces: int) -> None:
    """Refuse a photo that doesn't show exactly one face."""
    if faces == 0:
        _reject("shows no face. Upload a frontal, well-lit portrait")
    if faces > 1:
        _reject(f"shows {faces} faces. Upload one with this person alone")


def check_indexed(records: int, unindexed_reasons: Sequence[str]) -> None:
    """Refuse a photo of which IndexFaces stored nothing, although the call succeeded."""
    if records == 0:
        why = ", ".join(sorted(set(unindexed_reasons))) or "no reason given"
        _reject(f"was not indexed ({why}). Upload a sharp, frontal, well-lit portrait")


def reject_for(code: str) -> None:
    """Turn an error code of Rekognition about an image into the photo's rejection."""
    _reject(f"{PHOTO_ERRORS[code]} ({code})")


def _reject(reason: str) -> None:
    msg = f"The photo {reason}"
    raise PhotoRejectedError(msg)
