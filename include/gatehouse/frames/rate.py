"""Keep an operation under its quota: calls are spaced before they are made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """Allow `rate` calls a second, `burst` of them at once; `now` is any steady clock, in seconds.

    A reservation is a promise: the caller waits as long as it says, then calls. Who reserves first calls
    first.
    """

    rate: float
    burst: float = 1.0
    _free_at: float = 0.0

    def reserve(self, now: float) -> float:
        """Take the next call's place; returns the seconds until it."""
        earliest = now - (self.burst - 1) / self.rate
        at = max(self._free_at, earliest)
        self._free_at = at + 1 / self.rate
        return max(0.0, at - now)

    def slow_down(self, now: float, pause_s: float) -> None:
        """Let no further call begin for a while, because AWS throttled one: others share the quota."""
        self._free_at = max(self._free_at, now + pause_s)
