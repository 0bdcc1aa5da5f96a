"""Order a unit's actions so that what AWS makes one after another is never waited for all at once.

Data streams are what a rollout waits for: only five of a Region may be in CREATING (aws.md §4), each for 10
to 30 s. So a place that is free is taken before anything else is done, and a camera's mapping and processor
follow when its own streams are ACTIVE, while others are still being made.

Pure: the caller acts, looks, sleeps and tells what it saw, with the times of one clock in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gatehouse.office import naming

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatehouse.office.model import Engine
    from gatehouse.rollout.action import Action
    from gatehouse.rollout.resources import DesiredOffice, ObservedOffice, What

STREAM_KINDS = frozenset(
    {"create_collection", "create_video_stream", "change_retention", "create_record_stream"}
)
STREAM_OF: dict[str, What] = {"create_video_stream": "video_stream", "create_record_stream": "record_stream"}
FIRST_LOOK = 0.5  # seconds after it was made, for the first stream of its kind
# The shortest making seen so far tells when the next look pays: from then on soon and soon again, then less.
EXPECTED = 0.985
LOOK_AGAIN = (0.1, 0.4)
# A rest is never longer: people may call the rollout off at any time.
LONGEST_REST = 1.0


@dataclass(frozen=True, slots=True)
class Do:
    """Carry an action out, then say so by `done`."""

    action: Action


@dataclass(frozen=True, slots=True)
class Look:
    """Look whether a stream is ACTIVE, then say so by `seen`."""

    what: What
    name: str


@dataclass(frozen=True, slots=True)
class Rest:
    """Sleep so many seconds: there is nothing to do before."""

    seconds: float


@dataclass(slots=True)
class _Making:
    """Hold a stream that isn't ACTIVE yet: since when, when to look, and when to look again after that."""

    what: What
    since: float
    look_at: float
    again: float = LOOK_AGAIN[1]


@dataclass(slots=True)
class Pipeline:
    """Say what to do next, until everything is done.

    :param creating_at_once: how many data streams may be in CREATING in the Region.
    :param timeout: seconds after which a stream that isn't ACTIVE never will be.
    """

    engine: Engine
    office: str
    creating_at_once: int
    timeout: float
    _left: list[Action] = field(default_factory=list)
    _making: dict[str, _Making] = field(default_factory=dict)
    _absent: set[str] = field(default_factory=set)
    _shortest: dict[What, float] = field(default_factory=dict)

    def begin(self, actions: Iterable[Action], streams: Iterable[tuple[What, str]], now: float) -> None:
        """Take these actions on; `streams` exist already without being ACTIVE."""
        self._left = list(actions)
        self._absent = {action.resource for action in self._left if action.kind in STREAM_OF}
        for what, name in streams:
            self._making[name] = _Making(what, now, now)

    def next(self, now: float) -> Do | Look | Rest | None:
        """Return what to do now, or None if everything is done and ACTIVE."""
        if action := self._record_stream_to_create():
            return Do(action)
        due = min(self._making.items(), key=lambda item: item[1].look_at, default=None)
        if due is not None and due[1].look_at <= now:
            return Look(due[1].what, due[0])
        for action in self._left:
            if action.kind != "create_record_stream" and not self._lacking(action):
                return Do(action)
        return Rest(min(LONGEST_REST, due[1].look_at - now)) if due is not None else None

    def done(self, action: Action, now: float) -> None:
        """Take note that an action was carried out."""
        self._left.remove(action)
        if (what := STREAM_OF.get(action.kind)) is not None:
            self._absent.discard(action.resource)
            expected = self._shortest.get(what)
            self._making[action.resource] = (
                _Making(what, now, now + FIRST_LOOK)
                if expected is None
                else _Making(what, now, now + expected * EXPECTED, LOOK_AGAIN[0])
            )

    def seen(self, name: str, now: float, *, active: bool) -> None:
        """Take note of what a look saw."""
        making = self._making[name]
        if not active:
            making.look_at = now + making.again
            making.again = min(LOOK_AGAIN[1], 2 * making.again)
            return
        took = now - making.since
        self._shortest[making.what] = min(took, self._shortest.get(making.what, took))
        del self._making[name]

    def overdue(self, now: float) -> Sequence[str]:
        """Name the streams that should have been ACTIVE long ago."""
        return [name for name, making in self._making.items() if now - making.since > self.timeout]

    def _record_stream_to_create(self) -> Action | None:
        creating = sum(making.what == "record_stream" for making in self._making.values())
        if creating >= self.creating_at_once:
            return None
        return next((action for action in self._left if action.kind == "create_record_stream"), None)

    def _lacking(self, action: Action) -> list[str]:
        """Name the streams that this action needs and that take no data yet."""
        if action.kind in STREAM_KINDS:
            return []
        return [name for name in self._needs(action) if name in self._making or name in self._absent]

    def _needs(self, action: Action) -> Iterator[str]:
        if action.kind in {"create_mapping", "change_mapping"}:
            yield action.resource
            return
        if self.engine == "frame_search":
            yield naming.office_record_stream(self.office)
        elif action.camera_id:
            yield naming.record_stream(action.camera_id)
        if action.camera_id:
            yield naming.video_stream(action.camera_id)


def unfinished(
    desired: DesiredOffice, observed: ObservedOffice, cameras: Iterable[str]
) -> list[tuple[What, str]]:
    """Return the streams of these cameras that exist and aren't ACTIVE, as an interrupted run leaves them."""
    found: list[tuple[What, str]] = []
    shared = observed.records
    if desired.engine == "frame_search" and shared is not None and shared.status != "ACTIVE":
        found.append(("record_stream", naming.office_record_stream(desired.office)))
    for camera_id in cameras:
        camera = observed.camera(camera_id)
        if camera.video is not None and camera.video.status != "ACTIVE":
            found.append(("video_stream", naming.video_stream(camera_id)))
        own = camera.records
        if desired.engine == "stream_processor" and own is not None and own.status != "ACTIVE":
            found.append(("record_stream", naming.record_stream(camera_id)))
    return found
