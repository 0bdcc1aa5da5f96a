"""Count what the notifier does, in Prometheus' text format."""

from __future__ import annotations

from collections import Counter
from threading import Lock

HELP = {
    "received": "Messages taken from the queues.",
    "delivered": "Alerts a channel accepted.",
    "duplicates": "Messages of alerts that had been delivered already.",
    "taken": "Messages of alerts that another notifier is delivering.",
    "failed": "Deliveries that failed and will be tried again.",
    "malformed": "Messages that are no alert and were left to the queue's redrive policy.",
    "swept": "Alerts that were stuck and were delivered from the index.",
    "errors": "Rounds of a queue or sweep that failed as a whole.",
}


class Metrics:
    """Keep counters; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter(dict.fromkeys(HELP, 0))

    def count(self, name: str) -> None:
        """Add one to a counter of HELP."""
        with self._lock:
            self._counts[name] += 1

    def value(self, name: str) -> int:
        """Return a counter's value."""
        with self._lock:
            return self._counts[name]

    def render(self) -> str:
        """Return all counters as Prometheus reads them."""
        with self._lock:
            counts = dict(self._counts)
        return "".join(
            f"# HELP gatehouse_notify_{name}_total {HELP[name]}\n"
            f"# TYPE gatehouse_notify_{name}_total counter\n"
            f"gatehouse_notify_{name}_total {count}\n"
            for name, count in counts.items()
        )
