"""Join one analysis record with what the snapshot knows about its camera and people."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from gatehouse.exceptions import UnknownStreamError
from gatehouse.ingest.spans import probe_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatehouse.ingest.record import AnalysisRecord, BoundingBox, FaceSearch, MatchedFace
    from gatehouse.ingest.snapshot import IngestSnapshot, Kind, SnapshotPerson, SnapshotStream


# Named tuples, because a batch makes hundreds and a frozen dataclass takes five times as long to make.
class Face(NamedTuple):
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


class Frame(NamedTuple):
    """Hold one analysed frame; `at_ms` is its own time, ProducerTimestamp + FrameOffset, in UTC.

    `probe_id` is set for a frame of a probe's clip, which is told by its time alone, never by a face.
    """

    stream_arn: str
    stream: SnapshotStream
    fragment_number: str
    at_ms: int
    faces: tuple[Face, ...]
    probe_id: str | None = None


def to_frame(record: AnalysisRecord, snapshot: IngestSnapshot) -> Frame:
    """Join a record with its camera; raises UnknownStreamError for a stream of no camera."""
    video = record["InputInformation"]["KinesisVideo"]
    stream_arn, offset = video["StreamArn"], video["FrameOffsetInSeconds"]
    stream = snapshot.streams.get(stream_arn)
    if stream is None:
        msg = (
            f"Stream {stream_arn} belongs to no camera in snapshot {snapshot.version} of Region "
            f"{snapshot.region}. The record was not indexed; it goes to the on-failure destination. "
            "Roll the office out again if its stream was recreated (that changes the ARN)."
        )
        raise UnknownStreamError(msg)
    fragment = video["FragmentNumber"]
    place = f"{stream_arn}|{fragment}|{round(offset * 1000)}"
    searches = record.get("FaceSearchResponse", ())
    at_ms = round((video["ProducerTimestamp"] + offset) * 1000)
    probes = snapshot.probes.get(stream_arn)
    return Frame(
        stream_arn,
        stream,
        fragment,
        at_ms,
        tuple(
            [_face(search, f"{place}|{ordinal}", snapshot.people) for ordinal, search in enumerate(searches)]
        ),
        probe_at(probes, at_ms) if probes else None,
    )


def _face(search: FaceSearch, identity: str, people: Mapping[str, SnapshotPerson]) -> Face:
    detected = search["DetectedFace"]
    event_id = blake2b(identity.encode(), digest_size=16).hexdigest()
    box, confidence = detected["BoundingBox"], detected["Confidence"]
    matches = search.get("MatchedFaces")
    if not matches:
        return Face(event_id, box, confidence, None, None, None)
    best = max(matches, key=_similarity) if len(matches) > 1 else matches[0]
    person_id = best["Face"].get("ExternalImageId")
    person = people.get(person_id) if person_id else None
    return Face(event_id, box, confidence, best["Similarity"], person_id, person.kind if person else None)


def _similarity(match: MatchedFace) -> float:
    return match["Similarity"]
