"""Take a retired office's cameras, streams and people out of the documents that name them.

Each function takes what is stored and returns what shall be stored: the same object if nothing changes,
else a new one with the next version. An empty document stays: who is told nothing goes on as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from gatehouse.rollout.answers import FRESH

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from gatehouse.ingest.snapshot import IngestSnapshot
    from gatehouse.office.edge import EdgeDesired
    from gatehouse.office.frames import FramesDesired

Obeys = Literal["yes", "not yet", "silent"]
Document = TypeVar("Document", "EdgeDesired", "FramesDesired")


class Report(Protocol):
    """What proxy and worker report alike."""

    @property
    def at(self) -> datetime: ...
    @property
    def version_applied(self) -> int: ...


def without_camera(stored: Document, camera_id: str) -> Document:
    """Tell a proxy or worker to leave one camera alone."""
    left = tuple(camera for camera in stored.cameras if camera.camera_id != camera_id)
    if len(left) == len(stored.cameras):
        return stored
    return stored.model_copy(update={"cameras": left, "version": stored.version + 1})


def without_stream(stored: IngestSnapshot, arn: str) -> IngestSnapshot:
    """Let ingest forget a video stream, with the probes that were played in it."""
    if arn not in stored.streams and arn not in stored.probes:
        return stored
    streams = {each: stream for each, stream in stored.streams.items() if each != arn}
    probes = {each: spans for each, spans in stored.probes.items() if each != arn}
    return stored.model_copy(update={"streams": streams, "probes": probes, "version": stored.version + 1})


def without_people(stored: IngestSnapshot, gone: Collection[str]) -> IngestSnapshot:
    """Let ingest forget people who are enrolled nowhere any more."""
    left = {person_id: person for person_id, person in stored.people.items() if person_id not in gone}
    if len(left) == len(stored.people):
        return stored
    return stored.model_copy(update={"people": left, "version": stored.version + 1})


def obeys(told: EdgeDesired | FramesDesired | None, report: Report | None, now: datetime) -> Obeys:
    """Tell whether a proxy or worker has applied its document; one that fell silent isn't waited for.

    An office may be shut down before it is decommissioned: what doesn't report carries and analyses nothing.
    """
    if told is None or report is None or now - report.at > FRESH:
        return "silent"
    return "yes" if report.version_applied >= told.version else "not yet"
