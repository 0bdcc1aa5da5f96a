"""Read RTSP requests from a stream and write responses (RFC 2326)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping

_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Stream Not Found",
    454: "Session Not Found",
    461: "Unsupported Transport",
    501: "Not Implemented",
}
_INTERLEAVED = b"$"


@dataclass(frozen=True, slots=True)
class Request:
    """Hold one request; header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str]

    @property
    def camera_id(self) -> str:
        """Return the camera that the URL's path names."""
        return urlsplit(self.url).path.strip("/").partition("/")[0]


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Return the next request, None when the client left; its RTCP packets are read past."""
    while (first := await reader.read(1)) == _INTERLEAVED:
        head = await reader.readexactly(3)
        await reader.readexactly(int.from_bytes(head[1:], "big"))
    if not first:
        return None
    text = (first + await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace")
    line, *rest = text.strip().split("\r\n")
    method, _, tail = line.partition(" ")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (part.partition(":") for part in rest)
    }
    if length := int(headers.get("content-length", "0")):
        await reader.readexactly(length)
    return Request(method.upper(), tail.rpartition(" ")[0], headers)


def response(request: Request, status: int, headers: Iterable[tuple[str, str]] = (), body: str = "") -> bytes:
    """Write a response to a request."""
    lines = [f"RTSP/1.0 {status} {_REASONS[status]}", f"CSeq: {request.headers.get('cseq', '0')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body:
        lines.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
