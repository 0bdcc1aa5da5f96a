"""Run a part of the notifier round after round, until it is told to stop."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_notify.metrics import Metrics

LOG = logging.getLogger(__name__)
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0


@dataclass(slots=True)
class Rounds:
    """Repeat one part; `pause` seconds lie between two good rounds.

    A round that fails is logged and repeated with growing pauses, because the other parts (another
    Region's queue) must go on. `trouble` says what is wrong as long as it is.
    """

    name: str
    serve: Callable[[], None]
    stop: Event
    metrics: Metrics
    pause: float = 0.0
    trouble: str = ""
    thread: Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = Thread(target=self._run, name=self.name, daemon=True)

    def _run(self) -> None:
        penalty = FIRST_PAUSE
        while not self.stop.is_set():
            try:
                self.serve()
            except Exception as error:
                self.trouble = f"{type(error).__name__}: {error}"
                self.metrics.count("errors")
                LOG.exception("%s failed; again in %.0f s", self.name, penalty)
                self.stop.wait(penalty)
                penalty = min(penalty * 2, LONGEST_PAUSE)
            else:
                self.trouble = ""
                penalty = FIRST_PAUSE
                self.stop.wait(self.pause)
