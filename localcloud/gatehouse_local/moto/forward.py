"""Forward calls to moto_server: streamed both ways, headers kept, the account named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.wire import call_of, has_body, read_body, stream_body
from gatehouse_local.moto.naming import has_form, operation_of, resource_of
from gatehouse_local.moto.refusal import refuse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import Receive, Scope, Send

    from gatehouse_local.core.encode import Answer
    from gatehouse_local.core.exchange import Exchange
    from gatehouse_local.moto.epoch import MotoGuard

_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade "
    b"expect x-moto-account-id".split()
)
_OURS = _HOP | {b"date", b"server"}
_CODE = re.compile(rb"<Code>([\w.]+)</Code>|\"(?:__type|code|Code)\":\s*\"(?:[^\"]*#)?([\w.]+)\"")
_TIMEOUT = {"connect": 5.0, "read": 300.0, "write": 300.0, "pool": 60.0}
_LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=64, keepalive_expiry=30)


class MotoProxy:
    """Hand calls on to one moto_server, as long as its state belongs to ours."""

    def __init__(self, guard: MotoGuard) -> None:
        self._guard = guard
        self._url = httpx.URL(guard.endpoint)
        # The transport without the client: no redirects, cookies or default headers of its own.
        self._transport = httpx.AsyncHTTPTransport(limits=_LIMITS)

    async def forward(
        self, exchange: Exchange, headers: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Admit the call, pass it on and stream the answer back; raise `AwsError` where it is refused."""
        if scope["path"].startswith("/moto-api"):
            raise AwsError("AccessDenied", "moto's own API stays behind the door", 403)
        body = await self._admit(exchange, headers, scope, receive)
        refused = self._guard.refusal()
        if refused:
            raise refused
        request = self._request(exchange, headers, scope, stream_body(receive) if body is None else body)
        try:
            response = await self._transport.handle_async_request(request)
            await _relay(response, exchange, scope, send)
        except httpx.TransportError as error:
            raise self._guard.failed(error) from error

    def refuse(self, exchange: Exchange, headers: Mapping[str, str], error: AwsError) -> Answer:
        """Write a refusal in the forwarded service's protocol."""
        return refuse(exchange.service, headers, error, exchange.request_id)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._transport.aclose()

    async def _admit(
        self, exchange: Exchange, headers: Mapping[str, str], scope: Scope, receive: Receive
    ) -> bytes | None:
        """Name the operation and count it; return the body where that took reading it."""
        service = exchange.service
        body = await read_body(receive) if has_form(headers) else None
        call = call_of(scope, headers, body or b"")
        operation = operation_of(service, call)
        resource = ""
        if exchange.rules.quotas.per_resource(service, operation):
            body = await read_body(receive) if body is None else body
            resource = resource_of(service, operation, body)
        exchange.operation = operation
        if exchange.caller is not None:
            await exchange.admit(service, operation, resource)
        return body

    def _request(
        self,
        exchange: Exchange,
        headers: Mapping[str, str],
        scope: Scope,
        body: AsyncIterator[bytes] | bytes,
    ) -> httpx.Request:
        kept = [(name, value) for name, value in scope["headers"] if name.lower() not in _HOP]
        if exchange.caller is not None:
            kept.append((b"x-moto-account-id", exchange.caller.account.encode()))
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        return httpx.Request(
            scope["method"],
            self._url,
            headers=kept,
            content=body if has_body(headers) else None,
            extensions={"target": target, "timeout": _TIMEOUT},
        )


async def _relay(response: httpx.Response, exchange: Exchange, scope: Scope, send: Send) -> None:
    headers = [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in _OURS]
    start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
    try:
        if response.status_code >= 400:
            body = b"".join([part async for part in response.aiter_raw()])
            exchange.refused(_error_code(response.status_code, body))
            await send(start)
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
            return
        await send(start)
        async for part in response.aiter_raw():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await response.aclose()


def _error_code(status: int, body: bytes) -> str:
    found = _CODE.search(body)
    return (found.group(1) or found.group(2)).decode("ascii") if found else str(status)
