"""Read the analysis record that every engine writes: Rekognition's stream-processor JSON (aws.md §2.5).

Only what Gatehouse uses is read. Landmarks, pose and quality are not, so no later part can keep them
for a face that matched nobody.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal

from gatehouse.exceptions import RecordFormatError

Percent = Annotated[float, Field(ge=0, le=100)]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", allow_inf_nan=False, alias_generator=to_pascal
    )


class BoundingBox(_Part):
    """Locate a face in fractions of the frame; a face at the edge may reach below 0 or above 1."""

    left: float
    top: float
    width: float
    height: float


class DetectedFace(_Part):
    """Say where a face is, and how sure the engine is that it is one (percent)."""

    bounding_box: BoundingBox
    confidence: Percent


class CollectionFace(_Part):
    """Name the enrolled face that was matched; `external_image_id` is the person's opaque id."""

    external_image_id: str | None = None


class MatchedFace(_Part):
    """Hold one match at or above the collection's threshold (percent)."""

    similarity: Percent
    face: CollectionFace


class FaceSearch(_Part):
    """Hold one face of the frame; no match means that nobody in the collection looks like it."""

    detected_face: DetectedFace
    matched_faces: tuple[MatchedFace, ...] = ()


class KinesisVideo(_Part):
    """Locate the frame: fragment numbers are decimal strings too long for 64 bits, times are seconds."""

    stream_arn: Annotated[str, Field(min_length=1)]
    fragment_number: Annotated[str, Field(pattern=r"^[0-9]{1,128}$")]
    producer_timestamp: Annotated[float, Field(gt=0, lt=32_503_680_000)]  # before the year 3000
    frame_offset_in_seconds: Annotated[float, Field(ge=0, lt=86_400)]


class InputInformation(_Part):
    """Wrap the only kind of input there is."""

    kinesis_video: KinesisVideo


class AnalysisRecord(_Part):
    """Hold one analysed frame; no face in it is an empty `face_search_response`."""

    input_information: InputInformation
    face_search_response: tuple[FaceSearch, ...] = ()


def parse_record(payload: bytes) -> AnalysisRecord:
    """Parse one record's bytes.

    The error names fields, never their values: a matched face's id is personal data.
    """
    try:
        return AnalysisRecord.model_validate_json(payload)
    except ValidationError as error:
        raise RecordFormatError(_describe(error)) from None


def _describe(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    first = problems[0]
    place = ".".join(str(part) for part in first["loc"]) or "the record"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return (
        f"Not a Rekognition analysis record: {place}: {first['msg']}{more}. Nothing of it was indexed. "
        "Find its payload in the on-failure destination and compare it with reference aws.md §2.5."
    )
