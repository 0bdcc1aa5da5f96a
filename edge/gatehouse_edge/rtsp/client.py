"""Play one camera: DESCRIBE, SETUP, PLAY, keep alive, until it ends, hangs or refuses.

Why not FFmpeg's: docs/adr/0003-own-rtsp-client.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from gatehouse_edge.errors import CameraError, CameraRefusedError
from gatehouse_edge.rtsp.auth import Authenticator
from gatehouse_edge.rtsp.interleaved import InterleavedProtocol, Response
from gatehouse_edge.rtsp.sdp import VideoTrack, video_track
from gatehouse_edge.rtsp.target import RtspTarget

_CHANNELS = re.compile(r"interleaved\s*=\s*(\d+)-(\d+)")
_TIMEOUT = re.compile(r"timeout\s*=\s*(\d+)")
_USER_AGENT = "gatehouse-edge"


@dataclass(frozen=True, slots=True)
class RtspTimes:
    """Seconds a camera is given."""

    connect_s: float = 5.0
    answer_s: float = 5.0
    silence_s: float = 10.0


class RtspSession:
    """One connection to one camera; use as an async context manager, `describe`, `play`, then `watch`."""

    def __init__(self, target: RtspTarget, times: RtspTimes = RtspTimes()) -> None:
        self._target = target
        self._times = times
        self._auth = Authenticator(target.username, target.password)
        self._protocol: InterleavedProtocol | None = None
        self._session = ""
        self._base_url = target.url
        self._keep_alive_s = 25.0
        self._keep_alive_method = "OPTIONS"

    async def __aenter__(self) -> RtspSession:
        loop = asyncio.get_running_loop()
        target = self._target
        tls = ssl.create_default_context() if target.tls else None
        try:
            async with asyncio.timeout(self._times.connect_s):
                _, self._protocol = await loop.create_connection(
                    InterleavedProtocol, target.host, target.port, ssl=tls
                )
        except TimeoutError:
            raise self._unreachable(f"no answer within {self._times.connect_s:.0f} s") from None
        except OSError as error:
            raise self._unreachable(error.strerror or type(error).__name__) from None
        return self

    async def __aexit__(self, *_: object) -> None:
        protocol = self._protocol
        if protocol is None:
            return
        try:
            if self._session and not protocol.closed.done():
                # Cameras allow few sessions; a polite end frees ours at once. Its failure changes nothing.
                with contextlib.suppress(CameraError):
                    await protocol.request("TEARDOWN", self._base_url, self._headers("TEARDOWN"), 1.0)
        finally:
            protocol.close()

    async def describe(self) -> VideoTrack:
        """Ask what the camera offers; CameraRefusedError for credentials, path or codec."""
        options = await self._request("OPTIONS", self._target.url)
        if "GET_PARAMETER" in options.first("public").upper():
            self._keep_alive_method = "GET_PARAMETER"
        answer = await self._request("DESCRIBE", self._target.url, {"Accept": "application/sdp"})
        self._base_url = answer.first("content-base") or answer.first("content-location") or self._target.url
        return video_track(answer.body, self._base_url)

    async def play(
        self,
        track: VideoTrack,
        on_rtp: Callable[[bytearray, int, int], None],
        on_rtcp: Callable[[bytearray, int, int], None],
    ) -> None:
        """Start the track; packets go to the callbacks from now on."""
        answer = await self._request(
            "SETUP", track.control_url, {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        )
        channels = _CHANNELS.search(answer.first("transport"))
        rtp, rtcp = (int(channels[1]), int(channels[2])) if channels else (0, 1)
        session = answer.first("session")
        self._session = session.partition(";")[0].strip()
        if limit := _TIMEOUT.search(session):
            self._keep_alive_s = max(5.0, int(limit[1]) / 2)
        self._connected.media_channel = rtp
        self._connected.sinks = {rtp: on_rtp, rtcp: on_rtcp}
        await self._request("PLAY", self._base_url, {"Range": "npt=0.000-"})

    async def watch(self) -> None:
        """Keep the session alive until it ends; always ends with a CameraError."""
        protocol = self._connected
        loop = asyncio.get_running_loop()
        protocol.last_media_s = loop.time()
        next_keep_alive = loop.time() + self._keep_alive_s
        while True:
            quiet_until = protocol.last_media_s + self._times.silence_s
            wait_s = min(quiet_until, next_keep_alive) - loop.time()
            await asyncio.wait({protocol.closed}, timeout=max(0.0, wait_s))
            if protocol.closed.done():
                raise CameraError(
                    f"the camera ended the stream ({protocol.closed.result()}): the proxy reconnects"
                )
            if loop.time() - protocol.last_media_s >= self._times.silence_s:
                raise CameraError(
                    f"the camera sent no video for {self._times.silence_s:.0f} s: "
                    "the proxy reconnects; restart the camera if this stays"
                )
            if loop.time() >= next_keep_alive:
                next_keep_alive = loop.time() + self._keep_alive_s
                await self._request(self._keep_alive_method, self._base_url)

    @property
    def _connected(self) -> InterleavedProtocol:
        if self._protocol is None:
            raise CameraError("the session isn't open: use it as a context manager")
        return self._protocol

    async def _request(self, method: str, url: str, extra: dict[str, str] | None = None) -> Response:
        """Send one request, answering one challenge; CameraError names what the camera refused."""
        for last_try in (False, True):
            headers = self._headers(method, url) | (extra or {})
            answer = await self._connected.request(method, url, headers, self._times.answer_s)
            if answer.status == 401 and not last_try and self._target.username:
                self._auth.challenge(answer.headers.get("www-authenticate", []))
                continue
            break
        if answer.status // 100 == 2:
            return answer
        raise _refusal(method, answer)

    def _headers(self, method: str, url: str = "") -> dict[str, str]:
        headers = {"User-Agent": _USER_AGENT}
        if self._session:
            headers["Session"] = self._session
        if authorization := self._auth.header(method, url or self._base_url):
            headers["Authorization"] = authorization
        return headers

    def _unreachable(self, why: str) -> CameraError:
        return CameraError(
            f"can't reach the camera at {self._target.host}:{self._target.port} ({why}): "
            "check its power, the network and the host in its secret"
        )


def _refusal(method: str, answer: Response) -> CameraError:
    said = f"the camera answered {method} with {answer.status} {answer.reason}".rstrip()
    if answer.status in (401, 403):
        return CameraRefusedError(f"{said}: correct username and password in the camera's secret")
    if answer.status == 404:
        return CameraRefusedError(f"{said}: correct the path of the URL in the camera's secret")
    if answer.status == 453:
        return CameraError(f"{said}: too many clients read this camera, free one")
    if answer.status == 461:
        return CameraRefusedError(f"{said}: enable RTP over TCP (interleaved) on the camera")
    return CameraError(f"{said}: see the camera's own log if this stays")
