"""Keep a worker on every enabled mapping: start, restart on change, end, purge."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.lambda_.mappings import rules
from gatehouse_local.lambda_.mappings.mapping_worker import Job, MappingWorker, Services
from gatehouse_local.lambda_.naming import key_of

if TYPE_CHECKING:
    from gatehouse_local.lambda_.functions.catalogue import Catalogue
    from gatehouse_local.lambda_.mappings.registry import Registry

log = logging.getLogger(__name__)
Id = tuple[str, str, str]  # account, Region, mapping UUID
TICK = 0.5  # seconds between looks while a mapping settles or a worker ends
REST = 30.0  # seconds between looks otherwise; changes wake the poller at once
GRACE = 10.0  # seconds an invocation in progress gets when the front door stops


class Poller:
    """Reconcile workers with the registry, in one thread."""

    def __init__(self, registry: Registry, catalogue: Catalogue, services: Services) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self._services = services
        self._workers: dict[Id, tuple[int, MappingWorker]] = {}
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Resume every enabled mapping from its checkpoints; idempotent."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, daemon=True, name="lambda-poller")
            self._thread.start()

    def stop(self) -> None:
        """End all workers, giving invocations in progress a grace; unfinished batches come again."""
        self._stop.set()
        self._wake.set()
        if self._thread is None:
            return
        self._thread.join()
        self._thread = None
        for _, worker in self._workers.values():
            worker.stop()
        deadline = time.monotonic() + GRACE
        for _, worker in self._workers.values():
            worker.join(max(0.0, deadline - time.monotonic()))
        self._workers.clear()

    def wake(self) -> None:
        """Look at the registry now."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            unsettled = self._reconcile()
            self._wake.wait(TICK if unsettled else REST)

    def _reconcile(self) -> bool:
        """Bring workers closer to what is wanted; say whether something is still on its way."""
        unsettled = False
        for account, region, uuid, record in self._registry.all():
            identity = (account, region, uuid)
            if self._registry.is_settling(record):
                self._end(identity, unless=record["revision"])
                unsettled = True
            elif record["target"] == "Enabled":
                unsettled |= not self._ensure(identity, record)
            elif not self._end(identity):
                unsettled = True
            elif record["target"] == "Deleted":
                self._services.checkpoints.forget(account, region, uuid)
                self._registry.purge(account, region, uuid)
        return unsettled

    def _end(self, identity: Id, unless: int | None = None) -> bool:
        """Stop a worker; True once it is gone. `unless` is the revision that may go on."""
        running = self._workers.get(identity)
        if running is None:
            return True
        revision, worker = running
        if revision == unless and worker.alive:
            return True
        worker.stop()
        if worker.alive:
            return False
        del self._workers[identity]
        return True

    def _ensure(self, identity: Id, record: dict[str, Any]) -> bool:
        """Have a worker of the record's revision; True once it runs."""
        running = self._workers.get(identity)
        if running is not None and running[0] == record["revision"] and running[1].alive:
            return True
        if not self._end(identity):
            return False
        account, region, uuid = identity
        report = partial(self._registry.report, account, region, uuid)
        worker = MappingWorker(self._job(identity, record), self._services, report)
        self._workers[identity] = (record["revision"], worker)
        worker.start()
        return True

    def _job(self, identity: Id, record: dict[str, Any]) -> Job:
        account, region, uuid = identity
        configuration = record["configuration"]
        return Job(
            account=account,
            region=region,
            uuid=uuid,
            stream_arn=configuration["EventSourceArn"],
            function_arn=configuration["FunctionArn"],
            role_arn=self._role(configuration["FunctionArn"]),
            policy=rules.policy(configuration),
            batching=rules.batching(configuration),
            destination=rules.destination(configuration),
            start_timestamp=_start(record),
        )

    def _role(self, function_arn: str) -> str:
        try:
            role: str = self._catalogue.get(key_of(function_arn))["configuration"]["Role"]
        except AwsError:  # a mapping outlives its function, and then fails to invoke it
            return ""
        return role


def _start(record: dict[str, Any]) -> float | None:
    """Return the epoch second that reading starts at, None for the oldest record.

    LATEST means the moment of CreateEventSourceMapping: AWS may miss records for some minutes after it,
    this misses none, and a restart before the first record changes nothing.
    """
    configuration = record["configuration"]
    if configuration["StartingPosition"] == "LATEST":
        return float(record["created_at"])
    timestamp: float | None = configuration.get("StartingPositionTimestamp")
    return timestamp
