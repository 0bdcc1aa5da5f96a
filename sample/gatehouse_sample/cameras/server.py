"""Serve a whole company's cameras from one port: rtsp://HOST:PORT/<camera_id>."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from gatehouse_sample.cameras.auth import Credentials
from gatehouse_sample.cameras.faults import FaultFile
from gatehouse_sample.cameras.film import read_film
from gatehouse_sample.cameras.live import LiveCamera, LoopJournal
from gatehouse_sample.cameras.reel import h264_reel
from gatehouse_sample.cameras.session import Session
from gatehouse_sample.errors import CompanyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

FAULT_FILE = "faults.json"


def load_cameras(company: Path, loops: Path, faults_file: Path | None = None) -> dict[str, LiveCamera]:
    """Read every camera's video and credentials of a company folder.

    Faults are read from `faults_file`, by default the company folder's own.
    """
    secrets_path = company / "secrets.json"
    if not secrets_path.is_file():
        raise CompanyError(f"{secrets_path}: missing; make it with `python -m gatehouse_sample.company`")
    loops.parent.mkdir(parents=True, exist_ok=True)
    faults, journal = FaultFile(faults_file or company / FAULT_FILE), LoopJournal(loops)
    return {
        camera_id: LiveCamera(
            camera_id,
            h264_reel(read_film(_film_path(company, camera_id))),
            Credentials(secret["username"], secret["password"]),
            faults,
            journal,
        )
        for camera_id, secret in json.loads(secrets_path.read_text()).items()
    }


def _film_path(company: Path, camera_id: str) -> Path:
    """Return a camera's video, checked to be there."""
    path = company / "videos" / f"{camera_id}.mp4"
    if not path.is_file():
        raise CompanyError(f"{path}: missing; make it with `python -m gatehouse_sample.company`")
    return path


@asynccontextmanager
async def serving(cameras: dict[str, LiveCamera], host: str, port: int) -> AsyncIterator[int]:
    """Run cameras and their server; yield the port, which is a free one for port 0."""

    sessions: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.create_task(Session(cameras, reader, writer).run())
        sessions.add(session)
        session.add_done_callback(sessions.discard)

    server = await asyncio.start_server(accept, host, port)
    tasks = [asyncio.create_task(camera.run(), name=f"camera {name}") for name, camera in cameras.items()]
    tasks += [
        asyncio.create_task(_reload_always(faults), name="fault file") for faults in _fault_files(cameras)
    ]
    for task in tasks:
        task.add_done_callback(_tell)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        ending = [*tasks, *sessions]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


def _tell(task: asyncio.Task[None]) -> None:
    """Log why a camera ended, which none does by itself: the others go on."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s ended: it shows nothing until a restart", task.get_name(), exc_info=error)


def _fault_files(cameras: dict[str, LiveCamera]) -> Iterator[FaultFile]:
    """Return each control file once."""
    yield from {id(camera.faults): camera.faults for camera in cameras.values()}.values()


async def _reload_always(faults: FaultFile) -> None:
    """Look at a control file each second."""
    while True:
        faults.reload()
        await asyncio.sleep(1.0)
