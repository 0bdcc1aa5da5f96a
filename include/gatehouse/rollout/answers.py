"""Tell from a proxy's own document whether an office's cameras answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gatehouse.rollout.preflight import Seen

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from gatehouse.office.edge import EdgeObserved

FRESH = timedelta(minutes=2)
# A phase that isn't here (starting, stopped) says nothing about the camera.
ANSWERS = frozenset({"streaming", "spooling"})
SILENT = frozenset({"refused", "reconnecting"})


def camera_answers(
    office: str, observed: EdgeObserved | None, cameras: Iterable[str], now: datetime
) -> dict[str, Seen]:
    """Return for every camera whether it answers; a document that is old or missing tells nothing."""
    if observed is None:
        return dict.fromkeys(cameras, Seen("unknown", f"no proxy of {office} has reported yet"))
    if now - observed.at > FRESH:
        since = observed.at.isoformat(timespec="seconds")
        return dict.fromkeys(cameras, Seen("unknown", f"the proxy of {office} is silent since {since}"))
    phases = {camera.camera_id: camera for camera in observed.cameras}
    seen = {}
    for camera_id in cameras:
        camera = phases.get(camera_id)
        if camera is None:
            seen[camera_id] = Seen("unknown", f"the proxy of {office} doesn't carry it yet")
        elif camera.phase in ANSWERS:
            seen[camera_id] = Seen("yes")
        else:
            detail = f"{camera.phase}: {camera.reason}" if camera.reason else camera.phase
            seen[camera_id] = Seen("no" if camera.phase in SILENT else "unknown", detail)
    return seen
