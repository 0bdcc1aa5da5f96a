"""Freeze a plan's waves, and decide which wave comes next.

The wave list is frozen in the plan: what joins the company later is not slipped into a later wave, and
no camera is in two. A wave's cameras are split into units (office × chunk), one mapped task each, so
that the number of task instances grows with the fleet's size only slowly.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from gatehouse.exceptions import PlanError
from gatehouse.office.policy import REST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gatehouse.office.policy import Wave
    from gatehouse.rollout.phases import Phase

# Airflow expands no task into more than this (core.max_map_length).
MAX_UNITS = 1024
TASKS_PER_1000_CAMERAS = 60


@dataclass(frozen=True, slots=True)
class Unit:
    """Hold what one mapped task takes on: cameras of one office, in manifest order."""

    office: str
    chunk: int
    cameras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FrozenWave:
    """Hold a wave as the plan froze it; a wave in which nothing was chosen has no units."""

    name: str
    units: tuple[Unit, ...]
    bake_seconds: int

    @property
    def offices(self) -> tuple[str, ...]:
        """Name the wave's offices, each once."""
        return tuple(dict.fromkeys(unit.office for unit in self.units))

    @property
    def cameras(self) -> tuple[str, ...]:
        """Name the wave's cameras."""
        return tuple(camera for unit in self.units for camera in unit.cameras)

    def to_json(self) -> dict[str, Any]:
        """Return the wave as plain data."""
        units = [{**asdict(unit), "cameras": list(unit.cameras)} for unit in self.units]
        return {"name": self.name, "units": units, "bake_seconds": self.bake_seconds}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FrozenWave:
        """Restore a wave from plain data."""
        units = [Unit(unit["office"], unit["chunk"], tuple(unit["cameras"])) for unit in data["units"]]
        return cls(data["name"], tuple(units), data["bake_seconds"])


def freeze(
    waves: Sequence[Wave],
    cameras: Mapping[str, Sequence[str]],
    *,
    bake_seconds: int,
    unit_cameras: int,
    slots: int,
) -> tuple[FrozenWave, ...]:
    """Spread the plan's cameras (office → ids, in manifest order) over the configured waves.

    Every camera lands in exactly one wave. Raises PlanError for more waves than the graph has `slots`,
    for a wave with more units than Airflow maps, and for an office that no wave takes.
    """
    if len(waves) > slots:
        msg = (
            f"rollout.yaml has {len(waves)} waves, the DAG's graph {slots}; nothing was changed. Wait until "
            "Airflow has parsed the DAG again, or put waves together"
        )
        raise PlanError(msg)
    left = {office: list(ids) for office, ids in cameras.items()}
    named = {office for wave in waves for office in wave.offices}
    unnamed = [office for office in sorted(cameras) if office not in named]
    frozen = []
    for wave in waves:
        offices = [office for office in wave.offices if office in cameras]
        if wave.take:
            offices = _take(unnamed, wave.take, len(cameras))
        units = [
            unit for office in offices for unit in _units(office, _some(left, office, wave), unit_cameras)
        ]
        frozen.append(FrozenWave(wave.name, tuple(units), wave.bake_seconds or bake_seconds))
    _check(frozen, left)
    return tuple(frozen)


def _take(unnamed: list[str], share: int | str, offices: int) -> list[str]:
    count = len(unnamed) if share == REST else amount(share, offices)
    taken, unnamed[:] = unnamed[:count], unnamed[count:]
    return taken


def _some(left: dict[str, list[str]], office: str, wave: Wave) -> list[str]:
    """Take a wave's share of an office's cameras; a percentage is one of those not yet in a wave."""
    mine = left[office]
    count = len(mine) if wave.cameras == REST else amount(wave.cameras, len(mine))
    left[office] = mine[count:]
    return mine[:count]


def amount(share: int | str, whole: int) -> int:
    """Return how many a count or percentage of a whole is: rounded up, and never more than there are."""
    if isinstance(share, str):
        return min(whole, math.ceil(whole * int(share.removesuffix("%")) / 100))
    return min(whole, share)


