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
    return [_document(shared, face) for face in frame.faces]


def _document(shared: Document, face: Face) -> Document:
    event_id, box, confidence, similarity, person_id, kind = face
    document = shared.copy()
    document["event_id"] = event_id
    document["employee_match"] = kind in EMPLOYED
    document["confidence"] = confidence
    document["box"] = {
        "left": box["Left"], "top": box["Top"], "width": box["Width"], "height": box["Height"],
    }  # fmt: skip
    if similarity is not None:
        document["similarity"] = similarity
    if person_id is not None:
        document["person_id"] = person_id
    if kind is not None:
        document["kind"] = kind
    return document
