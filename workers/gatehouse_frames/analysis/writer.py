"""Put records on the office's data stream in batches, until each is taken."""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatehouse_frames.analysis.complaints import Complaints
from gatehouse_frames.analysis.sample import Sample
from gatehouse_frames.backoff import Backoff

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

PART = "records"
# PutRecords takes 500 records and 5 MB (aws.md §4 gives the shard's own bound); a record with 100 faces
# and their matches is about 200 kB.
MOST_RECORDS = 500
MOST_BYTES = 4 << 20
# How long a record waits for company.
GATHER_S = 0.2
# Full, it holds the analysts back, and with them the cameras.
WAITING = 500
_ADVICE = {
    "ResourceNotFoundException": "create it: roll the office out again",
    "AccessDeniedException": "allow kinesis:PutRecords to the worker's role",
}


@dataclass(frozen=True, slots=True)
class _Record:
    sample: Sample
    data: bytes


class RecordWriter:
    """Write the records of all cameras; the partition key is the camera's video stream.

    A frame is settled once its record is taken. A batch of which a part is refused is repeated for that
    part; a record may be written twice when an answer is lost, and ingest knows it by its identity.
    """

    def __init__(self, client: KinesisClient, complaints: Complaints) -> None:
        self._client = client
        self._complaints = complaints
        self._waiting: queue.Queue[_Record] = queue.Queue(WAITING)
        self._closing = Event()
        self._giving_up = Event()
        self.stream = ""

    def deliver(self, sample: Sample, data: bytes) -> None:
        """Take a record in, waiting while many wait already."""
        record = _Record(sample, data)
        while not self._giving_up.is_set():
            try:
                self._waiting.put(record, timeout=0.5)
            except queue.Full:
                continue
            return

    def run(self) -> None:
        """Write until closed and empty."""
        kept: _Record | None = None
        while not self._giving_up.is_set():
            batch, kept = self._batch(kept)
            if batch:
                self._write(batch)
            elif self._closing.is_set():
                return

    def close(self) -> None:
        """End once everything is written."""
        self._closing.set()

    def give_up(self) -> None:
        """End now; what isn't written stays unsettled."""
        self._giving_up.set()

    def _batch(self, kept: _Record | None) -> tuple[list[_Record], _Record | None]:
        """Gather records up to the bounds of one call; answers also the one that didn't fit."""
        batch = [kept] if kept else []
        size = sum(len(record.data) for record in batch)
        until = time.monotonic() + GATHER_S
        while len(batch) < MOST_RECORDS and (left := until - time.monotonic()) > 0:
            try:
                record = self._waiting.get(timeout=left)
            except queue.Empty:
                break
            size += len(record.data)
            if batch and size > MOST_BYTES:
                return batch, record
            batch.append(record)
        return batch, None

    def _write(self, batch: Sequence[_Record]) -> None:
        backoff = Backoff(first_s=0.1, cap_s=10)
        while batch and not self._giving_up.is_set():
            batch, code = self._put(batch)
            if not batch:
                self._complaints.clear(PART)
                return
            advice = _ADVICE.get(code, "it is tried again")
            self._complaints.set(PART, f"stream {self.stream} takes no records ({code}): {advice}")
            self._giving_up.wait(backoff.next_delay())

    def _put(self, batch: Sequence[_Record]) -> tuple[Sequence[_Record], str]:
        """Put a batch once; answers what wasn't taken, and why."""
        entries = [{"Data": one.data, "PartitionKey": one.sample.track.stream_name} for one in batch]
        try:
            answer = self._client.put_records(StreamName=self.stream, Records=entries)  # type: ignore[arg-type]
        except ClientError as error:
            return batch, error.response.get("Error", {}).get("Code", "unknown")
        except BotoCoreError as error:
            return batch, type(error).__name__
        code, refused = "", []
        for record, result in zip(batch, answer["Records"], strict=True):
            if result.get("ErrorCode"):
                code = result["ErrorCode"]
                refused.append(record)
            else:
                record.sample.track.recorded(record.sample.origin.at_ms)
        return refused, code
