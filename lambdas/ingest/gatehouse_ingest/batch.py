"""Carry one Kinesis batch from records to documents, counts, alerts and evidence.

What is written is written under ids that a replay repeats, so a batch may fail at any point and come
again whole.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatehouse.alerts.hits import gather_hits
from gatehouse.ingest.bulk import update_line
from gatehouse.ingest.evidence import frames_to_store
from gatehouse.ingest.instant import iso
from gatehouse_ingest.alerting import Alerting
from gatehouse_ingest.metrics import count_superseded
from gatehouse_ingest.records import read_batch
from gatehouse_ingest.writing import write_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gatehouse.ingest.frame import Frame
    from gatehouse.ingest.snapshot import EvidencePolicy, IngestSnapshot
    from gatehouse_ingest.evidence import Evidence, Stored
    from gatehouse_ingest.index import Index
    from gatehouse_ingest.publish import Publisher
    from gatehouse_ingest.records import Arrival, Reading
    from gatehouse_ingest.snapshots import SnapshotCache
    from gatehouse_ingest.writing import Written

LOG = logging.getLogger(__name__)
# GetImages decodes video, so one call takes long, and several at once hardly longer.
EVIDENCE_WORKERS = 4


@dataclass(frozen=True, slots=True)
class Ingest:
    """Process batches; `now` gives milliseconds since the epoch."""

    snapshots: SnapshotCache
    evidence: Evidence
    publisher: Publisher
    now: Callable[[], int]

    def process(self, records: Sequence[dict[str, Any]], index: Index) -> list[str]:
        """Process a batch and return the sequence numbers of records that must come again, in order.

        Poison is among them: it has to fail until Lambda hands it to the on-failure destination, with its
        payload. Raises IndexUnavailableError if OpenSearch is away, so that the whole batch comes again.
        """
        snapshot, reading = self._read(records)
        batch = gather_hits((arrival.frame for arrival in reading.arrivals), snapshot.rules)
        written = write_batch(reading.arrivals, batch, iso(self.now()), index)
        judged = [arrival for arrival in reading.arrivals if _camera(arrival) not in written.unjudged]
        frames = {(_camera(arrival), arrival.frame.at_ms): arrival.frame for arrival in judged}
        alerting = Alerting(index, self.evidence, self.publisher, self.now)
        hits = [hits for hits in batch if hits.window.camera_id not in written.unjudged]
        kept = alerting.settle(hits, written.alerts, frames)
        kept += self._keep(frames.values(), snapshot.evidence)
        _point_at_evidence(kept, written, index)
        _report(reading, written)
        count_superseded(reading.superseded, self.now())
        failed = written.failed | reading.refused.keys()
        numbers = (record["kinesis"]["sequenceNumber"] for record in records)
        return [number for number in numbers if number in failed]

    def _read(self, records: Sequence[dict[str, Any]]) -> tuple[IngestSnapshot, Reading]:
        snapshot = self.snapshots.current()
        reading = read_batch(records, snapshot)
        if reading.has_unknown_stream:
            newer = self.snapshots.current(fresh=True)
            if newer.version != snapshot.version:
                return newer, read_batch(records, newer)
        return snapshot, reading

    def _keep(self, frames: Iterable[Frame], policy: EvidencePolicy) -> list[tuple[Frame, Stored]]:
        wanted = frames_to_store(frames, policy)
        if not wanted:
            return []
        with ThreadPoolExecutor(EVIDENCE_WORKERS) as pool:
            found = list(pool.map(self.evidence.store, wanted))
        return [(frame, stored) for frame, stored in zip(wanted, found, strict=True) if stored]


def _camera(arrival: Arrival) -> str:
    return arrival.frame.stream.camera_id


def _point_at_evidence(kept: Iterable[tuple[Frame, Stored]], written: Written, index: Index) -> None:
    """Set `s3_location` on the documents of exactly the frames that are stored."""
    lines = [
        update_line(written.places[face.event_id], face.event_id, {"doc": {"s3_location": stored.location}})
        for frame, stored in kept
        if stored.exact
        for face in frame.faces
        if face.event_id in written.places
    ]
    refused = sum(not item.done for item in index.bulk(lines))
    if refused:
        LOG.warning("%s documents don't point at their stored frame", refused)


def _report(reading: Reading, written: Written) -> None:
    for number, error in reading.refused.items():
        LOG.error("Record %s refused: %s", number, error)
    LOG.info(
        "%s records: %s documents, %s refused, %s to come again",
        len(reading.arrivals) + len(reading.refused) + len(reading.superseded),
        len(written.places),
        len(reading.refused),
        len(written.failed),
    )
