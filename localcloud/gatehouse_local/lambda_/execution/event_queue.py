"""Run asynchronous invocations: kept in the store, retried twice, then handed to the function's DLQ."""

from __future__ import annotations

import base64
import json
import logging
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.lambda_.destinations import DeliveryError, Message
from gatehouse_local.lambda_.naming import FunctionKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_local.core.store import Store
    from gatehouse_local.lambda_.destinations import Destinations
    from gatehouse_local.lambda_.execution.invoker import Invoker
    from gatehouse_local.lambda_.functions.catalogue import Catalogue

log = logging.getLogger(__name__)
WORKERS = 4
THROTTLED_AGAIN = 1.0  # seconds until an event is tried again that found no free child


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed; `counts` when it uses up one of the retries."""

    code: str
    message: str
    counts: bool


class EventQueue:
    """Hold events until their function took them; nothing is lost by a restart."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        invoker: Invoker,
        destinations: Destinations,
        clock: Callable[[], float],
        retry_seconds: tuple[float, ...],
    ) -> None:
        self._table = store.table("lambda", "event")
        self._catalogue = catalogue
        self._invoker = invoker
        self._destinations = destinations
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._running: set[str] = set()

    def put(self, key: FunctionKey, event: bytes, request_id: str) -> None:
        """Accept an event; it runs as soon as a worker is free."""
        body = {"function": key.name, "event": event, "request_id": request_id, "failures": 0, "due": 0.0}
        self._table.put(key.account, key.region, uuid.uuid4().hex, body)
        self._wake.set()

    def start(self) -> None:
        """Work off what is queued, now and from before a restart."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._dispatch, name="lambda-events", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Take up no further event; one in progress is repeated after the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _dispatch(self) -> None:
        pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="lambda-event")
        while not self._stop.is_set():
            self._wake.clear()
            pause = 60.0
            for account, region, item, body in self._table.all():
                if item in self._running:
                    continue
                wait = body["due"] - self._clock()
                if wait > 0:
                    pause = min(pause, wait)
                    continue
                self._running.add(item)
                pool.submit(self._attempt, FunctionKey(account, region, body["function"]), item, body)
            self._wake.wait(pause)
        pool.shutdown(wait=False, cancel_futures=True)
        self._running.clear()

    def _attempt(self, key: FunctionKey, item: str, body: dict[str, Any]) -> None:
        failure = self._run(key, body)
        if failure is None or not self._retry(key, item, body, failure):
            self._table.delete(key.account, key.region, item)
        self._running.discard(item)
        self._wake.set()

    def _run(self, key: FunctionKey, body: dict[str, Any]) -> Failure | None:
        try:
            outcome = self._invoker.invoke(key, body["event"], body["request_id"])
        except AwsError as error:
            gone = error.code == "ResourceNotFoundException"
            return Failure(error.code, error.message, counts=gone)
        except Exception as error:  # a defect of ours uses up a retry, so that no event is held for ever
            log.exception("event %s of %s could not be run", body["request_id"], key.arn)
            return Failure("500", str(error), counts=True)
        if outcome.error is None:
            return None
        described = json.loads(outcome.payload)
        return Failure("200", str(described.get("errorMessage", "")), counts=True)

    def _retry(self, key: FunctionKey, item: str, body: dict[str, Any], failure: Failure) -> bool:
        """Put the event back for later; False when its retries are used up."""
        failures = body["failures"] + failure.counts
        if failures > len(self._retry_seconds):
            self._give_up(key, body, failure)
            return False
        pause = self._retry_seconds[failures - 1] if failure.counts else THROTTLED_AGAIN
        body = {**body, "failures": failures, "due": self._clock() + pause}
        self._table.put(key.account, key.region, item, body)
        return True

    def _give_up(self, key: FunctionKey, body: dict[str, Any], failure: Failure) -> None:
        try:
            target = self._catalogue.get(key)["configuration"].get("DeadLetterConfig", {}).get("TargetArn")
        except AwsError:
            target = None
        if not target:
            log.warning("%s failed for good on event %s; it has no DLQ", key.arn, body["request_id"])
            return
        attributes = (
            ("RequestID", body["request_id"]),
            ("ErrorCode", failure.code),
            ("ErrorMessage", failure.message[:1024] or "-"),
        )
        message = Message(_text(body["event"]), attributes=attributes)
        try:
            self._destinations.deliver(key.account, key.region, target, message)
        except DeliveryError as error:
            log.error("event %s of %s is lost: %s", body["request_id"], key.arn, error)  # noqa: TRY400


def _text(event: bytes) -> str:
    try:
        return event.decode()
    except UnicodeDecodeError:
        return base64.b64encode(event).decode()
