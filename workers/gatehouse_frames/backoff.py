"""Wait longer after every failure, and never in step with other cameras."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Give the next delay in seconds: doubling up to `cap_s`, then anywhere in its upper half."""

    first_s: float = 0.5
    cap_s: float = 30.0
    failures: int = 0

    def next_delay(self) -> float:
        """Return how long to wait after one more failure."""
        whole = min(self.cap_s, self.first_s * 2.0 ** min(self.failures, 16))
        self.failures += 1
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 (spreads load, guards nothing)

    def reset(self) -> None:
        """Start over after a success."""
        self.failures = 0
