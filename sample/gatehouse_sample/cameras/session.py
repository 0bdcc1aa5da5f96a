"""Talk RTSP with one client: describe, set up, play and keep alive one camera."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from typing import TYPE_CHECKING

from gatehouse_sample.cameras.auth import Gate
from gatehouse_sample.cameras.messages import Request, read_request, response
from gatehouse_sample.cameras.sdp import TRACK, describe
from gatehouse_sample.cameras.viewer import Viewer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatehouse_sample.cameras.live import LiveCamera

log = logging.getLogger(__name__)

METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
_INTERLEAVED = re.compile(r"RTP/AVP/TCP.*interleaved=(\d+)-\d+", re.IGNORECASE)


class Session:
    """Answer the requests of one connection until it ends."""

    def __init__(
        self,
        cameras: Mapping[str, LiveCamera],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._cameras = cameras
        self._reader = reader
        self._writer = writer
        self._gate = Gate()
        self._id = secrets.token_hex(8)
        self._channel: int | None = None
        self._watching: tuple[LiveCamera, Viewer] | None = None

    async def run(self) -> None:
        """Serve until the client leaves; a broken connection is a leaving client."""
        try:
            while request := await read_request(self._reader):
                if (answer := self._answer(request)) is not None:
                    self._writer.write(answer)
                    await self._writer.drain()
                if request.method == "PLAY":
                    self._start(request)
                if request.method == "TEARDOWN":
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            log.info("client left: %s", type(error).__name__)
        finally:
            self._stop()
            self._writer.close()

    def _answer(self, request: Request) -> bytes | None:
        """Return the answer to a request, None for a camera that hangs."""
        if request.method == "OPTIONS":
            return None if self._hangs() else response(request, 200, [("Public", METHODS)])
        camera = self._cameras.get(request.camera_id)
        if camera is None:
            return response(request, 404)
        admitted = self._gate.admits(request.headers.get("authorization"), request.method, camera.credentials)
        if camera.fault == "unauthorised" or not admitted:
            return response(
                request, 401, [("WWW-Authenticate", challenge) for challenge in self._gate.challenges()]
            )
        if self._hangs():
            return None
        return self._serve(request, camera)

    def _hangs(self) -> bool:
        """Tell whether the camera being watched has fallen silent."""
        return self._watching is not None and self._watching[0].fault == "hang"

    def _serve(self, request: Request, camera: LiveCamera) -> bytes:
        """Answer an admitted request."""
        session = ("Session", f"{self._id};timeout=60")
        match request.method:
            case "DESCRIBE":
                headers = [
                    ("Content-Type", "application/sdp"),
                    ("Content-Base", f"{request.url.rstrip('/')}/"),
                ]
                return response(request, 200, headers, describe(camera.camera_id, camera.reel))
            case "SETUP":
                return self._set_up(request, session)
            case "PLAY" if self._channel is None:
                return response(request, 454)
            case "PLAY":
                base = f"rtsp://{request.url.partition('://')[2].rstrip('/')}"
                info = f"url={base}/{TRACK};seq={camera.sequence}"
                return response(request, 200, [session, ("Range", "npt=now-"), ("RTP-Info", info)])
            case "GET_PARAMETER" | "SET_PARAMETER" | "TEARDOWN":
                return response(request, 200, [session])
            case _:
                return response(request, 501)

    def _set_up(self, request: Request, session: tuple[str, str]) -> bytes:
        """Agree on the interleaved channels; UDP is refused, so that clients fall back to TCP."""
        found = _INTERLEAVED.search(request.headers.get("transport", ""))
        if found is None:
            return response(request, 461)
        self._channel = int(found[1])
        transport = f"RTP/AVP/TCP;unicast;interleaved={self._channel}-{self._channel + 1}"
        return response(request, 200, [session, ("Transport", transport)])

    def _start(self, request: Request) -> None:
        """Join the camera's live picture after PLAY was answered."""
        camera = self._cameras.get(request.camera_id)
        if camera is None or self._channel is None or self._watching or camera.fault == "unauthorised":
            return
        viewer = Viewer(self._writer, self._channel)
        self._watching = (camera, viewer)
        camera.join(viewer)

    def _stop(self) -> None:
        """Leave the camera."""
        if self._watching:
            camera, viewer = self._watching
            camera.leave(viewer)
