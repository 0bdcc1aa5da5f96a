"""Space calls so that a quota is used up and never exceeded."""

from __future__ import annotations

from dataclasses import dataclass

# AWS lets a second's worth through at once. Half of it is left alone, because calls that leave evenly
# don't arrive so.
AT_ONCE = 0.5


@dataclass(slots=True)
class Pace:
    """Give out turns under one quota of calls per second; times are seconds of any one clock.

    What isn't used is saved up, half a second's worth at most.
    """

    per_second: float
    _next: float = float("-inf")

    def wait(self, now: float) -> float:
        """Take the next turn and return how many seconds to wait for it."""
        saved = max(0.0, AT_ONCE - 1 / self.per_second)
        turn = max(self._next, now - saved)
        self._next = turn + 1 / self.per_second
        return max(0.0, turn - now)
