"""Carry one Kinesis batch from records to documents, counts, alerts and evidence.

What is written is written under ids that a replay repeats, so a batch may fail at any point and come
again whole.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gatehouse.alerts.hits import gather_hits
from gatehouse.ingest.bulk import update_line
from gatehouse.ingest.evidence import frames_to_store
from gatehouse.ingest.instant import iso
from gatehouse_ingest.alerting import Alerting
from gatehouse_ingest.metrics import count_superseded
from gatehouse_ingest.records import Reader
from gatehouse_ingest.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gatehouse.alerts.hits import Hits
    from gatehouse.ingest.frame import Frame
    from gatehouse.ingest.snapshot import EvidencePolicy
    from gatehouse_ingest.alerting import Told
    from gatehouse_ingest.evidence import Evidence, Stored
    from gatehouse_ingest.index import Index
    from gatehouse_ingest.publish import Publisher
    from gatehouse_ingest.records import Arrival
    from gatehouse_ingest.snapshots import SnapshotCache
    from gatehouse_ingest.writing import Documents, Tally

LOG = logging.getLogger(__name__)
# GetImages decodes video, so one call takes long, and several at once hardly longer.
EVIDENCE_WORKERS = 4
# Records a portion: fewer, and what each request costs by itself outweighs what overlapping it saves.
PORTION = 125


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
        reader = Reader(self.snapshots)
        *early, last = portions(records)
        with Writer(index, iso(self.now())) as writer:
            for portion in early:
                writer.send(reader.read(portion))
            final = reader.read(last)
            batch = gather_hits((arrival.frame for arrival in reader.arrivals), reader.snapshot.rules)
            tally = writer.finish(final, reader.arrivals, batch)
            judged = [arrival.frame for arrival in reader.arrivals if _camera(arrival) not in tally.unjudged]
            told = self._judge(judged, batch, tally, index)
            kept = self._keep(judged, reader.snapshot.evidence)
            documents = writer.documents()
        kept += [(alert.frame, alert.stored) for alert in told if alert.stored]
        _note_done(told, kept, documents, index)
        unjudged = (number for number, frame in reader.arrivals if frame.stream.camera_id in tally.unjudged)
        failed = documents.failed.union(reader.refused, unjudged)
        _report(reader, documents, len(failed))
        count_superseded(reader.superseded, self.now())
        numbers = (record["kinesis"]["sequenceNumber"] for record in records)
        return [number for number in numbers if number in failed]

    def _judge(
        self, frames: Iterable[Frame], batch: Iterable[Hits], tally: Tally, index: Index
    ) -> list[Told]:
        hits = [hits for hits in batch if hits.window.camera_id not in tally.unjudged]
        if not hits:
            return []
        seen = {(frame.stream.camera_id, frame.at_ms): frame for frame in frames}
        return Alerting(index, self.evidence, self.publisher, self.now).settle(hits, tally.alerts, seen)

    def _keep(self, frames: Iterable[Frame], policy: EvidencePolicy) -> list[tuple[Frame, Stored]]:
        wanted = frames_to_store(frames, policy)
        if not wanted:
            return []
        with ThreadPoolExecutor(EVIDENCE_WORKERS) as pool:
            found = list(pool.map(self.evidence.store, wanted))
        return [(frame, stored) for frame, stored in zip(wanted, found, strict=True) if stored]


def portions(records: Sequence[Any]) -> list[Sequence[Any]]:
    """Cut a batch into portions of about the same size; an empty batch is one empty portion."""
    count = max(1, round(len(records) / PORTION))
    ends = [len(records) * number // count for number in range(count + 1)]
    return [records[start:end] for start, end in pairwise(ends)]


def _camera(arrival: Arrival) -> str:
    return arrival.frame.stream.camera_id


def _note_done(
    told: Iterable[Told], kept: Iterable[tuple[Frame, Stored]], documents: Documents, index: Index
) -> None:
    """Mark alerts as sent, and set `s3_location` on the documents of exactly the frames that are stored."""
    lines = [alert.line for alert in told]
    lines += [
        update_line(documents.places[face.event_id], face.event_id, {"doc": {"s3_location": stored.location}})
        for frame, stored in kept
        if stored.exact
        for face in frame.faces
        if face.event_id in documents.places
    ]
    refused = sum(not item.done for item in index.bulk(lines))
    if refused:
        LOG.warning("%s alerts aren't marked sent, or documents don't point at their stored frame", refused)


def _report(reader: Reader, documents: Documents, failed: int) -> None:
    for number, error in reader.refused.items():
        LOG.error("Record %s refused: %s", number, error)
    LOG.info(
        "%s records: %s documents, %s refused, %s to come again",
        len(reader.arrivals) + len(reader.refused) + len(reader.superseded),
        len(documents.places),
        len(reader.refused),
        failed,
    )
