"""Draw a rollout's waves as lanes: how many cameras are how far, and how long each still bakes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gatehouse.capacity.duration import in_words
from gatehouse.rollout.phases import phase_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from gatehouse.rollout.phases import CameraStep, Phase

# From left to right: what is done, under way, still to come, and what went wrong at the end.
ORDER: tuple[Phase, ...] = ("Healthy", "Progressing", "Paused", "Pending", "Degraded")
BAR = 100.0


@dataclass(frozen=True, slots=True)
class Segment:
    """Hold one stretch of a bar that is 100 wide."""

    phase: Phase
    count: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Bake:
    """Hold how far a bake is: the part that is over (0 to 1), its end, and what is left in words."""

    until: datetime
    done: float
    left: str


@dataclass(frozen=True, slots=True)
class Lane:
    """Hold one wave as it is drawn."""

    name: str
    phase: Phase
    passed: bool
    detail: str
    offices: tuple[str, ...]
    cameras: int
    bar: tuple[Segment, ...]
    bake: Bake | None
    started_at: datetime | None
    ended_at: datetime | None
    predicted: str


def segments(counts: Mapping[Phase, int]) -> tuple[Segment, ...]:
    """Lay phases out on a bar, each as wide as its share of the cameras."""
    whole = sum(counts.values())
    return tuple(_laid(counts, whole)) if whole else ()


def _laid(counts: Mapping[Phase, int], whole: int) -> Iterator[Segment]:
    x = 0.0
    for phase in ORDER:
        if count := counts.get(phase, 0):
            width = BAR * count / whole
            yield Segment(phase, count, round(x, 2), round(width, 2))
            x += width


def lanes(
    waves: Sequence[Mapping[str, Any]],
    plan: Mapping[str, Any],
    steps: Mapping[str, CameraStep],
    now: datetime,
) -> tuple[Lane, ...]:
    """Draw every wave; `steps` are the cameras that anything happened to yet."""
    planned = {wave["name"]: wave for wave in plan.get("waves", ())}
    seconds = {wave["name"]: wave["seconds"] for wave in plan.get("forecast", {}).get("waves", ())}
    return tuple(_lane(row, planned.get(row["name"], {}), steps, seconds, now) for row in waves)


def _lane(
    row: Mapping[str, Any],
    planned: Mapping[str, Any],
    steps: Mapping[str, CameraStep],
    seconds: Mapping[str, float],
    now: datetime,
) -> Lane:
    cameras = [camera for unit in planned.get("units", ()) for camera in unit["cameras"]]
    counts = Counter(phase_of(steps.get(camera, "planned")) for camera in cameras)
    return Lane(
        name=row["name"],
        phase=row["phase"],
        passed=row["passed"],
        detail=row["detail"],
        offices=tuple(row["offices"]),
        cameras=len(cameras),
        bar=segments(counts),
        bake=_bake(row, planned.get("bake_seconds", 0), now),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        predicted=in_words(seconds[row["name"]]) if seconds.get(row["name"]) else "",
    )


def _bake(row: Mapping[str, Any], seconds: float, now: datetime) -> Bake | None:
    """Tell how far a wave's bake is; None before it and after it."""
    until = row["bake_until"]
    if until is None or row["ended_at"] is not None:
        return None
    left = max(timedelta(), until - now).total_seconds()
    done = 1 - left / seconds if seconds else 1.0
    return Bake(until, min(1.0, max(0.0, done)), f"{in_words(left)} left" if left else "its time is over")
