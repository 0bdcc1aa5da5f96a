"""Hold what was observed, as plain data: the judge and the figures read nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Detection:
    """Hold one face's document; times are epoch seconds.

    `person` is the sample company's own name for the matched person, None when nobody matched.
    `searchable_at` is when a search first returned the document.
    """

    event_id: str
    camera_id: str
    at: float
    person: str | None
    employee: bool
    similarity: float
    searchable_at: float


@dataclass(frozen=True, slots=True)
class Alert:
    """Hold one alert's document; `hits` are the event ids of its window.

    Its rule wants `needed` frames of the window and the one before; a window is `window_seconds` long.
    """

    alert_id: str
    camera_id: str
    first_seen: float
    last_seen: float
    state: str
    hits: frozenset[str]
    window_start: float
    window_seconds: float
    needed: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """Hold one arrival at the webhook sink."""

    alert_id: str
    at: float


@dataclass(frozen=True, slots=True)
class Fragment:
    """Hold one stored fragment's span of producer time."""

    start: float
    end: float


@dataclass(slots=True)
class Evidence:
    """Hold everything observed of `cameras` between `since` and `until` (epoch seconds).

    `analysed` holds the times of the frames analysed, `acknowledged` the number of fragments that
    Kinesis Video persisted, per camera.
    """

    cameras: Sequence[str]
    since: float
    until: float
    detections: list[Detection] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    fragments: dict[str, list[Fragment]] = field(default_factory=dict)
    analysed: dict[str, list[float]] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
