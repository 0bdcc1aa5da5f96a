"""Hold one PutMedia connection: a chunked upload whose answer is read while it still goes on.

PutMedia is in no SDK for Python. AWS signs it as an empty body (aws.md §3, local-cloud.md "Video").
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from gatehouse_edge.errors import UplinkError
from gatehouse_edge.uplink.acks import Ack, AckReader

_SERVICE = "kinesisvideo"
_OPEN_S = 10.0


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """Where one connection goes, signed."""

    url: str
    headers: dict[str, str]


def signed_request(endpoint: str, stream_name: str, region: str, credentials: Credentials) -> UploadRequest:
    """Sign the opening of a PutMedia connection; valid for five minutes, the upload may last longer."""
    request = AWSRequest(
        method="POST",
        url=f"{endpoint.rstrip('/')}/putMedia",
        data=b"",
        headers={
            "x-amzn-stream-name": stream_name,
            "x-amzn-fragment-timecode-type": "ABSOLUTE",
        },
    )
    SigV4Auth(credentials, _SERVICE, region).add_auth(request)
    return UploadRequest(str(request.url), dict(request.headers.items()))


class PutMediaConnection:
    """One upload; open it, `send` header and Clusters, read `acks` beside, `finish`, then close."""

    def __init__(self, http: aiohttp.ClientSession, request: UploadRequest) -> None:
        self._http = http
        self._request = request
        # One ahead of the socket: what waits longer waits in the outbox, where it is counted.
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=2)
        self._response: aiohttp.ClientResponse | None = None

    async def open(self, first: bytes) -> None:
        """Start the upload with its first bytes; UplinkError says what AWS or the network refused."""
        self._chunks.put_nowait(first)
        try:
            async with asyncio.timeout(_OPEN_S):
                self._response = await self._http.post(
                    self._request.url, data=self._body(), headers=self._request.headers
                )
        except TimeoutError:
            raise UplinkError(f"PutMedia did not answer within {_OPEN_S:.0f} s: check the uplink") from None
        except aiohttp.ClientError as error:
            raise UplinkError(
                f"can't reach Kinesis Video ({type(error).__name__}): check the uplink"
            ) from None
        if self._response.status != 200:
            raise _refusal(self._response.status, await self._said(self._response))

    async def send(self, data: bytes) -> None:
        """Hand bytes to the upload; waits while the socket is full."""
        await self._chunks.put(data)

    async def acks(self) -> AsyncIterator[Ack]:
        """Yield acknowledgements until AWS ends the answer; UplinkError when the connection breaks."""
        assert self._response is not None  # noqa: S101 (after open)
        reader = AckReader()
        try:
            async for data in self._response.content.iter_any():
                for ack in reader.feed(data):
                    yield ack
        except aiohttp.ClientError as error:
            raise UplinkError(f"the upload broke ({type(error).__name__}): the proxy sends again") from None

    async def finish(self) -> None:
        """End the body in order; acknowledgements may still follow."""
        await self._chunks.put(None)

    def close(self) -> None:
        """Drop the connection now."""
        if self._response is not None:
            self._response.close()

    async def _body(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk

    @staticmethod
    async def _said(response: aiohttp.ClientResponse) -> str:
        text = ""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with asyncio.timeout(2):
                text = (await response.content.read(500)).decode("utf-8", "replace")
        response.close()
        return " ".join(text.split())


def _refusal(status: int, said: str) -> UplinkError:
    remedy = {
        403: "allow kinesisvideo:PutMedia on this stream to the proxy's role, and check the machine's clock",
        404: "the stream doesn't exist: roll the office out (office_rollout)",
        400: "report this",
    }.get(status, "the proxy tries again")
    return UplinkError(f"PutMedia answered {status} ({said}): {remedy}")
