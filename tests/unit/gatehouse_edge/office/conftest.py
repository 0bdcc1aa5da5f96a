"""Run an office's proxy against what the unit tests fake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from botocore.credentials import Credentials

from gatehouse_edge.office.camera import CameraTimes, Surroundings
from gatehouse_edge.office.proxy import OfficeProxy, ProxyTimes
from gatehouse_edge.office.source import SourceTimes
from gatehouse_edge.office.status import CameraStatus
from gatehouse_edge.office.targets import TargetCache
from gatehouse_edge.rtsp.client import RtspTimes
from gatehouse_edge.uplink.putmedia import PutMediaConnection, signed_request
from gatehouse_edge.uplink.sender import SenderTimes

TIMES = CameraTimes(
    source=SourceTimes(
        rtsp=RtspTimes(connect_s=2, answer_s=2, silence_s=1.5),
        first_retry_s=0.1,
        first_retry_refused_s=0.1,
        longest_retry_s=0.3,
        no_fragment_s=4,
    ),
    sender=SenderTimes(idle_s=3, ack_s=3, finish_s=2, catch_up_speed=50, fragment_interval_s=0.01),
    drain_s=5,
)


class Office:
    """One running proxy and what it talks to."""

    def __init__(self, cloud: Any, put_media: Any, spool: Path, times: CameraTimes = TIMES) -> None:
        self.cloud, self.put_media, self.spool, self.times = cloud, put_media, spool, times
        self.proxy: OfficeProxy
        self._task: asyncio.Task[None]

    async def start(self, http: aiohttp.ClientSession) -> None:
        async def connect(stream: str, first: bytes) -> PutMediaConnection:
            request = signed_request(
                self.put_media.url, stream, "eu-central-1", Credentials("123456789012", "key")
            )
            connection = PutMediaConnection(http, request)
            await connection.open(first)
            return connection

        async def stored(_stream: str, from_ms: int, to_ms: int) -> set[int]:
            return {start for start in self.put_media.persisted if from_ms <= start <= to_ms}

        target = TargetCache(self.cloud.secret, 0).get
        around = Surroundings(target, connect, stored, self.cloud.clip, self.spool, times=self.times)
        self.proxy = OfficeProxy(self.cloud, around, ProxyTimes(0.1, 0.3, 0.02))
        self._task = asyncio.create_task(self.proxy.run())

    async def stop(self) -> None:
        self.proxy.stopping.set()
        await self._task

    async def kill(self) -> None:
        """End without any of the orderly steps, as SIGKILL would."""
        self._task.cancel()
        for camera in self.proxy._cameras.values():
            for task in camera._tasks.values():
                task.cancel()
            camera._tasks = {}
        await asyncio.gather(self._task, return_exceptions=True)

    def phase(self, camera: str = "CAM_1") -> str:
        return next((one.phase for one in self.proxy.cameras if one.camera_id == camera), "absent")

    def status(self, camera: str = "CAM_1") -> CameraStatus:
        return next(one for one in self.proxy.cameras if one.camera_id == camera)


@pytest.fixture
async def office(fake_cloud: Any, put_media: Any, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Return a function that starts the proxy; what runs is stopped at the end."""
    running: list[Office] = []
    async with aiohttp.ClientSession() as http:

        async def start(times: CameraTimes = TIMES) -> Office:
            one = Office(fake_cloud, put_media, tmp_path / "spool", times)
            await one.start(http)
            running.append(one)
            return one

        yield start
        for one in running:
            await one.kill()
