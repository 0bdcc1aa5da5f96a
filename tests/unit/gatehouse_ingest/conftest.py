"""Stand in for what the ingest function talks to: OpenSearch's requests, S3's frames, SNS's topic."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest
from opensearchpy.exceptions import ConnectionError as UnreachableError

from gatehouse.alerts.state import ADD_HITS, MOVE
from gatehouse.ingest.instant import iso
from gatehouse.ingest.minutes import COUNT_FRAMES
from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse_ingest.batch import Ingest
from gatehouse_ingest.evidence import Stored
from gatehouse_ingest.index import Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gatehouse.ingest.frame import Frame

ARN = "arn:aws:kinesisvideo:eu-central-1:123456789012:stream/gatehouse-CAM_A/1763900000000"
CONFLICT = {"type": "version_conflict_engine_exception"}
Document = dict[str, Any]


class FakeSearch:
    """Answer the requests the function sends, as OpenSearch 3.8 does; scripts run as Python.

    `test_scripts.py` holds these scripts against the real server. `refuse` maps a document's
    index to the error its next actions get; `down` refuses connections. Requests may come from several
    threads; `before` is called with each one's path, outside the lock, so it may wait or send others.
    """

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], Document] = {}
        self.refuse: dict[str, tuple[int, str]] = {}
        self.down = 0
        self.requests: list[str] = []
        self.writes = 0
        self.before: Callable[[str], None] = lambda path: None
        self._lock = Lock()

    @property
    def transport(self) -> FakeSearch:
        return self

    def perform_request(self, method: str, path: str, params: Any, body: Any, timeout: float) -> Any:
        self.before(path)
        with self._lock:
            return self._perform(path, body)

    def _perform(self, path: str, body: Any) -> Any:
        self.requests.append(path)
        if self.down:
            self.down -= 1
            raise UnreachableError("N/A", "Connection refused", None)
        if path.endswith("/_bulk"):
            return self._bulk(path.split("/")[1], body)
        if path == "/_mget":
            return {"docs": [self._found(place["_index"], place["_id"]) for place in body["docs"]]}
        _, index, action, doc_id = path.split("/")
        assert action == "_update"
        answer = self._update(index, doc_id, body)
        assert answer["status"] < 300, answer
        return answer

    def of(self, prefix: str) -> list[Document]:
        """Return the documents of indices that start so."""
        return [found for (index, _), found in self.documents.items() if index.startswith(prefix)]

    def _bulk(self, data_stream: str, body: bytes) -> Document:
        lines = [json.loads(line) for line in body.splitlines()]
        items = []
        for action, request in zip(lines[::2], lines[1::2], strict=True):
            ((verb, target),) = action.items()
            if verb == "create":
                items.append({verb: self._create(f".ds-{data_stream}-000001", target["_id"], request)})
            else:
                items.append({verb: self._update(target["_index"], target["_id"], request)})
        return {"items": items}

    def _found(self, index: str, doc_id: str) -> Document:
        found = self.documents.get((index, doc_id))
        known = {"_index": index, "_id": doc_id, "found": found is not None}
        return known | ({"_source": json.loads(json.dumps(found))} if found is not None else {})

    def _refused(self, index: str) -> Document | None:
        for prefix, (status, kind) in self.refuse.items():
            if index.startswith(prefix):
                return {"_index": index, "status": status, "error": {"type": kind}}
        return None

    def _create(self, index: str, doc_id: str, source: Document) -> Document:
        if refused := self._refused(index):
            return refused
        if (index, doc_id) in self.documents:
            return {"_index": index, "status": 409, "error": CONFLICT}
        self.documents[index, doc_id] = source
        self.writes += 1
        return {"_index": index, "status": 201}

    def _update(self, index: str, doc_id: str, request: Document) -> Document:
        if refused := self._refused(index):
            return refused
        before = self.documents.get((index, doc_id))
        source = json.loads(json.dumps(request.get("upsert") if before is None else before))
        if source is None:
            return {"_index": index, "status": 404, "error": {"type": "document_missing_exception"}}
        changed = self._changed(source, request)
        if changed:
            self.documents[index, doc_id] = source
            self.writes += 1
        return {"_index": index, "status": 200, "get": {"_source": json.loads(json.dumps(source))}}

    @staticmethod
    def _changed(source: Document, request: Document) -> bool:
        if "doc" in request:
            source.update(request["doc"])
            return True
        script = request["script"]
        run = {COUNT_FRAMES: count_frames, ADD_HITS: add_hits, MOVE: move}[script["source"]]
        return run(source, script["params"])


def count_frames(source: Document, params: Document) -> bool:
    """Be count_frames.painless."""
    before = len(source["frames"]) + len(source["face_frames"])
    source["frames"] = sorted({*source["frames"], *params["frames"]})
    source["face_frames"] = sorted({*source["face_frames"], *params["face_frames"]})
    grown = len(source["frames"]) + len(source["face_frames"]) > before
    if "probe_frames" in params:
        probes = sorted({*source.get("probe_frames", []), *params["probe_frames"]})
        grown = grown or probes != source.get("probe_frames")
        source["probe_frames"] = probes
    source["analysed"], source["with_faces"] = len(source["frames"]), len(source["face_frames"])
    return grown


def add_hits(source: Document, params: Document) -> bool:
    """Be add_hits.painless."""
    new = [event for event in params["hits"] if event not in source["hits"]]
    if not new:
        return False
    source["hits"] += new
    frames = source["hit_frames"]
    for at, faces in params["frames"].items():
        frames[at] = max(faces, frames.get(at, 0))
    times = [int(at) for at in frames]
    source["frames"], source["faces"] = len(frames), max(frames.values())
    source["first_seen"], source["last_seen"] = iso(min(times)), iso(max(times))
    return True


def move(source: Document, params: Document) -> bool:
    """Be move.painless."""
    if source["state"] not in params["from"]:
        return False
    source["state"] = params["to"]
    source.update(params["fields"])
    return True


@dataclass
class Office:
    """Hold one ingest function with everything around it faked."""

    snapshot: IngestSnapshot
    search: FakeSearch = field(default_factory=FakeSearch)
    published: list[Document] = field(default_factory=list)
    stored: list[Frame] = field(default_factory=list)
    topic_up: bool = True
    frames_up: bool = True
    newer: IngestSnapshot | None = None

    def current(self, *, fresh: bool = False) -> IngestSnapshot:
        if fresh and self.newer:
            self.snapshot = self.newer
        return self.snapshot

    def store(self, frame: Frame) -> Stored | None:
        self.stored.append(frame)
        return Stored(f"s3://bucket/{frame.at_ms}", exact=True) if self.frames_up else None

    def publish(self, message: Document) -> bool:
        if self.topic_up:
            self.published.append(message)
        return self.topic_up

    def ingest(self, records: Iterable[Document]) -> list[str]:
        ingest = Ingest(self, self, self, lambda: 1_795_442_100_000)  # type: ignore[arg-type]
        return ingest.process(list(records), Index(self.search, time.monotonic() + 0.3))  # type: ignore[arg-type]

    @property
    def told(self) -> list[str]:
        """Return the ids of published alerts, in order."""
        return [message["alert_id"] for message in self.published]

    def alerts(self, state: str) -> list[Document]:
        return [alert for alert in self.search.of("gatehouse-alerts-") if alert["state"] == state]


def make_snapshot(**changes: Any) -> IngestSnapshot:
    stream = {
        "camera_id": "CAM_A", "office": "berlin", "floor": "0", "zone": "lobby",
        "time_zone": "Europe/Berlin", "engine": "stream_processor", "rules": ("non_employee",),
    }  # fmt: skip
    rule = {
        "kind": "non_employee", "k": 3, "n": 10, "window_seconds": 15, "similarity": 80.0,
        "channel": "security",
    }  # fmt: skip
    known = {
        "version": 1,
        "region": "eu-central-1",
        "evidence": "alerts",
        "streams": {ARN: stream},
        "people": {"employee": {"kind": "employee"}},
        "rules": {"non_employee": rule},
    }
    return IngestSnapshot.model_validate(known | changes)


@pytest.fixture
def office() -> Office:
    return Office(make_snapshot())


@pytest.fixture(scope="session")
def new_office() -> Callable[..., Office]:
    """For tests that need many, as hypothesis does."""
    return lambda **changes: Office(make_snapshot(**changes))


@pytest.fixture(scope="session")
def record() -> Callable[..., Document]:
    """Make a Kinesis record of a frame at a time (seconds) with these faces: a person's id or None."""

    def make(at: float, *faces: str | None, stream: str = ARN, source: str = "") -> Document:
        at_ms = round(at * 1000)
        box = {"Left": 0.1, "Top": 0.1, "Width": 0.1, "Height": 0.1}
        analysis = {
            "InputInformation": {
                "KinesisVideo": {
                    "StreamArn": stream,
                    "FragmentNumber": str(at_ms // 2000),
                    "ProducerTimestamp": at_ms // 2000 * 2.0,
                    "FrameOffsetInSeconds": at_ms % 2000 / 1000,
                }
            },
            "FaceSearchResponse": [
                {
                    "DetectedFace": {"BoundingBox": box, "Confidence": 99.0},
                    "MatchedFaces": [{"Similarity": 97.0, "Face": {"ExternalImageId": face}}] if face else [],
                }
                for face in faces
            ],
        }
        made = raw(f"{at_ms:020}", json.dumps(analysis).encode())
        return made | ({"eventSourceARN": source} if source else {})

    def raw(number: str, payload: bytes) -> Document:
        return {"kinesis": {"sequenceNumber": number, "data": b64encode(payload).decode()}}

    make.raw = raw  # type: ignore[attr-defined]
    return make
