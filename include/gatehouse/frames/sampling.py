"""Choose the frames to analyse by the stream's own clock: the same on every run and after every restart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Grid:
    """Divide producer time, in milliseconds since the epoch, into cells of 1/`fps` seconds.

    The cells' edges are absolute, so every engine and every run that samples the first frame of a cell
    samples the same frames.
    """

    fps: Fraction

    @classmethod
    def of(cls, fps: float) -> Grid:
        """Take a rate as configuration writes it, exact to a thousandth."""
        return cls(Fraction(fps).limit_denominator(1000))

    def cell(self, at_ms: int) -> int:
        """Return the cell an instant lies in."""
        return at_ms * self.fps.numerator // (1000 * self.fps.denominator)

    def start_ms(self, cell: int) -> int:
        """Return the first instant of a cell."""
        return -(-cell * 1000 * self.fps.denominator // self.fps.numerator)

    def first_whole(self, from_ms: int) -> int:
        """Return the first cell that begins at an instant or after it."""
        return self.cell(from_ms - 1) + 1


@dataclass(slots=True)
class Sampler:
    """Take the first frame of every cell, from cell `due` on; a cell is never taken twice.

    Time never goes back: a frame of a cell that is over is passed by, be it read again after a reconnect
    or stored late.
    """

    grid: Grid
    due: int

    def choose(self, times_ms: Iterable[int]) -> list[int]:
        """Return the indices of the frames to analyse, of ascending times."""
        chosen = []
        for index, at_ms in enumerate(times_ms):
            cell = self.grid.cell(at_ms)
            if cell >= self.due:
                self.due = cell + 1
                chosen.append(index)
        return chosen


@dataclass(slots=True)
class Progress:
    """Know the instant before which every sampled frame is settled: recorded, or dropped and counted.

    Frames settle in any order. Whoever starts again at `resume_ms` leaves no cell out, and repeats only
    those between it and the latest that settled.
    """

    grid: Grid
    due: int
    _open: set[int] = field(default_factory=set)

    def taken(self, at_ms: int) -> None:
        """Note that a frame was sampled."""
        cell = self.grid.cell(at_ms)
        self._open.add(cell)
        self.due = max(self.due, cell + 1)

    def settled(self, at_ms: int) -> None:
        """Note that a sampled frame needs no more work; repeating it is harmless."""
        self._open.discard(self.grid.cell(at_ms))

    @property
    def unsettled(self) -> int:
        """Count the frames in hand."""
        return len(self._open)

    @property
    def resume_ms(self) -> int:
        """Return where a restart has to begin: the start of the first cell that isn't settled."""
        return self.grid.start_ms(min(self._open, default=self.due))
