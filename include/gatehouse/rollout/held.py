"""Tell when a rollout was held: by a person's pause, by a stop of everything, or by an office's freeze.

Each ends by its own end: releasing everything resumes no rollout that somebody paused, and resuming one
doesn't release the others. A hotfix ends a freeze for its time, and a stop that was given before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatehouse.rollout.freeze import frozen_spans

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from gatehouse.office.policy import Freeze
    from gatehouse.rollout.freeze import Span

PAUSE_ENDS = frozenset({"resume", "promote"})
STOP_ENDS = frozenset({"release_all"})
# Of two commands of one moment, what holds counts (`ledger.control.steering`).
HOLDS = frozenset({"pause", "stop_all"})


@dataclass(frozen=True, slots=True)
class Leave:
    """Hold a hotfix's leave to act."""

    at: datetime
    until: datetime


def held_spans(
    events: Sequence[Mapping[str, Any]],
    calendar: Freeze,
    time_zones: Mapping[str, str],
    since: datetime,
    until: datetime,
) -> list[Span]:
    """Return from when until when anything held a rollout; spans may overlap.

    `events` are its commands and the company's (`ledger.control.control_events`), `time_zones` the clocks
    of its offices: while one of them is frozen, the whole is held.
    """
    ordered = sorted(events, key=lambda event: (event["at"], event["command"] in HOLDS))
    leaves = [Leave(event["at"], event["until"]) for event in ordered if event["command"] == "hotfix"]
    held = list(_between(ordered, "pause", PAUSE_ENDS, until))
    for span in _between(ordered, "stop_all", STOP_ENDS, until):
        held += _without([span], [leave for leave in leaves if leave.at > span[0]])
    for office, time_zone in time_zones.items():
        held += _without(frozen_spans(since, until, office, time_zone, calendar), leaves)
    return held


def _between(
    events: Sequence[Mapping[str, Any]], begins: str, ends: Collection[str], until: datetime
) -> Iterator[Span]:
    """Yield from each command that holds until the one that ends it; one that lasts goes on till the end."""
    since: datetime | None = None
    for event in events:
        if event["command"] == begins:
            since = since or event["at"]
        elif since is not None and event["command"] in ends:
            yield since, event["at"]
            since = None
    if since is not None:
        yield since, max(since, until)


def _without(spans: Sequence[Span], leaves: Sequence[Leave]) -> list[Span]:
    """Take the time of leaves out of spans."""
    left = list(spans)
    for leave in leaves:
        parts = [
            part
            for since, until in left
            for part in ((since, min(until, leave.at)), (max(since, leave.until), until))
        ]
        left = [(since, until) for since, until in parts if since < until]
    return left


def in_seconds(spans: Sequence[Span]) -> tuple[tuple[float, float], ...]:
    """Return spans as `waves.StageClock` takes them."""
    return tuple((since.timestamp(), until.timestamp()) for since, until in spans)