def _units(office: str, cameras: Sequence[str], size: int) -> Iterator[Unit]:
    """Split an office's cameras into as few and as equal chunks as fit."""
    chunks = math.ceil(len(cameras) / size)
    for chunk in range(chunks):
        start, end = (len(cameras) * at // chunks for at in (chunk, chunk + 1))
        yield Unit(office, chunk, tuple(cameras[start:end]))


def _check(waves: Sequence[FrozenWave], left: Mapping[str, Sequence[str]]) -> None:
    for wave in waves:
        if len(wave.units) > MAX_UNITS:
            msg = (
                f"Wave '{wave.name}' has {len(wave.units)} units, Airflow maps {MAX_UNITS} at most; nothing "
                "was changed. Raise unit_cameras in rollout.yaml, or make more waves"
            )
            raise PlanError(msg)
    forgotten = sorted(office for office, ids in left.items() if ids)
    if forgotten:
        msg = (
            f"No wave takes all cameras of {', '.join(forgotten)}; nothing was changed. Add each to a wave "
            "without cameras in rollout.yaml"
        )
        raise PlanError(msg)


@dataclass(frozen=True, slots=True)
class TaskShape:
    """Count the task instances that the graph makes: per rollout, per wave and per unit of a wave."""

    per_rollout: int
    per_wave: int
    per_unit: int


def task_instances(waves: Sequence[FrozenWave], shape: TaskShape) -> int:
    """Count the task instances of a rollout; a mapped task without units still is one, skipped."""
    units = sum(max(1, len(wave.units)) for wave in waves)
    return shape.per_rollout + shape.per_wave * len(waves) + shape.per_unit * units


def smallest_unit(offices: Sequence[int], shape: TaskShape, waves: int, most: int = 1000) -> int:
    """Return the smallest `unit_cameras` that keeps to 60 task instances per 1,000 cameras.

    `offices` are their numbers of cameras. Smaller units let more of an office run side by side; where
    the offices are too small for the bound, none can help, and this is `most`.
    """
    allowed = sum(offices) * TASKS_PER_1000_CAMERAS / 1000 - shape.per_rollout - shape.per_wave * waves
    for size in range(1, most):
        if shape.per_unit * sum(math.ceil(cameras / size) for cameras in offices) <= allowed:
            return size
    return most


@dataclass(frozen=True, slots=True)
class WaveState:
    """Hold how far a wave is; `passed` tells that it was promoted, by its gate or by a person."""

    name: str
    phase: Phase
    passed: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NextWave:
    """Say what to do about waves now: start the named one, wait for it, stop at it, or all is done."""

    kind: Literal["start", "wait", "stop", "done"]
    wave: str = ""
    reason: str = ""


def next_wave(waves: Sequence[WaveState]) -> NextWave:
    """Decide which wave comes next: a wave starts only when every one before it has passed.

    A wave passes by its own gate, so one with quarantined cameras lets the next begin while its phase,
    and with it the rollout's, stays Degraded.
    """
    for wave in waves:
        if wave.passed:
            continue
        if wave.phase == "Pending":
            return NextWave("start", wave.name)
        if wave.phase in {"Progressing", "Paused", "Healthy"}:
            return NextWave("wait", wave.name, wave.reason or f"wave '{wave.name}' is {wave.phase}")
        return NextWave("stop", wave.name, wave.reason or f"wave '{wave.name}' is Degraded")
    return NextWave("done")


@dataclass(frozen=True, slots=True)
class StageClock:
    """Measure how long a stage has been at work: time in which it was paused or frozen doesn't count.

    All in seconds of one clock; `pauses` are (from, until) and may overlap.
    """

    started: float
    pauses: tuple[tuple[float, float], ...] = field(default=())

    def worked(self, now: float) -> float:
        """Return the seconds of work until now."""
        idle, reached = 0.0, self.started
        for begin, end in sorted(self.pauses):
            begin, end = max(begin, reached), min(end, now)
            if end > begin:
                idle += end - begin
                reached = end
        return max(0.0, now - self.started - idle)

    def overdue(self, now: float, timeout: float) -> bool:
        """Tell whether the stage has used up its time."""
        return self.worked(now) >= timeout
