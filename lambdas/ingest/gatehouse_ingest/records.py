"""Read a Kinesis batch: good records become frames, bad ones keep the reason they are bad for."""

from __future__ import annotations

from binascii import a2b_base64
from typing import TYPE_CHECKING, Any, NamedTuple

from gatehouse.exceptions import GatehouseError, RecordFormatError, UnknownStreamError
from gatehouse.ingest.frame import to_frame
from gatehouse.ingest.record import parse_record
from gatehouse.ingest.spans import superseded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatehouse.ingest.frame import Frame
    from gatehouse.ingest.record import AnalysisRecord
    from gatehouse_ingest.snapshots import SnapshotCache


class Arrival(NamedTuple):
    """Hold one good record: its place in the Kinesis shard and its frame."""

    sequence_number: str
    frame: Frame


class Reader:
    """Read a batch, portion by portion; `refused` tells by sequence number why a record is poison.

    `superseded` are frames whose record another engine than the one in force wrote: dropped, and counted.
    A record whose stream the snapshot doesn't know may be newer than it, so once a batch a fresh one is
    asked for.
    """

    def __init__(self, snapshots: SnapshotCache) -> None:
        self.snapshot = snapshots.current()
        self.arrivals: list[Arrival] = []
        self.refused: dict[str, GatehouseError] = {}
        self.superseded: list[Frame] = []
        self._snapshots = snapshots
        self._is_fresh = False

    def read(self, records: Iterable[dict[str, Any]]) -> list[Arrival]:
        """Return the good records of a portion; one that can't be read doesn't stop the others."""
        arrivals = []
        for record in records:
            kinesis = record["kinesis"]
            number = kinesis["sequenceNumber"]
            try:
                frame = self._frame(parse_record(a2b_base64(kinesis["data"])))
            except (RecordFormatError, UnknownStreamError) as error:
                self.refused[number] = error
                continue
            if superseded(frame.stream, record.get("eventSourceARN", ""), frame.at_ms):
                self.superseded.append(frame)
            else:
                arrivals.append(Arrival(number, frame))
        self.arrivals += arrivals
        return arrivals

    def _frame(self, record: AnalysisRecord) -> Frame:
        try:
            return to_frame(record, self.snapshot)
        except UnknownStreamError:
            if self._is_fresh:
                raise
        self.snapshot = self._snapshots.current(fresh=True)
        self._is_fresh = True
        return to_frame(record, self.snapshot)
