"""Read one shard of a Kinesis data stream, from a position on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gatehouse_local.lambda_.mappings.planner import Record

if TYPE_CHECKING:
    from gatehouse_local.lambda_.mappings.checkpoint import Position

READ_LIMIT = 1000  # records a call


@dataclass(frozen=True, slots=True)
class Page:
    """What one read gave; `closed` when the shard has ended and nothing will follow."""

    records: tuple[Record, ...]
    closed: bool


class ShardReader:
    """Follow a shard by its iterators, asked for by StreamName: moto can't follow one asked by ARN."""

    def __init__(self, kinesis: Any, stream: str, shard: str, position: Position) -> None:
        self._kinesis = kinesis
        self._stream = stream
        self._shard = shard
        self._after = position.sequence
        self._not_before = position.timestamp
        self._iterator: str | None = None

    def read(self, limit: int = READ_LIMIT) -> Page:
        """Read the next records; botocore's errors pass through, and reading goes on where it was."""
        try:
            answer = self._kinesis.get_records(ShardIterator=self._open(), Limit=limit)
        except self._kinesis.exceptions.ExpiredIteratorException:
            self._iterator = None
            return Page((), closed=False)
        self._iterator = answer.get("NextShardIterator")
        records = tuple(_record(item) for item in answer["Records"])
        if records:
            self._after = records[-1].sequence
        fresh = tuple(r for r in records if self._not_before is None or r.arrival >= self._not_before)
        return Page(fresh, closed=self._iterator is None)

    def reopen(self) -> None:
        """Ask for a new iterator before the next read: the old one's server may be gone."""
        self._iterator = None

    def _open(self) -> str:
        if self._iterator is None:
            where: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
            if self._after:
                where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": self._after}
            elif self._not_before is not None:
                # Whole seconds go over the wire; `read` drops what lies between.
                moment = datetime.fromtimestamp(int(self._not_before), UTC)
                where = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": moment}
            asked = self._kinesis.get_shard_iterator(StreamName=self._stream, ShardId=self._shard, **where)
            self._iterator = asked["ShardIterator"]
        iterator: str = self._iterator or ""
        return iterator


def _record(item: dict[str, Any]) -> Record:
    arrived = item["ApproximateArrivalTimestamp"]
    return Record(item["SequenceNumber"], item["PartitionKey"], item["Data"], arrived.timestamp())
