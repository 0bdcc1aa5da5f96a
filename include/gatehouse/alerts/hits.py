"""Find out which faces count for which rule, and gather them by window.

A window starts at a multiple of the rule's length since the Unix epoch, in UTC. Hits are a set of event
ids, so that a face that arrives twice counts once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from gatehouse.ingest.instant import iso, moment
from gatehouse.office.naming import alerts_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gatehouse.ingest.frame import Face, Frame
    from gatehouse.ingest.snapshot import SnapshotRule, SnapshotStream

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Window:
    """Name one stretch of time in which one rule judges one subject at one camera.

    A probe's frames have windows of their own, named by `probe_id`: a person before or after a probe and
    the probe's stranger are two subjects, and neither silences the other.
    """

    camera_id: str
    rule: str
    subject: str
    start_ms: int
    length_ms: int
    probe_id: str = ""

    @property
    def end_ms(self) -> int:
        """Return the first instant after the window."""
        return self.start_ms + self.length_ms

    @property
    def alert_id(self) -> str:
        """Return the id of this window's alert: the same whoever computes it, however often."""
        identity = f"{self.camera_id}|{self.rule}|{self.subject}|{iso(self.start_ms)}"
        if self.probe_id:
            identity += f"|{self.probe_id}"
        return blake2b(identity.encode(), digest_size=16).hexdigest()

    @property
    def index(self) -> str:
        """Return the monthly index this window's alert lives in."""
        return alerts_index(moment(self.start_ms))

    def shifted(self, windows: int) -> Window:
        """Return the same subject's window so many windows later."""
        start = self.start_ms + windows * self.length_ms
        return Window(self.camera_id, self.rule, self.subject, start, self.length_ms, self.probe_id)


@dataclass(frozen=True, slots=True)
class Hits:
    """Gather what a batch adds to one window: event ids, and faces per frame (milliseconds)."""

    window: Window
    rule: SnapshotRule
    stream: SnapshotStream
    events: set[str] = field(default_factory=set)
    frames: dict[int, int] = field(default_factory=dict)


def subject_of(face: Face, rule: SnapshotRule) -> str | None:
    """Return whom the rule holds a face for, or None if the face is none of its business.

    Rule `non_employee`: a face is unknown unless somebody matches at or above the rule's similarity.
    Anybody in the office's collection is expected or wanted there, so any person will do, even one who
    is newer than the snapshot.
    """
    known = face.person_id is not None and (face.similarity or 0.0) >= rule.similarity
    return None if known else UNKNOWN


def gather_hits(frames: Iterable[Frame], rules: Mapping[str, SnapshotRule]) -> list[Hits]:
    """Gather a batch's hits by window, earliest window first."""
    found: dict[Window, Hits] = {}
    for frame in frames:
        if not frame.faces:
            continue
        for name in frame.stream.rules:
            if name in rules:
                _add_frame(found, frame, name, rules[name])
    return sorted(found.values(), key=lambda hits: hits.window.start_ms)


def _add_frame(found: dict[Window, Hits], frame: Frame, name: str, rule: SnapshotRule) -> None:
    events: dict[str, list[str]] = {}
    for face in frame.faces:
        subject = subject_of(face, rule)
        if subject is not None:
            events.setdefault(subject, []).append(face.event_id)
    length_ms = rule.window_seconds * 1000
    for subject, ids in events.items():
        start = frame.at_ms - frame.at_ms % length_ms
        window = Window(frame.stream.camera_id, name, subject, start, length_ms, frame.probe_id or "")
        hits = found.setdefault(window, Hits(window, rule, frame.stream))
        hits.events.update(ids)
        hits.frames[frame.at_ms] = max(len(ids), hits.frames.get(frame.at_ms, 0))
