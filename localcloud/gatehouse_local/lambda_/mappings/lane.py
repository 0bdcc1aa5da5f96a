"""Work off one lane of a shard: invoke, decide, deliver what is discarded, move the checkpoint."""

from __future__ import annotations

import json
import logging
import random
import uuid
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gatehouse_local.core.errors import AwsError
from gatehouse_local.lambda_.destinations import DeliveryError, Message
from gatehouse_local.lambda_.mappings.event import batch_event, invocation_record, object_key
from gatehouse_local.lambda_.mappings.planner import (
    Batch,
    Discard,
    Failed,
    NotInvoked,
    Policy,
    Record,
    Response,
    Succeeded,
    decide,
    expire,
    read_response,
)
from gatehouse_local.lambda_.naming import key_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from gatehouse_local.lambda_.destinations import Destinations
    from gatehouse_local.lambda_.execution.outcome import Outcome
    from gatehouse_local.lambda_.mappings.event import Source
    from gatehouse_local.lambda_.naming import FunctionKey

log = logging.getLogger(__name__)
OK = "OK"
PROBLEM = "PROBLEM: Function call failed"


class Invokes(Protocol):
    """Run a function on an event."""

    def invoke(self, key: FunctionKey, event: bytes, request_id: str = "") -> Outcome:
        """Return how it ended; :raises AwsError: it was not run."""
        ...


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential pauses in seconds between tries, with up to a quarter of jitter."""

    base: float
    cap: float

    def pause(self, failures: int) -> float:
        """Return the pause after this many failures in a row (1 or more)."""
        wait = min(self.cap, self.base * float(2 ** min(failures - 1, 16)))
        return wait * random.uniform(0.75, 1)  # noqa: S311 - jitter, not a secret


@dataclass(frozen=True, slots=True)
class LaneParts:
    """What a lane works with; `finish` records progress, `report` the mapping's last result."""

    source: Source
    policy: Policy
    destination: str
    backoff: Backoff
    invoker: Invokes
    destinations: Destinations
    clock: Callable[[], float]
    stop: threading.Event
    finish: Callable[[tuple[Record, ...]], None]
    report: Callable[[str], None]


class Lane:
    """Bring every record of a batch to its end, in order, before the next batch is taken."""

    def __init__(self, parts: LaneParts) -> None:
        self._parts = parts
        self._key = key_of(parts.source.function_arn)
        self._request_id = ""
        self._function_error: str | None = None

    def work(self, batch: Batch) -> None:
        """Work off a batch; returns early, with the rest unfinished, only when told to stop."""
        queue = deque([batch])
        failures = 0
        while queue and not self._parts.stop.is_set():
            decision = expire(queue.popleft(), self._parts.policy, self._parts.clock())
            self._discard(decision.discarded)
            for live in decision.retry:
                response = self._invoke(live)
                if response is None:
                    return
                failures = failures + 1 if response != Succeeded() else 0
                self._settle(live, response, queue)
            if failures and queue:
                self._parts.stop.wait(self._parts.backoff.pause(failures))

    def _settle(self, batch: Batch, response: Response, queue: deque[Batch]) -> None:
        decision = decide(batch, response, self._parts.policy)
        if decision.processed:
            self._parts.finish(decision.processed)
        self._discard(decision.discarded)
        queue.extendleft(reversed(decision.retry))

    def _invoke(self, batch: Batch) -> Response | None:
        """Invoke the function; None when it was cut off by a stop, so that the batch is not judged."""
        self._request_id = str(uuid.uuid4())
        event = batch_event(self._parts.source, batch.records)
        try:
            outcome = self._parts.invoker.invoke(self._key, event, self._request_id)
        except AwsError as error:
            log.warning("%s was not invoked for %s: %s", self._key.name, self._where(batch.records), error)
            self._parts.report(f"PROBLEM: {error.message}")
            return NotInvoked()
        self._function_error = outcome.error
        if outcome.error and self._parts.stop.is_set():
            return None
        response = Failed() if outcome.error else read_response(outcome.payload, batch, self._parts.policy)
        self._parts.report(OK if response == Succeeded() else PROBLEM)
        return response

    def _discard(self, discards: tuple[Discard, ...]) -> None:
        """Deliver discarded records, then count them as finished; a stop leaves them to be read again."""
        for discard in discards:
            if self._parts.destination and not self._deliver(discard):
                return
            if not self._parts.destination:
                log.error("records discarded without destination: %s", self._where(discard.records))
            self._parts.finish(discard.records)

    def _deliver(self, discard: Discard) -> bool:
        """Send until it is taken or can't be; False when told to stop first."""
        message = self._message(discard)
        source = self._parts.source
        failures = 0
        while not self._parts.stop.is_set():
            try:
                self._parts.destinations.deliver(
                    source.account, source.region, self._parts.destination, message
                )
            except DeliveryError as error:
                if error.permanent:
                    log.error("records are lost (%s): %s", self._where(discard.records), error)  # noqa: TRY400
                    return True
                failures += 1
                self._parts.stop.wait(self._parts.backoff.pause(failures))
            else:
                return True
        return False

    def _message(self, discard: Discard) -> Message:
        source, now = self._parts.source, self._parts.clock()
        body = invocation_record(source, discard, self._request_id, self._function_error, now)
        if not self._parts.destination.startswith("arn:aws:s3:"):
            return Message(json.dumps(body))
        body["payload"] = batch_event(source, discard.records).decode()
        return Message(json.dumps(body), key=object_key(source, now))

    def _where(self, records: tuple[Record, ...]) -> str:
        source = self._parts.source
        span = f"{records[0].sequence}..{records[-1].sequence}"
        return f"mapping {source.mapping}, {source.stream_name} {source.shard} {span}"
