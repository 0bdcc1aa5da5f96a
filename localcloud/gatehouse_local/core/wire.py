"""Read requests from and write answers to an ASGI server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable
from urllib.parse import parse_qs

from starlette.responses import StreamingResponse

from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.model import HttpCall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import Receive, Scope, Send

    from gatehouse_local.core.encode import Answer

# Above Lambda's largest zip (50 MB) in base64, which is the largest body that AWS JSON carries.
MAX_BODY = 100 << 20


@runtime_checkable
class Closing(Protocol):
    """Content that holds something until it has been sent or given up."""

    def close(self) -> None:
        """Let go; repeating it is harmless."""


class ClientGoneError(ConnectionError):
    """The client hung up before its request was whole; nothing was done."""


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the headers with names in lower case; a repeated one is joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def call_of(scope: Scope, headers: Mapping[str, str], body: bytes = b"") -> HttpCall:
    """Make the protocol's view of a request."""
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    return HttpCall(scope["method"], path, query, headers, body)


def has_body(headers: Mapping[str, str]) -> bool:
    """Say whether the request announces a body."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


async def stream_body(receive: Receive) -> AsyncIterator[bytes]:
    """Yield the request's body as it arrives; raise `ClientGoneError` if it breaks off."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError("the client hung up before its request was whole")
        if message.get("body"):
            yield message["body"]
        more = message.get("more_body", False)


async def read_body(receive: Receive, limit: int = MAX_BODY) -> bytes:
    """Return the whole body; raise a 413 `AwsError` above the limit."""
    parts: list[bytes] = []
    size = 0
    async for part in stream_body(receive):
        size += len(part)
        if size > limit:
            raise AwsError("RequestEntityTooLargeException", f"The request is over {limit} bytes", 413)
        parts.append(part)
    return b"".join(parts)


async def send_answer(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Write the answer; a streamed one ends when the client hangs up, and is closed if it can be."""
    if not isinstance(answer.content, bytes):
        streamed = StreamingResponse(answer.content, answer.status, answer.headers)
        try:
            await streamed(scope, receive, send)
        finally:
            if isinstance(answer.content, Closing):
                answer.content.close()
        return
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
    headers.append((b"content-length", str(len(answer.content)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else answer.content
    await send({"type": "http.response.body", "body": body})
