"""Draw what the gate saw: a strip of its looks, and a line per metric of its worst camera."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from gatehouse.rollout.sample import METRICS, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatehouse.ledger.looks import GateLook
    from gatehouse.office.policy import Gate
    from gatehouse.rollout.sample import CameraSample, Mark, Metric

WIDTH, HEIGHT, PAD = 220.0, 40.0, 4.0
# What is drawn: its words, the unit, the limit's name in the gate, whether that is the least allowed.
LINES = {
    "fragments": ("fragments", "a minute", "fragments_per_minute", True),
    "frames": ("analysed frames", "a minute", "frames_per_minute", True),
    "lag_seconds": ("lag", "s", "lag_seconds", False),
    "latency_seconds": ("frame to search", "s", "latency_seconds", False),
    "ack_errors": ("refused fragments", "a minute", "ack_errors_per_minute", False),
}


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one metric's line: the points of its unbroken pieces, and the last one's place and worth."""

    label: str
    unit: str
    pieces: tuple[str, ...]
    last: float | None
    x: float
    y: float
    good: bool
    limit: float
    y_limit: float
    least: bool


@dataclass(frozen=True, slots=True)
class WaveChart:
    """Hold everything drawn of one wave's bake."""

    wave: str
    looks: tuple[GateLook, ...]
    lines: tuple[Line, ...]


def charts(looks: Sequence[GateLook], gate: Gate) -> tuple[WaveChart, ...]:
    """Draw each wave's looks, in the order of the waves' first ones."""
    order = list(dict.fromkeys(look.wave for look in looks))
    ordered = sorted(looks, key=lambda look: order.index(look.wave))
    return tuple(
        _chart(wave, tuple(group), gate) for wave, group in groupby(ordered, key=lambda look: look.wave)
    )


def _chart(wave: str, looks: tuple[GateLook, ...], gate: Gate) -> WaveChart:
    drawn = (_line(name, [look.worst.get(name) for look in looks], gate) for name in LINES)
    return WaveChart(wave, looks, tuple(line for line in drawn if line.pieces))


def _line(name: str, values: Sequence[float | None], gate: Gate) -> Line:
    label, unit, limit_name, least = LINES[name]
    limit = float(getattr(gate.limits, limit_name))
    top = max([value for value in values if value is not None] + [limit, 0.001]) * 1.15
    points = [
        None if value is None else (_x(place, len(values)), _y(value, top))
        for place, value in enumerate(values)
    ]
    known = [
        (value, point) for value, point in zip(values, points, strict=True) if point and value is not None
    ]
    last, (x, y) = known[-1] if known else (None, (0.0, 0.0))
    good = last is None or (last >= limit if least else last <= limit)
    return Line(
        label=label,
        unit=unit,
        pieces=tuple(_pieces(points)),
        last=last,
        x=x,
        y=y,
        good=good,
        limit=limit,
        y_limit=_y(limit, top),
        least=least,
    )


def _x(place: int, count: int) -> float:
    return round(PAD + (WIDTH - 2 * PAD) * (place / (count - 1) if count > 1 else 1.0), 1)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - PAD - (HEIGHT - 2 * PAD) * value / top, 1)


def _pieces(points: Sequence[tuple[float, float] | None]) -> Iterator[str]:
    """Yield the unbroken pieces of a line as SVG points; where nothing was measured nothing is drawn."""
    for missing, run in groupby(points, key=lambda point: point is None):
        if not missing:
            yield " ".join(f"{point[0]},{point[1]}" for point in run if point)


@dataclass(frozen=True, slots=True)
class Cell:
    """Hold one metric of one camera's latest sample."""

    text: str
    mark: Mark
    says: str


@dataclass(frozen=True, slots=True)
class SampleRow:
    """Hold one camera's latest sample as a table shows it."""

    sample: CameraSample
    cells: tuple[Cell, ...]

    @property
    def trouble(self) -> int:
        """Count what isn't good, for the order of the rows."""
        return sum(cell.mark in {"bad", "error"} for cell in self.cells)


def sample_rows(samples: Sequence[CameraSample], gate: Gate) -> list[SampleRow]:
    """Mark each camera's latest sample as the gate does, the worst first."""
    rows = [SampleRow(sample, tuple(_cell(sample, metric, gate) for metric in METRICS)) for sample in samples]
    return sorted(rows, key=lambda row: (-row.trouble, row.sample.camera_id))


def _cell(sample: CameraSample, metric: Metric, gate: Gate) -> Cell:
    reading = read(sample, metric, gate)
    return Cell(_text(sample, metric), reading.mark, reading.says)


def _text(sample: CameraSample, metric: Metric) -> str:
    if metric == "processor":
        return sample.processor or "–"
    if metric == "documents":
        return "–" if sample.documents is None else f"{sample.documents} of {sample.face_frames or 0}"
    if metric in {"lag", "latency"}:
        seconds = sample.lag_seconds if metric == "lag" else sample.latency_seconds
        return "–" if seconds is None else f"{seconds:.1f} s"
    count = {"fragments": sample.fragments, "frames": sample.frames}.get(metric, sample.ack_errors)
    return "–" if count is None or sample.minutes <= 0 else f"{count / sample.minutes:.1f}/min"
