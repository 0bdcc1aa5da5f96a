"""Write instants the way documents hold them: UTC, milliseconds, ISO 8601.

Inside the domain an instant is a whole number of milliseconds since the Unix epoch.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def iso(at_ms: int) -> str:
    """Render milliseconds since the epoch, as in `2026-11-23T13:45:52.123Z`."""
    seconds, milliseconds = divmod(at_ms, 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


def moment(at_ms: int) -> datetime:
    """Return the aware datetime of an instant, exact to the millisecond."""
    seconds, milliseconds = divmod(at_ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1000)


# A batch holds many frames of few seconds, and formatting is what costs.
@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
