"""Compare the ingest function with OpenSearch's own bulk writing: `OPENSEARCH_URL=… python bench/ingest.py`.

Contenders take turns on the same server, each into a fresh data stream, for several rounds:

- ingest          the real handler: Kinesis events in, documents, counts and alerts out
- prebuilt_bulk   the same detection documents as ready NDJSON, same batches, one connection
- parallel_bulk   the same documents by opensearch-py's helper, at its best setting

S3, SNS and Kinesis Video are stand-ins that answer at once, so what is measured is the function and
OpenSearch. Everything written lies in the year 2001 or in a data stream of its own and is removed.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import time
from base64 import b64decode, b64encode
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from opensearchpy import helpers

from gatehouse.ingest.bulk import create_line
from gatehouse.ingest.document import detection_documents
from gatehouse.ingest.frame import to_frame
from gatehouse.ingest.instant import iso
from gatehouse.ingest.record import parse_record
from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.office.naming import ALERTS_PREFIX, CAMERA_MINUTES, DETECTIONS
from gatehouse.search.templates import index_templates
from gatehouse_ingest.batch import Ingest
from gatehouse_ingest.evidence import Stored
from gatehouse_ingest.index import Index
from gatehouse_ingest.settings import search_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from opensearchpy import OpenSearch

    from gatehouse.ingest.frame import Frame

STREAM = "bench-gatehouse-detections"
MONTH = "2001.01"
START = 978_307_200  # 2001-01-01T00:00:00Z
ARN = "arn:aws:kinesisvideo:eu-central-1:123456789012:stream/gatehouse-CAM_BENCH_{}/978307200000"
CAMERAS = 4
FRAMES_PER_SECOND = 5
# A stranger passes for nine seconds every five minutes; everybody else is an employee.
VISIT_EVERY, VISIT_LASTS = 300, 9


@dataclass
class StandIn:
    """Answer as snapshot, evidence store and topic at once."""

    snapshot: IngestSnapshot
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def current(self, *, fresh: bool = False) -> IngestSnapshot:
        return self.snapshot

    def store(self, frame: Frame) -> Stored:
        return Stored(f"s3://bench/{frame.at_ms}.jpg", exact=True)

    def publish(self, message: dict[str, Any]) -> bool:
        self.alerts.append(message)
        return True


def main() -> int:
    """Run every contender in turn and print the figures; the last line is JSON."""
    options = _options()
    url = os.environ.get("OPENSEARCH_URL")
    if not url:
        print("OPENSEARCH_URL isn't set. Run `make up` first, then `. .run/env`.", file=sys.stderr)
        return 2
    client = search_client(url)
    snapshot = _snapshot()
    batches = _batches(options.records, options.batch)
    documents = _documents(batches, snapshot)
    contenders = {
        "ingest": _ingest(client, batches, snapshot),
        "prebuilt_bulk": _prebuilt(client, documents),
        "parallel_bulk": _parallel(client, documents),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    with_template = _prepare(client)
    gc.freeze()  # what the bench holds ready is no burden of the function's
    try:
        for turn in range(options.rounds + 1):
            for name, run in contenders.items():
                _fresh(client)
                started = time.perf_counter()
                run()
                rate = options.records / (time.perf_counter() - started)
                _check(client, options.records)
                # The first round warms the server up and doesn't count.
                note = "warm-up" if turn == 0 else f"round {turn}/{options.rounds}"
                print(f"{note:12} {name:14} {rate:9,.0f} records/s", flush=True)
                if turn:
                    rates[name].append(rate)
    finally:
        _remove(client, with_template)
    _report(rates, options)
    return 0


def _options() -> argparse.Namespace:
    with open("config/rollout.yaml") as settings:  # noqa: PTH123
        batch = yaml.safe_load(settings)["mapping"]["batch_size"]
    parser = argparse.ArgumentParser(description="Compare the ingest function with plain bulk writing.")
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument(
        "--batch", type=int, default=batch, help="records per Lambda batch (default: rollout.yaml)"
    )
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def _snapshot() -> IngestSnapshot:
    streams = {
        ARN.format(number): {
            "camera_id": f"CAM_BENCH_{number}",
            "office": "bench",
            "floor": "0",
            "zone": "lobby",
            "time_zone": "UTC",
            "engine": "stream_processor",
            "rules": ("non_employee",),
        }
        for number in range(CAMERAS)
    }
    rule = {
        "kind": "non_employee", "k": 3, "n": 10, "window_seconds": 15, "similarity": 80.0, "channel": "bench",
    }  # fmt: skip
    people = {_person(number): {"kind": "employee"} for number in range(500)}
    return IngestSnapshot.model_validate(
        {
            "version": 1,
            "region": "eu-central-1",
            "evidence": "alerts",
            "streams": streams,
            "people": people,
            "rules": {"non_employee": rule},
        }
    )


def _person(number: int) -> str:
    return f"{number:032x}"


def _batches(records: int, size: int) -> list[dict[str, Any]]:
    """Return Lambda events, each of one camera, as its event source mapping delivers them."""
    events = []
    for first in range(0, records, size):
        turn, camera = divmod(first // size, CAMERAS)
        frames = range(turn * size, turn * size + min(size, records - first))
        events.append({"Records": [_kinesis(camera, frame) for frame in frames]})
    return events


def _kinesis(camera: int, frame: int) -> dict[str, Any]:
    data = b64encode(json.dumps(_record(camera, frame)).encode()).decode()
    return {"kinesis": {"sequenceNumber": f"{camera}{frame:020}", "data": data, "partitionKey": "p"}}


def _record(camera: int, frame: int) -> dict[str, Any]:
    fragment, within = divmod(frame, 2 * FRAMES_PER_SECOND)
    stranger = (frame / FRAMES_PER_SECOND) % VISIT_EVERY >= VISIT_EVERY - VISIT_LASTS
    box = {"Height": 0.21875, "Width": 0.1640625, "Left": 0.4281250238, "Top": 0.4083333313}
    points = [
        {"X": 0.4571, "Y": 0.4417, "Type": kind}
        for kind in ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")
    ]
    match = {
        "Similarity": 98.8693237,
        "Face": {
            "BoundingBox": box,
            "FaceId": "ed1b560f-d6af-5158-989a-ff586c931545",
            "Confidence": 99.999,
            "ImageId": "70e09693-2114-57e1-807c-50b6d61fa4dc",
            "ExternalImageId": _person(frame // 45 % 500),
        },
    }
    return {
        "InputInformation": {
            "KinesisVideo": {
                "StreamArn": ARN.format(camera),
                "FragmentNumber": f"91343852333289682796718532614445757584843{fragment:06}",
                "ServerTimestamp": START + 2.0 * fragment + 0.31,
                "ProducerTimestamp": START + 2.0 * fragment,
                "FrameOffsetInSeconds": within / FRAMES_PER_SECOND,
            }
        },
        "StreamProcessorInformation": {"Status": "RUNNING"},
        "FaceSearchResponse": [
            {
                "DetectedFace": {
                    "BoundingBox": box,
                    "Confidence": 99.98755645,
                    "Landmarks": points,
                    "Pose": {"Yaw": -4.164, "Roll": 1.21, "Pitch": 5.32},
                    "Quality": {"Brightness": 40.592, "Sharpness": 96.33},
                },
                "MatchedFaces": [] if stranger else [match],
            }
        ],
    }


def _documents(batches: list[dict[str, Any]], snapshot: IngestSnapshot) -> list[list[dict[str, Any]]]:
    """Return what the handler will write as documents, batch by batch."""

    at = iso(time.time_ns() // 1_000_000)
    return [
        [
            document
            for record in event["Records"]
            for document in detection_documents(
                to_frame(parse_record(b64decode(record["kinesis"]["data"])), snapshot), at
            )
        ]
        for event in batches
    ]


def _ingest(
    client: OpenSearch, batches: list[dict[str, Any]], snapshot: IngestSnapshot
) -> Callable[[], None]:
    def run() -> None:
        parts = StandIn(snapshot)
        ingest = Ingest(parts, parts, parts, lambda: time.time_ns() // 1_000_000)  # type: ignore[arg-type]
        for event in batches:
            failed = ingest.process(event["Records"], Index(client, time.monotonic() + 20, STREAM))
            assert not failed, failed

    return run


def _prebuilt(client: OpenSearch, documents: list[list[dict[str, Any]]]) -> Callable[[], None]:
    bodies = [b"".join(create_line(document) for document in batch) for batch in documents]

    def run() -> None:
        for body in bodies:
            params = {"filter_path": "errors"}
            answer = client.transport.perform_request("POST", f"/{STREAM}/_bulk", params=params, body=body)
            assert answer["errors"] is False

    return run


def _parallel(client: OpenSearch, documents: list[list[dict[str, Any]]]) -> Callable[[], None]:
    def run() -> None:
        actions = (
            {"_op_type": "create", "_index": STREAM, "_id": document["event_id"], "_source": document}
            for batch in documents
            for document in batch
        )
        deque(helpers.parallel_bulk(client, actions, thread_count=4, chunk_size=2_000), maxlen=0)

    return run


def _prepare(client: OpenSearch) -> list[str]:
    """Put the templates that are missing and return their names."""
    templates = index_templates()
    missing = [name for name in templates if not client.indices.exists_index_template(name=name)]
    for name in missing:
        client.indices.put_index_template(name=name, body=templates[name])
    own = {**templates[DETECTIONS], "index_patterns": [STREAM]}
    client.indices.put_index_template(name=STREAM, body=own)
    return [*missing, STREAM]


def _fresh(client: OpenSearch) -> None:
    _drop(client)
    client.indices.create_data_stream(name=STREAM)
    client.indices.create(index=f"{CAMERA_MINUTES}-{MONTH}")
    client.indices.create(index=f"{ALERTS_PREFIX}{MONTH}")


def _drop(client: OpenSearch) -> None:
    client.indices.delete_data_stream(name=STREAM, params={"ignore": 404})
    for index in (f"{CAMERA_MINUTES}-{MONTH}", f"{ALERTS_PREFIX}{MONTH}"):
        client.indices.delete(index=index, params={"ignore_unavailable": "true"})


def _check(client: OpenSearch, records: int) -> None:
    client.indices.refresh(index=STREAM)
    found = client.count(index=STREAM)["count"]
    assert found == records, f"{found} documents of {records} records"


def _remove(client: OpenSearch, templates: list[str]) -> None:
    _drop(client)
    for name in templates:
        client.indices.delete_index_template(name=name)


def _report(rates: dict[str, list[float]], options: argparse.Namespace) -> None:
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ratios = [own / peer for own, peer in zip(rates["ingest"], rates["prebuilt_bulk"], strict=True)]
    print(f"\n{options.records:,} records in batches of {options.batch}, median of {options.rounds} rounds")
    print(f"{'':14}{'records/s':>12}{'lowest':>10}{'highest':>10}")
    for name, values in rates.items():
        print(f"{name:14}{medians[name]:12,.0f}{min(values):10,.0f}{max(values):10,.0f}")
    print(
        json.dumps(
            {
                "name": "ingest",
                "figures": {"records_per_s": round(medians["ingest"]), "batch": options.batch},
                "peers": {name: round(medians[name]) for name in ("prebuilt_bulk", "parallel_bulk")},
                "ratios": {"vs_prebuilt_bulk": round(statistics.median(ratios), 3)},
            }
        )
    )


if __name__ == "__main__":
    sys.exit(main())
