"""Decide when hits become an alert.

The decision looks at frames in order of their own time and stops at the first that completes it, so
frames that come later can't change it: however a stream is cut into batches, and however often parts of
it are replayed, the answer is the same.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatehouse.alerts.hits import Window
    from gatehouse.ingest.snapshot import SnapshotRule


def alarm_frame(
    window: Window, rule: SnapshotRule, hit_frames: Iterable[int], analysed_frames: Iterable[int]
) -> int | None:
    """Return the frame of this window that is the k-th hit among its last n analysed frames.

    Frames of this window and the one before count; None means no alert. All times in milliseconds.
    A hit frame counts as analysed whether or not `analysed_frames` holds it.
    """
    hits = set(hit_frames)
    earliest = window.start_ms - window.length_ms
    timeline = sorted({at for at in hits.union(analysed_frames) if earliest <= at < window.end_ms})
    recent: deque[bool] = deque(maxlen=rule.n)
    for at in timeline:
        recent.append(at in hits)
        if at >= window.start_ms and at in hits and sum(recent) >= rule.k:
            return at
    return None
