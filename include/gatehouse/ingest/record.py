"""Read the analysis record that every engine writes: Rekognition's stream-processor JSON (aws.md §2.5).

The types name AWS's fields as AWS does. Only what Gatehouse uses is read: landmarks, pose and quality
are not, so no later part can keep them for a face that matched nobody. Records are plain dictionaries,
checked by pydantic's core, because a batch has hundreds of them and model objects would double its time.
"""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from gatehouse.exceptions import RecordFormatError

_CHECKS = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)
Percent = Annotated[float, Field(ge=0, le=100)]


@with_config(_CHECKS)
class BoundingBox(TypedDict):
    """Locate a face in fractions of the frame; a face at the edge may reach below 0 or above 1."""

    Left: float
    Top: float
    Width: float
    Height: float


@with_config(_CHECKS)
class DetectedFace(TypedDict):
    """Say where a face is, and how sure the engine is that it is one."""

    BoundingBox: BoundingBox
    Confidence: Percent


@with_config(_CHECKS)
class CollectionFace(TypedDict):
    """Name the enrolled face that was matched; `ExternalImageId` is the person's opaque id."""

    ExternalImageId: NotRequired[str]


@with_config(_CHECKS)
class MatchedFace(TypedDict):
    """Hold one match at or above the collection's threshold."""

    Similarity: Percent
    Face: CollectionFace


@with_config(_CHECKS)
class FaceSearch(TypedDict):
    """Hold one face of the frame; no match means that nobody in the collection looks like it."""

    DetectedFace: DetectedFace
    MatchedFaces: NotRequired[list[MatchedFace]]


@with_config(_CHECKS)
class KinesisVideo(TypedDict):
    """Locate the frame: fragment numbers are decimal strings too long for 64 bits, times are seconds."""

    StreamArn: Annotated[str, Field(min_length=1)]
    FragmentNumber: Annotated[str, Field(pattern=r"^[0-9]{1,128}$")]
    ProducerTimestamp: Annotated[float, Field(gt=0, lt=32_503_680_000)]  # before the year 3000
    FrameOffsetInSeconds: Annotated[float, Field(ge=0, lt=86_400)]


@with_config(_CHECKS)
class InputInformation(TypedDict):
    """Wrap the only kind of input there is."""

    KinesisVideo: KinesisVideo


@with_config(_CHECKS)
class AnalysisRecord(TypedDict):
    """Hold one analysed frame; no face in it is an empty or absent `FaceSearchResponse`."""

    InputInformation: InputInformation
    FaceSearchResponse: NotRequired[list[FaceSearch]]


# The adapter's own method adds a third to what its validator takes.
_read_json = TypeAdapter(AnalysisRecord).validator.validate_json


def parse_record(payload: bytes) -> AnalysisRecord:
    """Parse one record's bytes.

    The error names fields, never their values: a matched face's id is personal data.
    """
    try:
        record: AnalysisRecord = _read_json(payload)
    except ValidationError as error:
        raise RecordFormatError(_describe(error)) from None
    return record


def _describe(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    first = problems[0]
    place = ".".join(str(part) for part in first["loc"]) or "the record"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return (
        f"Not a Rekognition analysis record: {place}: {first['msg']}{more}. Nothing of it was indexed. "
        "Find its payload in the on-failure destination and compare it with reference aws.md §2.5."
    )
