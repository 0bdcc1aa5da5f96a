"""Join one analysis record with what the snapshot knows about its camera and people."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from gatehouse.exceptions import UnknownStreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatehouse.ingest.record import AnalysisRecord, BoundingBox, FaceSearch, MatchedFace
    from gatehouse.ingest.snapshot import IngestSnapshot, Kind, SnapshotPerson, SnapshotStream


@dataclass(frozen=True, slots=True)
class Face:
    """Hold one face of a frame and its best match, if any.

    `kind` is None for a match whose person the snapshot doesn't know: somebody enrolled or removed
    since it was written. `similarity` is None only where nobody matched.
    """

    event_id: str
    box: BoundingBox
    confidence: float
    similarity: float | None
    person_id: str | None
    kind: Kind | None


@dataclass(frozen=True, slots=True)
class Frame:
    """Hold one analysed frame; `at_ms` is its own time, ProducerTimestamp + FrameOffset, in UTC."""

    stream_arn: str
    stream: SnapshotStream
    fragment_number: str
    at_ms: int
    faces: tuple[Face, ...]


def to_frame(record: AnalysisRecord, snapshot: IngestSnapshot) -> Frame:
    """Join a record with its camera; raises UnknownStreamError for a stream of no camera."""
    video = record.input_information.kinesis_video
    stream = snapshot.streams.get(video.stream_arn)
    if stream is None:
        msg = (
            f"Stream {video.stream_arn} belongs to no camera in snapshot {snapshot.version} of Region "
            f"{snapshot.region}. The record was not indexed; it goes to the on-failure destination. "
            "Roll the office out again if its stream was recreated (that changes the ARN)."
        )
        raise UnknownStreamError(msg)
    offset_ms = round(video.frame_offset_in_seconds * 1000)
    place = f"{video.stream_arn}|{video.fragment_number}|{offset_ms}"
    return Frame(
        stream_arn=video.stream_arn,
        stream=stream,
        fragment_number=video.fragment_number,
        at_ms=round((video.producer_timestamp + video.frame_offset_in_seconds) * 1000),
        faces=tuple(
            _face(search, f"{place}|{ordinal}", snapshot.people)
            for ordinal, search in enumerate(record.face_search_response)
        ),
    )


def _face(search: FaceSearch, identity: str, people: Mapping[str, SnapshotPerson]) -> Face:
    best = max(search.matched_faces, key=_similarity, default=None)
    person_id = best.face.external_image_id if best else None
    person = people.get(person_id) if person_id else None
    return Face(
        event_id=blake2b(identity.encode(), digest_size=16).hexdigest(),
        box=search.detected_face.bounding_box,
        confidence=search.detected_face.confidence,
        similarity=best.similarity if best else None,
        person_id=person_id,
        kind=person.kind if person else None,
    )


def _similarity(match: MatchedFace) -> float:
    return match.similarity
