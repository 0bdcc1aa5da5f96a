"""Run a function once, for whoever asks: the Invoke call, the event queue or the poller."""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from gatehouse_local.lambda_ import errors
from gatehouse_local.lambda_.code import CodeGoneError
from gatehouse_local.lambda_.execution.environment import child_environment
from gatehouse_local.lambda_.execution.journal import Journal, frame
from gatehouse_local.lambda_.execution.pool import SandboxPool
from gatehouse_local.lambda_.execution.sandbox import Launch

if TYPE_CHECKING:
    from pathlib import Path

    from gatehouse_local.lambda_.code import CodeStore
    from gatehouse_local.lambda_.execution.outcome import Outcome
    from gatehouse_local.lambda_.functions.catalogue import Catalogue
    from gatehouse_local.lambda_.naming import FunctionKey
    from gatehouse_local.lambda_.settings import Settings


class Invoker:
    """Own the sandbox pools of all functions."""

    def __init__(
        self, catalogue: Catalogue, code: CodeStore, logs: Path, endpoint: str, settings: Settings
    ) -> None:
        self._catalogue = catalogue
        self._code = code
        self._logs = logs
        self._endpoint = endpoint
        self._settings = settings
        self._lock = threading.Lock()
        self._pools: dict[FunctionKey, SandboxPool] = {}
        self._journals: dict[str, Journal] = {}  # by file: Regions share a function's name

    def invoke(self, key: FunctionKey, event: bytes, request_id: str = "") -> Outcome:
        """Run the function on one JSON event and write its log.

        :raises AwsError: no such function, not active, not runnable here, or all children busy
        """
        function = self._catalogue.active(key)
        if not function["Runtime"].startswith("python"):
            raise errors.unsupported_runtime(function["Runtime"])
        pool, journal = self._parts(key)
        request_id = request_id or str(uuid.uuid4())
        started = time.monotonic()
        try:
            with pool.lease(
                function["RevisionId"], lambda: self._launch(key, function), self._settings.queue_seconds
            ) as sandbox:
                outcome = sandbox.invoke(request_id, key.arn, event, float(function["Timeout"]))
        except CodeGoneError:  # updated while we waited for a free child: run what the function is now
            if self._catalogue.active(key)["CodeSha256"] == function["CodeSha256"]:
                raise
            return self.invoke(key, event, request_id)
        milliseconds = (time.monotonic() - started) * 1000
        journal.write(frame(request_id, outcome.log, milliseconds, function["MemorySize"]))
        return outcome

    def forget(self, key: FunctionKey) -> None:
        """Kill a deleted function's children."""
        with self._lock:
            pool = self._pools.pop(key, None)
        if pool is not None:
            pool.close()

    def close(self) -> None:
        """Kill every child; a later invocation starts new ones."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.close()

    def _launch(self, key: FunctionKey, function: dict[str, Any]) -> Launch:
        root = self._code.unpacked(function["CodeSha256"])
        environment = child_environment(key, function, root, self._endpoint)
        return Launch(root, environment, self._settings.init_seconds)

    def _parts(self, key: FunctionKey) -> tuple[SandboxPool, Journal]:
        with self._lock:
            pool = self._pools.setdefault(key, SandboxPool(self._settings.concurrency))
            if key.name not in self._journals:
                self._journals[key.name] = Journal(self._logs / f"{key.name}.log")
            return pool, self._journals[key.name]
