"""Slow a connection down to a rate, as Kinesis Video does, instead of refusing it."""

from __future__ import annotations


class Pace:
    """Spread amounts so that they don't exceed `per_second`, after a burst of one second's worth."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._free_at = float("-inf")

    def delay(self, amount: float, now: float) -> float:
        """Count an amount at the instant `now` and answer how many seconds to wait after it."""
        self._free_at = max(self._free_at, now - 1.0) + amount / self._per_second
        return max(0.0, self._free_at - now)
