"""Write a batch's documents, counts and hits as one bulk request, and say what became of them."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gatehouse.alerts.state import add_hits
from gatehouse.ingest.bulk import create_line, update_line
from gatehouse.ingest.document import detection_documents
from gatehouse.ingest.minutes import count_frames

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gatehouse.alerts.hits import Hits
    from gatehouse_ingest.index import Index, Item
    from gatehouse_ingest.records import Arrival

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """Hold what a bulk request did.

    `failed` are sequence numbers of records that must come again; `unjudged` are cameras whose counts or
    hits are incomplete until then. `alerts` are the touched windows' documents by alert id; `places`
    maps event ids to the backing index their document is in.
    """

    failed: set[str] = field(default_factory=set)
    unjudged: set[str] = field(default_factory=set)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


def write_batch(
    arrivals: Sequence[Arrival], batch: Sequence[Hits], ingested_at: str, index: Index
) -> Written:
    """Write everything a batch says; records whose part was refused are named, the others stay written."""
    lines: list[bytes] = []
    creates: list[tuple[str, str]] = []
    for arrival in arrivals:
        for document in detection_documents(arrival.frame, ingested_at):
            lines.append(create_line(document))
            creates.append((arrival.sequence_number, document["event_id"]))
    minutes = count_frames(arrival.frame for arrival in arrivals)
    lines += [update_line(minute.index, minute.id, minute.update()) for minute in minutes]
    windows = [hits.window for hits in batch]
    lines += [
        update_line(window.index, window.alert_id, add_hits(hits), returning=True)
        for window, hits in zip(windows, batch, strict=True)
    ]
    items = index.bulk(lines)
    counted, hit = len(creates), len(creates) + len(minutes)
    written = Written()
    _note_creates(written, creates, items[:counted])
    _note_updates(written, [minute.camera_id for minute in minutes], items[counted:hit])
    _note_updates(written, [window.camera_id for window in windows], items[hit:])
    written.alerts.update(
        {
            window.alert_id: item.source
            for window, item in zip(windows, items[hit:], strict=True)
            if item.source
        }
    )
    written.failed.update(
        arrival.sequence_number for arrival in arrivals if arrival.frame.stream.camera_id in written.unjudged
    )
    _log_failures(items)
    return written


def _note_creates(written: Written, creates: Sequence[tuple[str, str]], items: Sequence[Item]) -> None:
    for (number, event_id), item in zip(creates, items, strict=True):
        if item.done:
            written.places[event_id] = item.backing_index
        else:
            written.failed.add(number)


def _note_updates(written: Written, cameras: Sequence[str], items: Sequence[Item]) -> None:
    refused = (camera for camera, item in zip(cameras, items, strict=True) if not item.done)
    written.unjudged.update(refused)


def _log_failures(items: Iterable[Item]) -> None:
    # By kind alone: OpenSearch's reasons quote field values.
    kinds = Counter((item.status, item.error) for item in items if not item.done)
    for (status, error), count in kinds.items():
        LOG.error("OpenSearch refused %s actions (%s %s); their records come again", count, status, error)
