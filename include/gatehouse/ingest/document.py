"""Turn an analysed frame into detection documents and its evidence's name.

A document's `_id` is its `event_id`, a digest of stream, fragment, offset and face ordinal, so writing
a record again (create, where 409 counts as done) writes nothing new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse.ingest.instant import iso
from gatehouse.ingest.spans import engine_at

if TYPE_CHECKING:
    from gatehouse.ingest.frame import Face, Frame

Document = dict[str, Any]

# Who works here. A VIP or somebody on a watchlist is recognised, but is no employee match.
EMPLOYED = frozenset({"employee", "contractor"})


def detection_documents(frame: Frame, ingested_at: str) -> list[Document]:
    """Return one document per face, in the record's order; a frame without faces has none.

    Fields without a value are left out. `s3_location` is set later, where a frame is stored.
    """
    if not frame.faces:
        return []
    shared = _shared(frame, ingested_at)
    return [shared | _own(face) for face in frame.faces]


def _shared(frame: Frame, ingested_at: str) -> Document:
    at = iso(frame.at_ms)
    stream = frame.stream
    shared: Document = {
        "@timestamp": at,
        "timestamp": at,
        "ingested_at": ingested_at,
        "camera_id": stream.camera_id,
        "office": stream.office,
        "location": {"floor": stream.floor, "zone": stream.zone},
        "fragment_number": frame.fragment_number,
        "engine": engine_at(stream, frame.at_ms),
        "face_detected": True,
        "probe": frame.probe_id is not None,
    }
    if frame.probe_id is not None:
        shared["probe_id"] = frame.probe_id
    return shared


def _own(face: Face) -> Document:
    box = face.box
    own: Document = {
        "event_id": face.event_id,
        "employee_match": face.kind in EMPLOYED,
        "confidence": face.confidence,
        "box": {"left": box["Left"], "top": box["Top"], "width": box["Width"], "height": box["Height"]},
    }
    if face.similarity is not None:
        own["similarity"] = face.similarity
    if face.person_id is not None:
        own["person_id"] = face.person_id
    if face.kind is not None:
        own["kind"] = face.kind
    return own
