"""Make an office's cameras be as its desired document says, and say how they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from gatehouse.office.edge import DesiredCamera, EdgeDesired, EdgeObserved
from gatehouse_edge.errors import EdgeError
from gatehouse_edge.office.camera import Camera, Surroundings
from gatehouse_edge.office.status import CameraStatus

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProxyTimes:
    """Seconds between two looks at desired.json, and at most between two observed.json."""

    poll_s: float = 2.0
    observe_s: float = 3.0
    # After a change, wait for those that come with it.
    settle_s: float = 0.3


class OfficeDocuments(Protocol):
    """Where an office's two documents are kept; blocking."""

    @property
    def office(self) -> str:
        """The office they are of."""

    def read_desired(self, etag: str) -> tuple[EdgeDesired, str] | None:
        """Return the desired document and its ETag; None when there is no other than `etag`."""

    def write_observed(self, document: EdgeObserved) -> None:
        """Store the observed document."""


class OfficeProxy:
    """One office: `run` until `stopping` is set, then drain."""

    def __init__(
        self, cloud: OfficeDocuments, around: Surroundings, times: ProxyTimes = ProxyTimes()
    ) -> None:
        self._cloud = cloud
        self._around = around
        self._times = times
        self._cameras: dict[str, Camera] = {}
        self._etag = ""
        self._changed = asyncio.Event()
        self._complaints: dict[str, str] = {}
        self._started_at = datetime.now(UTC)
        self.version = 0
        self.stopping = asyncio.Event()

    @property
    def cameras(self) -> list[CameraStatus]:
        """The state of every camera, by id."""
        return [self._cameras[name].status for name in sorted(self._cameras)]

    @property
    def complaints(self) -> dict[str, str]:
        """What the proxy itself can't do now, by part."""
        return {part: text for part, text in self._complaints.items() if text}

    async def run(self) -> None:
        """Serve until told to stop; ends with every camera drained and a last observed.json."""
        observer = asyncio.create_task(self._observe())
        try:
            await self._obey()
        finally:
            log.info("office %s: stopping, %d cameras to drain", self._cloud.office, len(self._cameras))
            await asyncio.gather(*(camera.stop() for camera in self._cameras.values()))
            observer.cancel()
            await asyncio.gather(observer, return_exceptions=True)
            await self._guarded("observed", self._write_observed())

    async def _obey(self) -> None:
        await self._guarded("desired", self._poll())
        if not self._cameras:
            await self._recall()
        while not self.stopping.is_set():
            try:
                async with asyncio.timeout(self._times.poll_s):
                    await self.stopping.wait()
            except TimeoutError:
                await self._guarded("desired", self._poll())
                await self._mend()

    async def _poll(self) -> None:
        found = await asyncio.to_thread(self._cloud.read_desired, self._etag)
        if found is None:
            return
        desired, etag = found
        await self._apply(desired)
        self._etag = etag
        await self._guarded("memory", self._remember(desired))

    async def _apply(self, desired: EdgeDesired) -> None:
        """Stop what is gone or changed, then start what is new; a camera that stays isn't touched.

        A probe is no change of a camera: its clip plays within the connection that there is.
        """
        wanted = {camera.camera_id: camera for camera in desired.cameras}
        leaving = [
            name
            for name, camera in self._cameras.items()
            if name not in wanted or _unprobed(wanted[name]) != _unprobed(camera.desired)
        ]
        await asyncio.gather(*(self._cameras.pop(name).stop() for name in leaving))
        for name, camera in wanted.items():
            if name not in self._cameras:
                self._cameras[name] = Camera(camera, self._around, self._changed.set)
                await self._cameras[name].start()
            else:
                self._cameras[name].probe(camera.probe)
        self.version = desired.version
        self._changed.set()
        log.info("office %s: version %d, %d cameras", desired.office, desired.version, len(wanted))

    async def _mend(self) -> None:
        """Restart the cameras of which a part failed inside, all at once: each may take long to end."""
        broken = [name for name, camera in self._cameras.items() if camera.broken]
        await asyncio.gather(*(self._restart(name) for name in broken))

    async def _restart(self, name: str) -> None:
        camera = self._cameras[name]
        await camera.stop()
        self._cameras[name] = Camera(camera.desired, self._around, self._changed.set)
        await self._cameras[name].start()

    async def _observe(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._times.observe_s):
                    await self._changed.wait()
                await asyncio.sleep(self._times.settle_s)
            except TimeoutError:
                pass  # nothing changed: counters are written all the same
            self._changed.clear()
            await self._guarded("observed", self._write_observed())

    async def _write_observed(self) -> None:
        document = EdgeObserved(
            office=self._cloud.office,
            at=datetime.now(UTC),
            started_at=self._started_at,
            version_applied=self.version,
            cameras=tuple(status.observed() for status in self.cameras),
        )
        await asyncio.to_thread(self._cloud.write_observed, document)

    async def _guarded(self, part: str, work: Awaitable[None]) -> None:
        """Do work that AWS may refuse: the cameras go on, and a change of what is wrong is logged once."""
        try:
            await work
            text = ""
        except EdgeError as error:
            text = str(error)
        if text != self._complaints.get(part, ""):
            log.log(logging.ERROR if text else logging.INFO, "%s: %s", part, text or "works again")
        self._complaints[part] = text

    @property
    def _memory(self) -> Path:
        return self._around.spool / "desired.json"

    async def _remember(self, desired: EdgeDesired) -> None:
        """Keep the document for a start without an uplink; it holds no credential."""
        try:
            await asyncio.to_thread(self._write_memory, desired)
        except OSError as error:
            raise EdgeError(
                f"can't keep {self._memory} ({error.strerror}): the cameras run, but a start without an "
                "uplink would find none. Free space on the spool's disk, or give it to the proxy's user"
            ) from error

    def _write_memory(self, desired: EdgeDesired) -> None:
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        part = self._memory.with_suffix(".part")
        part.write_text(desired.model_dump_json())
        part.replace(self._memory)

    async def _recall(self) -> None:
        """Start from the last document when S3 can't be asked; an absent one there is obeyed."""
        if not self._complaints.get("desired") or not self._memory.is_file():
            return
        try:
            desired = EdgeDesired.model_validate_json(self._memory.read_text())
        except (OSError, ValidationError):
            log.warning("the remembered desired document is damaged: waiting for S3")
            return
        await self._apply(desired)


def _unprobed(camera: DesiredCamera) -> DesiredCamera:
    return camera.model_copy(update={"probe": None})
