"""Keep the door's own state and moto's together: they survive a restart both, or are reset both.

moto's state dies with its process, unless that is stopped in order (`server.py`). So the door plants a
marker, the epoch, in moto and keeps it in its store. A marker that is gone means that S3, Kinesis, SNS,
SQS, IAM and the secrets are gone too. While the door runs it notices moto's death at once, by a connection
that moto only closes by dying, and refuses every call to moto until the two belong together again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import httpx

from gatehouse_local.core.calls import CALL_FILES
from gatehouse_local.core.errors import AwsError

if TYPE_CHECKING:
    from gatehouse_local.core.store import Store

log = logging.getLogger(__name__)

# An account that no caller can name by mistake holds the marker, so that no listing shows it.
MARKER_ACCOUNT = "000000000000"
MARKER_REGION = "us-east-1"
MARKER = "/gatehouse/epoch"
_SIGNED = (
    f"AWS4-HMAC-SHA256 Credential=gatehouse/20260101/{MARKER_REGION}/ssm/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
_KEY = ("-", "-", "epoch")
_LOST = "S3, Kinesis, SNS, SQS, IAM and Secrets Manager"
_REMEDY = "Remedy: make down && make up"
_RECHECK_SECONDS = 5.0
_RETRY_SECONDS = 0.25


class MotoState(StrEnum):
    """What the door knows of moto: OK, not answering, or answering without its former state."""

    OK = "ok"
    DOWN = "down"
    LOST = "lost"


class MotoUnreachableError(RuntimeError):
    """moto_server doesn't answer, so the door can't start."""


@dataclass(slots=True)
class Watch:
    """The watched connection and what is known by it."""

    state: MotoState = MotoState.DOWN
    detail: str = "not connected yet"
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None


class MotoGuard:
    """Bind one moto_server's state to one store; used from the event loop only."""

    def __init__(self, endpoint: str, store: Store) -> None:
        self.endpoint = endpoint
        self.epoch = ""
        self.reset = ""
        self._store = store
        self._table = store.table("gatehouse", "epoch")
        self._http = httpx.AsyncClient(base_url=endpoint, timeout=10, trust_env=False)
        self._watch = Watch()
        self._task: asyncio.Task[None] | None = None

    async def bind(self, wait_seconds: float = 60.0) -> None:
        """Wait for moto, then keep both states or reset both; raise `MotoUnreachableError`.

        Call it before services are built: a reset deletes their files.
        """
        live = await self._wait(wait_seconds)
        body = self._table.get(*_KEY)
        stored = body["epoch"] if body else None
        if stored and stored == live:
            self.epoch = stored
        else:
            await self._begin_anew(stored, live)
        await self._recheck()
        self._task = asyncio.create_task(self._run(), name="moto-guard")

    def refusal(self) -> AwsError | None:
        """Return the error that every call to moto gets now, or None; costs next to nothing."""
        watch = self._watch
        if watch.state is MotoState.OK and watch.reader is not None and watch.reader.at_eof():
            self._set(MotoState.DOWN, "its connection closed")
        if watch.state is MotoState.OK:
            return None
        if watch.state is MotoState.LOST:
            return AwsError("InternalFailure", watch.detail, 500)
        return AwsError("ServiceUnavailable", watch.detail, 503)

    def failed(self, error: Exception) -> AwsError:
        """Make the error of a call during which moto went away; whether it acted is unknown."""
        self._set(MotoState.DOWN, f"a call to it failed: {type(error).__name__}")
        return AwsError(
            "ServiceUnavailable",
            f"moto_server at {self.endpoint} broke off while it answered; whether it acted is unknown. "
            f"If it restarted, {_LOST} are lost. {_REMEDY}",
            503,
        )

    def health(self) -> dict[str, str]:
        """Describe moto for the health page."""
        refused = self.refusal()
        known = {"endpoint": self.endpoint, "state": str(self._watch.state), "epoch": self.epoch}
        return known | ({"detail": refused.message} if refused else {})

    async def close(self) -> None:
        """Stop watching; repeating it is harmless."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._watch.writer is not None:
            self._watch.writer.close()
        await self._http.aclose()

    async def _wait(self, seconds: float) -> str | None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                return await self._read_marker()
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise MotoUnreachableError(
                        f"moto_server at {self.endpoint} didn't answer within {seconds:g} s "
                        f"({type(error).__name__}); the front door was not started. Start moto_server "
                        f"first (make up does) and read its log."
                    ) from error
            await asyncio.sleep(_RETRY_SECONDS)

    async def _begin_anew(self, stored: str | None, live: str | None) -> None:
        if stored:
            self._store.wipe(keep=CALL_FILES)
            self.reset = f"moto_server at {self.endpoint} came back without its state: all state was reset"
        if live:
            # moto outlived a store that was deleted or belongs to another one: its half goes too.
            (await self._http.post("/moto-api/reset")).raise_for_status()
            self.reset = f"moto_server at {self.endpoint} held state of another store: all state was reset"
        if self.reset:
            log.warning("%s", self.reset)
        self.epoch = uuid.uuid4().hex
        await self._call("PutParameter", {"Name": MARKER, "Value": self.epoch, "Type": "String"})
        self._table.put(*_KEY, {"epoch": self.epoch})

    async def _run(self) -> None:
        while True:
            reader = self._watch.reader
            if self._watch.state is MotoState.OK and reader is not None:
                with contextlib.suppress(TimeoutError, OSError):
                    await asyncio.wait_for(reader.read(1), _RECHECK_SECONDS)
            else:
                await asyncio.sleep(_RETRY_SECONDS)
            if self._watch.state is not MotoState.LOST:
                await self._recheck()

    async def _recheck(self) -> None:
        try:
            if self._watch.state is MotoState.DOWN or self.refusal():
                await self._connect()
            elif await self._read_marker() != self.epoch:
                self._lose()
        except httpx.TimeoutException:
            log.warning("moto_server at %s is slow to answer", self.endpoint)
        except (httpx.HTTPError, OSError) as error:
            self._set(MotoState.DOWN, f"it doesn't answer: {type(error).__name__}")

    async def _connect(self) -> None:
        """Open the watched connection, then look for the marker: in this order nothing slips by."""
        if self._watch.writer is not None:
            self._watch.writer.close()
        url = httpx.URL(self.endpoint)
        reader, writer = await asyncio.open_connection(url.host, url.port or 80)
        self._watch.reader, self._watch.writer = reader, writer
        if await self._read_marker() != self.epoch:
            self._lose()
        elif not reader.at_eof():
            self._set(MotoState.OK, "")

    def _lose(self) -> None:
        self._set(MotoState.LOST, "")

    def _set(self, state: MotoState, why: str) -> None:
        if state is self._watch.state or self._watch.state is MotoState.LOST:
            return
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self._watch.state = state
        self._watch.detail = {
            MotoState.OK: "",
            MotoState.DOWN: f"moto_server at {self.endpoint} is down since {at} ({why}); nothing was done. "
            f"{_LOST} are unreachable, and lost if its process was killed. {_REMEDY}",
            MotoState.LOST: f"moto_server at {self.endpoint} restarted before {at} and lost its state: "
            f"{_LOST}. Nothing was done, so that old and new state don't mix. {_REMEDY}",
        }[state]
        if state is MotoState.OK:
            log.info("moto_server at %s answers with the state it had", self.endpoint)
        else:
            log.error("%s", self._watch.detail)

    async def _read_marker(self) -> str | None:
        answer = await self._call("GetParameter", {"Name": MARKER})
        if answer.status_code == 400 and "ParameterNotFound" in answer.text:
            return None
        answer.raise_for_status()
        return str(answer.json()["Parameter"]["Value"])

    async def _call(self, operation: str, params: dict[str, str]) -> httpx.Response:
        headers = {
            "authorization": _SIGNED,
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"AmazonSSM.{operation}",
            "x-moto-account-id": MARKER_ACCOUNT,
        }
        return await self._http.post("/", content=json.dumps(params), headers=headers)
