"""Take a camera's probe orders: keep them, fetch the clip, arm the swap, remember how it ended.

What is kept on disk makes a restarted proxy safe: an order that an earlier process had taken and not ended
is failed, so no interval is played twice or begun in its middle, wherever the process was killed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from gatehouse.office.edge import ProbeOrder
from gatehouse_edge.errors import EdgeError, ProbeError
from gatehouse_edge.media.clip import Clip, read_clip
from gatehouse_edge.media.swap import Swap

log = logging.getLogger(__name__)

# How long the disk is given to keep how a probe ended.
_KEEP_S = 2.0
_RESTARTED = "the proxy restarted after it had taken the order: give a new one"


@dataclass(frozen=True, slots=True)
class Clips:
    """Keep clips on disk by their digest; `fetch` reads a key of the Region's bucket, blocking."""

    fetch: Callable[[str], bytes]
    directory: Path

    def get(self, key: str, sha256: str) -> Clip:
        """Return a clip; ProbeError when it isn't the one that was ordered, EdgeError when S3 is away."""
        path = self.directory / f"{sha256}.mp4"
        if not path.is_file() or _digest(path.read_bytes()) != sha256:
            body = self.fetch(key)
            if _digest(body) != sha256:
                raise ProbeError(f"clip {key} isn't the one that was ordered (sha256): upload it again")
            self.directory.mkdir(parents=True, exist_ok=True)
            # Several cameras may fetch the same clip at once: each writes a draft of its own.
            with NamedTemporaryFile(dir=self.directory, suffix=".part", delete=False) as part:
                part.write(body)
            Path(part.name).replace(path)
        return read_clip(path)


class Probes:
    """One camera's probes, one at a time; `swap` is what its source obeys."""

    def __init__(self, camera_id: str, clips: Clips, memory: Path, changed: Callable[[], None]) -> None:
        self._camera_id = camera_id
        self._clips = clips
        self._memory = memory
        self._changed = changed
        self._order: ProbeOrder | None = None
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.swap: Swap | None = None

    def order(self, order: ProbeOrder | None) -> None:
        """Obey an order, or none; the one already obeyed isn't begun again."""
        if order == self._order:
            return
        self._order = order
        if self._task is not None:
            self._task.cancel()
        self.swap, self._task = None, None
        if order is not None:
            self._ended = asyncio.Event()
            self.swap = Swap(order.probe_id, order.start_ms, order.end_ms, self._moved)
            self._task = asyncio.create_task(self._take(order, self.swap, self._ended))
        self._changed()

    async def stop(self) -> None:
        """End the work on an order; what became of it is kept."""
        if self._task is None:
            return
        if self.swap is not None and self.swap.settled:
            await asyncio.wait({self._task}, timeout=_KEEP_S)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _moved(self) -> None:
        swap = self.swap
        if swap is None:
            return
        level = logging.WARNING if swap.reason else logging.INFO
        log.log(level, "camera %s: probe %s %s %s", self._camera_id, swap.probe_id, swap.state, swap.reason)
        if swap.settled:
            self._ended.set()
        self._changed()

    async def _take(self, order: ProbeOrder, swap: Swap, ended: asyncio.Event) -> None:
        """Arm a new order, or say what became of one that an earlier process took; ends with the probe."""
        try:
            known = await asyncio.to_thread(self._recall)
            if known.get("probe_id") != order.probe_id:
                await asyncio.to_thread(self._remember, swap)
                swap.load(await asyncio.to_thread(self._clips.get, order.clip_key, order.clip_sha256))
            elif known["state"] in ("played", "failed"):
                swap.recall(known["state"], known["reason"])
            else:
                swap.fail(_RESTARTED)
        except EdgeError as error:
            swap.fail(str(error))
        except OSError as error:
            swap.fail(
                f"the spool's disk can't be used ({error.strerror}): free space on it, give a new order"
            )
        await ended.wait()
        try:
            await asyncio.to_thread(self._remember, swap)
        except OSError as error:
            log.warning("how probe %s ended can't be kept (%s)", swap.probe_id, error.strerror)

    def _recall(self) -> dict[str, Any]:
        try:
            known = json.loads(self._memory.read_text())
        except FileNotFoundError:
            return {}
        except ValueError:
            log.warning("camera %s: what is kept of its last probe is damaged", self._camera_id)
            return {}
        return known if isinstance(known, dict) else {}

    def _remember(self, swap: Swap) -> None:
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        part = self._memory.with_suffix(".part")
        part.write_text(
            json.dumps({"probe_id": swap.probe_id, "state": swap.state, "reason": swap.reason}) + "\n"
        )
        part.replace(self._memory)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
