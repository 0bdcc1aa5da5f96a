"""Queued events end: taken by their function, or handed to its DLQ."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from gatehouse_local.core.store import Store
from gatehouse_local.lambda_.destinations import Message
from gatehouse_local.lambda_.execution.event_queue import EventQueue
from gatehouse_local.lambda_.naming import FunctionKey

KEY = FunctionKey("123456789012", "eu-central-1", "f")
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:dead"


class Broken:
    """An invoker with a defect, the catalogue that knows the DLQ, and the DLQ."""

    def __init__(self) -> None:
        self.invoked = 0
        self.dead: list[Message] = []

    def invoke(self, *_: object) -> None:
        self.invoked += 1
        raise RuntimeError("a defect")

    def get(self, _: FunctionKey) -> dict[str, Any]:
        return {"configuration": {"DeadLetterConfig": {"TargetArn": QUEUE}}}

    def deliver(self, _account: str, _region: str, arn: str, message: Message) -> None:
        assert arn == QUEUE
        self.dead.append(message)


def test_an_event_whose_run_breaks_is_retried_and_ends_in_the_dlq(tmp_path: Path) -> None:
    store, broken = Store(tmp_path / "store.db"), Broken()
    part: Any = broken
    queue = EventQueue(store, part, part, part, time.time, (0.01, 0.01))
    queue.put(KEY, b"{}", "request")
    queue.start()
    deadline = time.monotonic() + 10
    while list(store.table("lambda", "event").all()):
        assert time.monotonic() < deadline, "the event is held for ever"
        time.sleep(0.01)
    queue.stop()
    assert broken.invoked == 3
    assert [dict(message.attributes)["ErrorMessage"] for message in broken.dead] == ["a defect"]
