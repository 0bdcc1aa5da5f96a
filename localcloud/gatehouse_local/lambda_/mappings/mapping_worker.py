"""Poll one mapping: find its stream's shards, work on each, parents before children."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gatehouse_local.lambda_.mappings.buffer import Batching
from gatehouse_local.lambda_.mappings.checkpoint import Checkpoints, Position
from gatehouse_local.lambda_.mappings.event import Source
from gatehouse_local.lambda_.mappings.lane import Backoff, Invokes, LaneParts
from gatehouse_local.lambda_.mappings.planner import Policy
from gatehouse_local.lambda_.mappings.reader import ShardReader
from gatehouse_local.lambda_.mappings.shard_worker import Pace, ShardWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_local.core.clients import Clients
    from gatehouse_local.lambda_.destinations import Destinations
    from gatehouse_local.lambda_.mappings.planner import Record
    from gatehouse_local.lambda_.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """What a mapping asks for, read once when its worker starts; no `start_timestamp` is TRIM_HORIZON."""

    account: str
    region: str
    uuid: str
    stream_arn: str
    function_arn: str
    role_arn: str
    policy: Policy
    batching: Batching
    destination: str
    start_timestamp: float | None

    def source(self, shard: str) -> Source:
        """Return what events and invocation records of a shard say about their origin."""
        return Source(self.uuid, self.stream_arn, shard, self.function_arn, self.role_arn)


@dataclass(frozen=True, slots=True)
class Services:
    """What every mapping worker shares."""

    clients: Clients
    checkpoints: Checkpoints
    invoker: Invokes
    destinations: Destinations
    clock: Callable[[], float]
    settings: Settings


class MappingWorker:
    """Keep a worker on every shard that may be read now.

    The stream's creation time tells a recreated stream from the old one: positions written for the
    old one are then worth nothing, and reading starts over at the mapping's starting position.
    """

    def __init__(self, job: Job, services: Services, report: Callable[[str], None]) -> None:
        self._job, self._services, self._report = job, services, report
        self._kinesis = services.clients.of("kinesis", job.account, job.stream_arn.split(":")[3])
        self._stream = job.stream_arn.rpartition("/")[2]
        self._backoff = Backoff(services.settings.retry_base_seconds, services.settings.retry_cap_seconds)
        self._stop, self._wake = threading.Event(), threading.Event()
        self._shards: dict[str, ShardWorker] = {}
        self._created: float | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="lambda-mapping")

    def start(self) -> None:
        """Start polling."""
        self._thread.start()

    def stop(self) -> None:
        """Ask every thread to end; what isn't finished is read again from the checkpoint."""
        self._stop.set()
        self._wake.set()
        for worker in list(self._shards.values()):
            worker.stop()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the threads to end."""
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Tell whether any thread still runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self._scan()
            except (ClientError, BotoCoreError) as error:
                failures += 1
                if failures == 1:
                    log.warning("mapping %s can't see %s: %s", self._job.uuid, self._stream, error)
                self._report(f"PROBLEM: {_first_line(error)}")
                self._stop.wait(self._backoff.pause(failures))
                continue
            failures = 0
            self._wake.wait(self._services.settings.shard_scan_seconds)
        self._end_shards()

    def _scan(self) -> None:
        summary = self._kinesis.describe_stream_summary(StreamName=self._stream)["StreamDescriptionSummary"]
        created = summary["StreamCreationTimestamp"].timestamp()
        if created != self._created:
            self._end_shards()
            self._created = created
        for shard in (
            self._kinesis.get_paginator("list_shards").paginate(StreamName=self._stream).search("Shards")
        ):
            if not self._stop.is_set():
                self._consider(shard, created)

    def _consider(self, shard: dict[str, Any], created: float) -> None:
        """Start on a shard that isn't worked on, isn't done and whose parents are."""
        name = shard["ShardId"]
        running = self._shards.get(name)
        if running is not None and running.alive:
            return
        position = self._position(name, created)
        parents = [shard[key] for key in ("ParentShardId", "AdjacentParentShardId") if shard.get(key)]
        waits = any(not self._done(parent, created) for parent in parents if parent in self._shards)
        if not position.finished and not waits:
            self._shards[name] = self._worker(name, position)
            self._shards[name].start()

    def _done(self, shard: str, created: float) -> bool:
        return self._position(shard, created).finished

    def _position(self, shard: str, created: float) -> Position:
        job = self._job
        known = self._services.checkpoints.load(job.account, job.region, job.uuid, shard)
        if known is None or known.stream_created != created:
            return Position(created, timestamp=job.start_timestamp)
        return known

    def _worker(self, shard: str, position: Position) -> ShardWorker:
        job, settings = self._job, self._services.settings
        save = partial(self._services.checkpoints.save, job.account, job.region, job.uuid, shard)
        return ShardWorker(
            reader=ShardReader(self._kinesis, self._stream, shard, position),
            batching=job.batching,
            pace=Pace(settings.poll_seconds, settings.idle_poll_seconds),
            backoff=self._backoff,
            position=position,
            save=save,
            lane_parts=partial(self._lane_parts, shard),
            troubled=self._wake.set,
        )

    def _lane_parts(
        self, shard: str, stop: threading.Event, finish: Callable[[tuple[Record, ...]], None]
    ) -> LaneParts:
        job, services = self._job, self._services
        return LaneParts(
            source=job.source(shard),
            policy=job.policy,
            destination=job.destination,
            backoff=self._backoff,
            invoker=services.invoker,
            destinations=services.destinations,
            clock=services.clock,
            stop=stop,
            finish=finish,
            report=self._report,
        )

    def _end_shards(self) -> None:
        for worker in self._shards.values():
            worker.stop()
        for worker in self._shards.values():
            worker.join()
        self._shards.clear()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
