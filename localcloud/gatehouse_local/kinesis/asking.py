"""Read what a call to a data stream asks, and take moto's answer back before it goes out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gatehouse_local.core.wire import headers_of
from gatehouse_local.kinesis.streams import SERVICE, Where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Receive, Scope, Send

    from gatehouse_local.core.errors import AwsError
    from gatehouse_local.core.exchange import Exchange, Forwarder

_LENGTH = b"content-length"
_TARGET = b"x-amz-target"


def params_of(body: bytes) -> dict[str, Any]:
    """Return the parameters; none where the body isn't JSON, which moto then answers."""
    try:
        params = json.loads(body or b"{}")
    except ValueError:
        return {}
    return params if isinstance(params, dict) else {}


def stream_of(params: Mapping[str, Any]) -> str:
    """Name the stream that a call is about, whether given by name or by ARN; empty where it is neither."""
    arn = str(params.get("StreamARN") or params.get("ResourceARN") or "")
    named = arn.rpartition(":stream/")[2].partition("/")[0] if ":stream/" in arn else ""
    return str(params.get("StreamName") or named)


def where_of(exchange: Exchange) -> Where:
    """Tell the caller's account and Region."""
    caller = exchange.caller
    return (caller.account, caller.region) if caller else ("", "")


def again(body: bytes) -> Receive:
    """Hand a body that was read to whoever reads it next."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


@dataclass(slots=True)
class Reply:
    """Collect an answer; `send` it on once it is what it should be."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def collect(self, message: Message) -> None:
        """Be the `send` of whoever answers."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    @property
    def ok(self) -> bool:
        """Say whether the call succeeded."""
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """Return the error's code; empty where there is none."""
        return str(params_of(self.body).get("__type", "")).rpartition("#")[2]

    def rewrite(self, body: Mapping[str, Any]) -> None:
        """Answer something else with the same status."""
        self.body = json.dumps(body, separators=(",", ":")).encode()

    async def send(self, send: Send) -> None:
        """Pass the answer on."""
        headers = [pair for pair in self.headers if pair[0] != _LENGTH]
        headers.append((_LENGTH, str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class Call:
    """One call to a data stream, read whole."""

    def __init__(
        self,
        forwarder: Forwarder,
        exchange: Exchange,
        headers: Mapping[str, str],
        scope: Scope,
        body: bytes,
    ) -> None:
        self._forwarder, self._exchange, self._headers, self._scope = forwarder, exchange, headers, scope
        self._body = body
        self.operation = exchange.operation
        self.params = params_of(body)
        self.name = stream_of(self.params)
        self.where = where_of(exchange)

    async def ask(self) -> Reply:
        """Have the forwarder admit and answer it."""
        reply = Reply()
        receive = again(self._body)
        await self._forwarder.forward(self._exchange, self._headers, self._scope, receive, reply.collect)
        return reply

    async def tag(self) -> Reply:
        """Give the stream the tags that a CreateStream asks for, which moto passes by."""
        body = json.dumps({"StreamName": self.name, "Tags": self.params["Tags"]}).encode()
        changed = {_TARGET: b"Kinesis_20131202.AddTagsToStream", _LENGTH: str(len(body)).encode()}
        kept = [(name, value) for name, value in self._scope["headers"] if name.lower() not in changed]
        scope = {**self._scope, "headers": [*kept, *changed.items()]}
        reply, own = Reply(), self._exchange.within()
        await self._forwarder.forward(own, headers_of(scope), scope, again(body), reply.collect)
        return reply

    async def refused(self, error: AwsError) -> AwsError:
        """Count the call as one that was made, and return why it is refused."""
        await self._exchange.admit(SERVICE, self.operation)
        return error
