"""Lanes keep each key's order, wait for windows, and try destinations until they answer."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.lambda_.destinations import DeliveryError
from gatehouse_local.lambda_.execution.outcome import Outcome
from gatehouse_local.lambda_.mappings.buffer import Batching, LaneBuffer
from gatehouse_local.lambda_.mappings.event import Source
from gatehouse_local.lambda_.mappings.lane import Backoff, Lane, LaneParts
from gatehouse_local.lambda_.mappings.planner import Batch, Policy, Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_local.lambda_.destinations import Message

SOURCE = Source(
    "uuid",
    "arn:aws:kinesis:eu-central-1:123456789012:stream/s",
    "shardId-000000000000",
    "arn:aws:lambda:eu-central-1:123456789012:function:f",
    "arn:aws:iam::123456789012:role/r",
)


class FakeDestinations:
    """Refuse a few times, then take messages."""

    def __init__(self, refusals: int = 0, permanent: bool = False) -> None:
        self.refusals, self.permanent, self.taken = refusals, permanent, list[Any]()

    def deliver(self, account: str, region: str, arn: str, message: Message) -> None:
        if self.refusals:
            self.refusals -= 1
            raise DeliveryError("not now", self.permanent)
        self.taken.append(json.loads(message.body))


class FakeInvoker:
    """Answer each event with the next of a list of outcomes or errors."""

    def __init__(self, *answers: str | AwsError | None) -> None:
        self.answers = list(answers)

    def invoke(self, key: object, event: bytes, request_id: str = "") -> Outcome:
        found = self.answers.pop(0)
        if isinstance(found, AwsError):
            raise found
        return Outcome(b"null", found, b"", request_id)


def records(*numbers: int, key: str = "k") -> tuple[Record, ...]:
    return tuple(Record(str(number), key, b"x", time.time()) for number in numbers)


def lane(invoker: Any, destinations: Any, finished: list[str], **changes: Any) -> tuple[Lane, list[str]]:
    reported: list[str] = []
    parts: dict[str, Any] = {
        "source": SOURCE,
        "policy": Policy(max_retries=0),
        "destination": "arn:aws:sqs:eu-central-1:123456789012:q",
        "backoff": Backoff(0.001, 0.002),
        "invoker": invoker,
        "destinations": destinations,
        "clock": time.time,
        "stop": threading.Event(),
        "finish": lambda done: finished.extend(one.sequence for one in done),
        "report": reported.append,
        **changes,
    }
    return Lane(LaneParts(**parts)), reported


def test_discarded_records_are_finished_only_when_the_destination_took_them() -> None:
    destinations, finished = FakeDestinations(refusals=3), list[str]()
    worker, reported = lane(FakeInvoker("Unhandled"), destinations, finished)
    worker.work(Batch(records(1, 2)))
    assert finished == ["1", "2"]
    (body,) = destinations.taken
    assert body["KinesisBatchInfo"]["batchSize"] == 2
    assert body["responseContext"]["functionError"] == "Unhandled"
    assert "payload" not in body
    assert reported == ["PROBLEM: Function call failed"]


def test_a_stop_during_delivery_leaves_the_records_to_be_read_again() -> None:
    stop, finished = threading.Event(), list[str]()

    class Stopping(FakeDestinations):
        def deliver(self, *args: Any) -> None:
            stop.set()
            raise DeliveryError("away", permanent=False)

    worker, _ = lane(FakeInvoker("Unhandled"), Stopping(), finished, stop=stop)
    worker.work(Batch(records(1)))
    assert finished == []


def test_a_destination_that_is_gone_does_not_block_the_shard() -> None:
    finished: list[str] = []
    worker, _ = lane(FakeInvoker("Unhandled"), FakeDestinations(1, permanent=True), finished)
    worker.work(Batch(records(1)))
    assert finished == ["1"]


def test_throttling_uses_up_no_retry() -> None:
    finished: list[str] = []
    throttled = AwsError("TooManyRequestsException", "Rate Exceeded.", 429)
    worker, reported = lane(FakeInvoker(throttled, throttled, None), FakeDestinations(), finished)
    worker.work(Batch(records(1)))
    assert (finished, reported[-1]) == (["1"], "OK")


def test_an_invocation_cut_off_by_a_stop_is_not_judged() -> None:
    stop, finished = threading.Event(), list[str]()

    class Killed(FakeInvoker):
        def invoke(self, *args: Any, **_: Any) -> Outcome:
            stop.set()
            return Outcome(b"{}", "Unhandled", b"", "")

    destinations = FakeDestinations()
    worker, _ = lane(Killed(), destinations, finished, stop=stop)
    worker.work(Batch(records(1)))
    assert (finished, destinations.taken) == ([], [])


def test_a_window_gathers_records_and_a_full_batch_does_not_wait() -> None:
    buffer = LaneBuffer(Batching(size=3, window=0.3, lanes=1))
    buffer.offer(records(1))
    threading.Timer(0.1, buffer.offer, [records(2)]).start()
    started = time.monotonic()
    gathered = buffer.take(0)
    assert gathered is not None
    assert [one.sequence for one in gathered.records] == ["1", "2"]
    assert time.monotonic() - started >= 0.25
    buffer.offer(records(3, 4, 5))
    started = time.monotonic()
    assert len(taken(lambda: buffer.take(0))) == 3
    assert time.monotonic() - started < 0.2


def test_lanes_split_by_key_and_keep_each_keys_order() -> None:
    buffer = LaneBuffer(Batching(size=100, window=0, lanes=4))
    for number in range(40):
        buffer.offer(records(number, key=f"camera-{number % 8}"))
    buffer.flush()
    lanes = [taken(lambda index=index: buffer.take(index)) for index in range(4)]  # type: ignore[misc]
    assert sum(map(len, lanes)) == 40
    for one in lanes:
        assert [int(item.sequence) for item in one] == sorted(int(item.sequence) for item in one)
    assert len([one for one in lanes if one]) > 1


def taken(take: Callable[[], Batch | None]) -> tuple[Record, ...]:
    found = take()
    return found.records if found else ()
