"""Count analysed frames per camera-minute, so that "nobody there" and "not analysed" differ.

The document of a camera-minute keeps the set of its frames as millisecond offsets within the minute.
Adding to a set is idempotent, so any replay leaves the counts alone, in any order; a set is bounded
by the frames a camera can show in a minute (1,800 at 30 per second). The judge of alerts reads the same
sets to know which frames were analysed and showed nobody unknown. A probe's frames are in a set of their
own, so that they count in nobody's figures and dilute no real k of n. Documents live in monthly indices
behind the alias `gatehouse-camera-minutes`, so that they age out as alerts do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from gatehouse.ingest.instant import iso, moment
from gatehouse.office.naming import CAMERA_MINUTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gatehouse.ingest.frame import Frame

MINUTE_MS = 60_000
COUNT_FRAMES = files("gatehouse.ingest").joinpath("scripts/count_frames.painless").read_text()


@dataclass(frozen=True, slots=True)
class CameraMinute:
    """Collect the frames of one camera-minute; offsets are milliseconds after `start_ms`."""

    camera_id: str
    office: str
    start_ms: int
    frames: set[int] = field(default_factory=set)
    face_frames: set[int] = field(default_factory=set)
    probe_frames: set[int] = field(default_factory=set)

    @property
    def id(self) -> str:
        """Return the document's id."""
        return minute_id(self.camera_id, self.start_ms)

    @property
    def index(self) -> str:
        """Return the monthly index the document lives in."""
        return minute_index(self.start_ms)

    def update(self) -> dict[str, Any]:
        """Return the update request that adds these frames to the stored sets."""
        params = {"frames": sorted(self.frames), "face_frames": sorted(self.face_frames)}
        if self.probe_frames:
            params["probe_frames"] = sorted(self.probe_frames)
        return {
            "scripted_upsert": True,
            "upsert": {
                "@timestamp": iso(self.start_ms),
                "camera_id": self.camera_id,
                "office": self.office,
                "frames": [],
                "face_frames": [],
            },
            "script": {"source": COUNT_FRAMES, "params": params},
        }


def minute_id(camera_id: str, start_ms: int) -> str:
    """Name the document of one camera-minute."""
    return f"{camera_id}-{start_ms // MINUTE_MS}"


def minute_index(start_ms: int) -> str:
    """Return the monthly index of a minute, by its start in UTC."""
    return f"{CAMERA_MINUTES}-{moment(start_ms):%Y.%m}"


def minutes_of(start_ms: int, end_ms: int) -> Iterator[int]:
    """Yield the start of every minute that touches [start_ms, end_ms)."""
    return iter(range(start_ms - start_ms % MINUTE_MS, end_ms, MINUTE_MS))


def stored_frames(source: Mapping[str, Any], start_ms: int, *, probe: bool = False) -> list[int]:
    """Return when the frames of a stored camera-minute were, in milliseconds since the epoch.

    Either the camera's own, or those of the probes played in it.
    """
    return [start_ms + offset for offset in source.get("probe_frames" if probe else "frames", ())]


def count_frames(frames: Iterable[Frame]) -> list[CameraMinute]:
    """Group analysed frames, with or without faces, by camera and minute; a probe's are kept apart."""
    minutes: dict[tuple[str, int], CameraMinute] = {}
    for frame in frames:
        offset = frame.at_ms % MINUTE_MS
        key = (frame.stream.camera_id, frame.at_ms - offset)
        minute = minutes.get(key)
        if minute is None:
            minute = minutes[key] = CameraMinute(key[0], frame.stream.office, key[1])
        if frame.probe_id is not None:
            minute.probe_frames.add(offset)
            continue
        minute.frames.add(offset)
        if frame.faces:
            minute.face_frames.add(offset)
    return list(minutes.values())
