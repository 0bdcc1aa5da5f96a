"""Put together what one look at an office's cameras saw, as `camera_day` wants it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from gatehouse.reconcile.camera_day import LOOK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from gatehouse.office.edge import EdgeObserved, ObservedCamera


@dataclass(frozen=True, slots=True)
class Seen:
    """Count by camera what came between `since` and `until`; a mapping of None couldn't be asked.

    `fragments` holds the cameras whose stream was asked itself, because the proxy said nothing of them.
    """

    since: datetime
    until: datetime
    proxy: EdgeObserved | None = None
    fragments: Mapping[str, int] = field(default_factory=dict)
    analysed: Mapping[str, int] | None = None
    faces: Mapping[str, int] | None = None
    matches: Mapping[str, int] | None = None


def unreported(cameras: Mapping[str, int], proxy: EdgeObserved | None, since: datetime) -> tuple[str, ...]:
    """Name the cameras that shall be on and of which the proxy said nothing since: ask their streams."""
    says = _says(proxy, since)
    return tuple(camera_id for camera_id, minutes in cameras.items() if minutes and camera_id not in says)


def looks_of(cameras: Mapping[str, int], day: date, seen: Seen) -> pd.DataFrame:
    """Return one row for each camera (id → minutes in which it shall be on).

    What the proxy had persisted is what Kinesis Video acknowledged, so no stream of a working office has to
    be asked.
    """
    says = _says(seen.proxy, seen.since)
    rows = [
        (
            camera_id,
            day,
            float(minutes),
            _fragments(camera_id, says, seen),
            float(says[camera_id].frozen) if camera_id in says else None,
            *(_count(counts, camera_id) for counts in (seen.analysed, seen.faces, seen.matches)),
        )
        for camera_id, minutes in cameras.items()
    ]
    table = pd.DataFrame(rows, columns=LOOK)
    return table.astype(dict.fromkeys(LOOK[2:], float))


def _says(proxy: EdgeObserved | None, since: datetime) -> dict[str, ObservedCamera]:
    """Return what the proxy says of each camera; a report from before the look says nothing of it."""
    if proxy is None or proxy.at < since:
        return {}
    return {camera.camera_id: camera for camera in proxy.cameras}


def _fragments(camera_id: str, says: Mapping[str, ObservedCamera], seen: Seen) -> float | None:
    if camera_id in seen.fragments:
        return float(seen.fragments[camera_id])
    if camera_id not in says:
        return None
    last = says[camera_id].last_persisted_at
    return float(last is not None and last >= seen.since)


def _count(counts: Mapping[str, int] | None, camera_id: str) -> float | None:
    return None if counts is None else float(counts.get(camera_id, 0))
