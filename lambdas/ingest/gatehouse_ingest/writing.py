"""Write a batch's documents, counts and hits, and say what became of them.

A large batch's documents go in portions: while OpenSearch works on one, the next is read. Counts and
hits are summed up over the whole batch, so they go last. Where there are hits, they don't wait for the
documents either, because a person may be waiting for the alert; without any, the last portion and the
counts are one request, so a small batch costs a single one.
"""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from gatehouse.alerts.state import add_hits
from gatehouse.ingest.bulk import create_line, update_line
from gatehouse.ingest.document import detection_documents
from gatehouse.ingest.minutes import count_frames

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Future

    from gatehouse.alerts.hits import Hits
    from gatehouse_ingest.index import Index, Item
    from gatehouse_ingest.records import Arrival

    # Sequence number and event id of every document of a request, in its order.
    Creates = list[tuple[str, str]]

LOG = logging.getLogger(__name__)
# Requests under way beside the last; more would only queue up at the shard they all write to.
SENDERS = 2


@dataclass(frozen=True, slots=True)
class Documents:
    """Hold what became of a batch's documents.

    `failed` are sequence numbers of records that must come again; `places` maps event ids to the backing
    index their document is in.
    """

    failed: set[str] = field(default_factory=set)
    places: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tally:
    """Hold what became of a batch's counts and hits.

    `unjudged` are cameras for which some were refused: all their records must come again. `alerts` are
    the touched windows' documents by alert id.
    """

    unjudged: set[str] = field(default_factory=set)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)


class Writer:
    """Write one batch: `send` all portions but the last, `finish` with it, then ask for `documents`."""

    def __init__(self, index: Index, ingested_at: str) -> None:
        self._index = index
        self._ingested_at = ingested_at
        self._senders = ThreadPoolExecutor(SENDERS)
        self._under_way: list[tuple[Creates, Future[list[Item]]]] = []
        self._documents = Documents()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Lambda freezes threads with the process: none may outlive the batch, whatever became of it.
        self._senders.shutdown(cancel_futures=True)

    def send(self, arrivals: Iterable[Arrival]) -> None:
        """Send a portion's documents without waiting for the answer."""
        creates, lines = self._lines(arrivals)
        self._under_way.append((creates, self._senders.submit(self._index.bulk, lines)))

    def finish(self, last: Iterable[Arrival], arrivals: Iterable[Arrival], batch: Sequence[Hits]) -> Tally:
        """Send the last portion, and the counts and hits of all arrivals; return when these are answered."""
        creates: Creates = []
        lines: list[bytes] = []
        if batch:
            self.send(last)
        else:
            creates, lines = self._lines(last)
        minutes = count_frames(arrival.frame for arrival in arrivals)
        windows = [hits.window for hits in batch]
        lines += [update_line(minute.index, minute.id, minute.update()) for minute in minutes]
        lines += [
            update_line(window.index, window.alert_id, add_hits(hits), returning=True)
            for window, hits in zip(windows, batch, strict=True)
        ]
        items = self._index.bulk(lines)
        _log_refused(items)
        self._note(creates, items[: len(creates)])
        cameras = [minute.camera_id for minute in minutes] + [window.camera_id for window in windows]
        updates = items[len(creates) :]
        refused = {camera for camera, item in zip(cameras, updates, strict=True) if not item.done}
        hit = zip(windows, updates[len(minutes) :], strict=True)
        return Tally(refused, {window.alert_id: item.source for window, item in hit if item.source})

    def documents(self) -> Documents:
        """Wait for all documents sent; raises what their requests raised."""
        for creates, answer in self._under_way:
            items = answer.result()
            _log_refused(items)
            self._note(creates, items)
        return self._documents

    def _lines(self, arrivals: Iterable[Arrival]) -> tuple[Creates, list[bytes]]:
        creates: Creates = []
        lines: list[bytes] = []
        for number, frame in arrivals:
            for document in detection_documents(frame, self._ingested_at):
                lines.append(create_line(document))
                creates.append((number, document["event_id"]))
        return creates, lines

    def _note(self, creates: Creates, items: Sequence[Item]) -> None:
        for (number, event_id), item in zip(creates, items, strict=True):
            if item.done:
                self._documents.places[event_id] = item.backing_index
            else:
                self._documents.failed.add(number)


def _log_refused(items: Iterable[Item]) -> None:
    # By kind alone: OpenSearch's reasons quote field values.
    kinds = Counter([(item.status, item.error) for item in items if not item.done])
    for (status, error), count in kinds.items():
        LOG.error("OpenSearch refused %s actions (%s %s); their records come again", count, status, error)
