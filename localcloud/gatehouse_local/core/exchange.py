"""Follow one call from its first byte to its answer, and log it once."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from gatehouse_local.core.calls import Call
from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.service import CallContext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Receive, Scope, Send

    from gatehouse_local.core.calls import CallLog
    from gatehouse_local.core.encode import Answer
    from gatehouse_local.core.faults import Fault, Faults
    from gatehouse_local.core.quotas import Quotas
    from gatehouse_local.core.signature import Caller


@dataclass(frozen=True, slots=True)
class Rules:
    """What every call is held to and noted in."""

    quotas: Quotas
    faults: Faults
    calls: CallLog


@dataclass(slots=True)
class Exchange:
    """One call under way; `service` is botocore's name once the operation is known.

    An `inner` one is the cloud's own, part of answering another: held to no quota or fault, and not logged.
    """

    rules: Rules
    caller: Caller | None
    base_url: str
    service: str
    operation: str = "-"
    outcome: str = "ok"
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: bool = False
    inner: bool = False
    _time: float = field(default_factory=time.time)
    _clock: float = field(default_factory=time.perf_counter)
    _logged: bool = False

    async def admit(self, service: str, operation: str, resource: str = "") -> CallContext:
        """Apply faults and quotas to the call and return its context, or raise what refuses it."""
        self.service, self.operation = service, operation
        caller = self.caller
        if caller is None:
            raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        if not self.inner:
            await self._hold_to_rules(caller, resource)
        return CallContext(caller.account, caller.region, service, operation, self.request_id, self.base_url)

    def within(self) -> Exchange:
        """Return an exchange for a call that answering this one takes."""
        return Exchange(
            self.rules, self.caller, self.base_url, self.service, request_id=self.request_id, inner=True
        )

    def refused(self, code: str) -> None:
        """Note the error code that the call ends with, unless its cause is noted already."""
        if self.outcome == "ok":
            self.outcome = code

    def note(self) -> None:
        """Write the call's line in the log; repeating it is harmless."""
        if self._logged:
            return
        self._logged = True
        account, region = (self.caller.account, self.caller.region) if self.caller else ("-", "-")
        ms = round((time.perf_counter() - self._clock) * 1000, 3)
        self.rules.calls.add(
            Call(self._time, self.service, self.operation, account, region, self.outcome, ms)
        )

    def watch(self, send: Send) -> Send:
        """Wrap `send` so that the call is logged when its answer starts."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.started = True
                if message["status"] >= 400:
                    self.refused(str(message["status"]))
                self.note()
            await send(message)

        return watched

    async def _hold_to_rules(self, caller: Caller, resource: str) -> None:
        service, operation = self.service, self.operation
        effect = self.rules.faults.on_call(service, operation, caller.account, caller.region)
        if effect.seconds:
            await asyncio.sleep(effect.seconds)
        if effect.fault:
            raise self._fault(effect.fault, caller)
        try:
            self.rules.quotas.acquire(service, operation, caller.account, caller.region, resource)
        except AwsError:
            self.outcome = "throttled"
            raise

    def _fault(self, fault: Fault, caller: Caller) -> AwsError:
        if fault.kind == "throttling":
            error = self.rules.quotas.throttled(self.service, self.operation, caller.account, caller.region)
            code = fault.code or error.code
            message, status = fault.message or error.message, error.status
        else:
            code, status = fault.code or "InternalFailure", fault.status
            message = fault.message or f"Fault {fault.id} of the local cloud is on"
        self.outcome = f"fault:{code}"
        return AwsError(code, message, status)


class Forwarder(Protocol):
    """Answer the calls to services that aren't ours."""

    async def forward(
        self, exchange: Exchange, headers: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Admit the call and answer it, or raise the `AwsError` that refuses it."""

    def refuse(self, exchange: Exchange, headers: Mapping[str, str], error: AwsError) -> Answer:
        """Write a refusal in the service's protocol."""

    async def close(self) -> None:
        """Let go of connections."""
