"""Decide what becomes of a batch: a pure function of the batch, the function's answer and the policy.

The rules are AWS's: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
and https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html. Where AWS is silent:
a partial answer that moves the checkpoint starts a new count of retries, because the record that now
comes first has failed once; a partial answer that names the first record is a failure of the whole
batch, so bisecting halves it; without either, a batch could neither end nor be isolated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

FOREVER = -1


@dataclass(frozen=True, slots=True)
class Record:
    """One Kinesis record; `sequence` is a decimal too long for 64 bits, `arrival` epoch seconds."""

    sequence: str
    partition_key: str
    data: bytes
    arrival: float

    @property
    def order(self) -> int:
        """Return the sequence number to compare by."""
        return int(self.sequence)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in shard order that are invoked together; `failures` is how often that has failed."""

    records: tuple[Record, ...]
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """What a mapping says about failures; -1 means without limit."""

    max_retries: int = FOREVER
    max_age: int = FOREVER  # seconds
    bisect: bool = False
    report_items: bool = False


class Condition(Enum):
    """Why records were discarded, in the words of AWS's invocation record."""

    RETRIES = "RetryAttemptsExhausted"
    AGE = "RecordAgeExceeded"


@dataclass(frozen=True, slots=True)
class Discard:
    """Records for the on-failure destination, and how often they had been invoked."""

    records: tuple[Record, ...]
    condition: Condition
    invocations: int


@dataclass(frozen=True, slots=True)
class Decision:
    """Split a batch: every record is in exactly one of the three; `retry` runs first to last, next."""

    processed: tuple[Record, ...] = ()
    retry: tuple[Batch, ...] = ()
    discarded: tuple[Discard, ...] = ()


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The function took the whole batch."""


@dataclass(frozen=True, slots=True)
class FailedFrom:
    """The function took everything before this sequence number."""

    sequence: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The function raised, timed out, crashed or answered what can't be read."""


@dataclass(frozen=True, slots=True)
class NotInvoked:
    """The function never saw the batch (throttled, missing, not active): this uses up no retry."""


Response = Succeeded | FailedFrom | Failed | NotInvoked


def read_response(payload: bytes, batch: Batch, policy: Policy) -> Response:
    """Read an answer without function error; it only matters where the mapping reports items."""
    if not policy.report_items:
        return Succeeded()
    try:
        answer = json.loads(payload or b"null")
    except ValueError:
        return Failed()
    if answer is None:
        return Succeeded()
    if not isinstance(answer, dict):
        return Failed()
    failures = answer.get("batchItemFailures")
    if failures is None or failures == []:
        return Succeeded()
    return _lowest(failures, batch)


def _lowest(failures: Any, batch: Batch) -> Response:
    """Return the lowest reported record; one identifier that names none fails the whole batch."""
    known = {record.sequence for record in batch.records}
    if not isinstance(failures, list):
        return Failed()
    reported = [str(item.get("itemIdentifier")) if isinstance(item, dict) else "" for item in failures]
    if not known.issuperset(reported):
        return Failed()
    return FailedFrom(min(reported, key=int))


def decide(batch: Batch, response: Response, policy: Policy) -> Decision:
    """Split a batch by the function's answer."""
    match response:
        case Succeeded():
            return Decision(processed=batch.records)
        case NotInvoked():
            return Decision(retry=(batch,))
        case FailedFrom(sequence):
            return _partly(batch, sequence, policy)
        case Failed():
            return _wholly(batch, policy)


def expire(batch: Batch, policy: Policy, now: float) -> Decision:
    """Discard the leading records that have become too old to be invoked (again)."""
    if policy.max_age == FOREVER:
        return Decision(retry=(batch,))
    live = next(
        (i for i, record in enumerate(batch.records) if now - record.arrival <= policy.max_age),
        len(batch.records),
    )
    old, rest = batch.records[:live], batch.records[live:]
    return Decision(
        retry=(replace(batch, records=rest),) if rest else (),
        discarded=(Discard(old, Condition.AGE, batch.failures),) if old else (),
    )


def _partly(batch: Batch, sequence: str, policy: Policy) -> Decision:
    index = next(i for i, record in enumerate(batch.records) if record.sequence == sequence)
    if index == 0:
        return _wholly(batch, policy)
    rest = Batch(batch.records[index:], failures=batch.failures if policy.bisect else 1)
    decided = Decision(retry=(rest,)) if policy.bisect else _retry_or_discard(rest, policy)
    return replace(decided, processed=batch.records[:index])


def _wholly(batch: Batch, policy: Policy) -> Decision:
    if policy.bisect and len(batch.records) > 1:
        middle = len(batch.records) // 2
        halves = (batch.records[:middle], batch.records[middle:])
        return Decision(retry=tuple(replace(batch, records=half) for half in halves))
    return _retry_or_discard(replace(batch, failures=batch.failures + 1), policy)


def _retry_or_discard(batch: Batch, policy: Policy) -> Decision:
    """Keep a batch that has failed `failures` times for another try, if the policy grants one."""
    if policy.max_retries == FOREVER or batch.failures <= policy.max_retries:
        return Decision(retry=(batch,))
    return Decision(discarded=(Discard(batch.records, Condition.RETRIES, batch.failures),))


def lane_of(record: Record, lanes: int) -> int:
    """Choose the lane of a record: one partition key always goes to one, so its order is kept."""
    return _fold(record.partition_key) % lanes


def _fold(text: str) -> int:
    # FNV-1a: the same in every process, unlike hash(); a restart must not reorder a key's records.
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def cut(records: Sequence[Record], size: int, payload_limit: int) -> int:
    """Return how many leading records make one batch: at most `size`, within `payload_limit` bytes."""
    total = 0
    for index, record in enumerate(records[:size]):
        total += len(record.data) * 4 // 3 + ENVELOPE
        if total > payload_limit and index:
            return index
    return min(size, len(records))


ENVELOPE = 700  # bytes of JSON around one record's data, on the safe side
