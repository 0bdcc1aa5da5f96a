"""Keep an alert's life in its document, by scripts that make each step atomic and repeatable.

    open ──▶ firing ──▶ pending ──▶ sent
      │         │
      └─────────┴─────▶ suppressed

`open` gathers hits. `firing` has k of n and asks the next window to stay silent; if that window has
fired already (records came out of order), this one gives way. `pending` is the promise that a person
will be told. From `firing` on the notifier's sweep goes on if the Lambda can't, by the same steps. Each
step names the states it may leave, and two neighbouring windows can't both pass `firing`, whichever of
two concurrent batches comes first: the one whose document is asked to be silent before it fires is the
silent one.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from gatehouse.alerts.hits import Window
from gatehouse.ingest.instant import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatehouse.alerts.hits import Hits
    from gatehouse.ingest.snapshot import SnapshotRule, SnapshotStream

_SCRIPTS = files("gatehouse.alerts").joinpath("scripts")
ADD_HITS = _SCRIPTS.joinpath("add_hits.painless").read_text()
MOVE = _SCRIPTS.joinpath("move.painless").read_text()

Request = dict[str, Any]


class AlertState(StrEnum):
    """Name where an alert stands."""

    OPEN = "open"
    FIRING = "firing"
    PENDING = "pending"
    SENT = "sent"
    SUPPRESSED = "suppressed"


# A window gives way only to a neighbour that a person is or will be told about.
FIRED = frozenset({AlertState.FIRING, AlertState.PENDING, AlertState.SENT})
# What a window has of its rule and camera, and so has its neighbour.
_OF_RULE_AND_CAMERA = (
    "rule",
    "kind",
    "subject",
    "office",
    "camera_id",
    "floor",
    "zone",
    "time_zone",
    "channel",
    "window_seconds",
    "probe",
    "probe_id",
)


def new_alert(window: Window, rule: SnapshotRule, stream: SnapshotStream) -> dict[str, Any]:
    """Return a window's document before anything hit it."""
    return {
        **_unhit(window),
        "rule": window.rule,
        "kind": rule.kind,
        "subject": window.subject,
        "office": stream.office,
        "camera_id": window.camera_id,
        "floor": stream.floor,
        "zone": stream.zone,
        "time_zone": stream.time_zone,
        "channel": rule.channel,
        "window_seconds": rule.window_seconds,
        "probe": window.probe_id != "",
        **({"probe_id": window.probe_id} if window.probe_id else {}),
    }


def add_hits(hits: Hits) -> Request:
    """Return the update request that adds hits to their window; those already there change nothing."""
    return {
        "scripted_upsert": True,
        "upsert": new_alert(hits.window, hits.rule, hits.stream),
        "script": {
            "source": ADD_HITS,
            "params": {
                "hits": sorted(hits.events),
                "frames": {str(at): faces for at, faces in sorted(hits.frames.items())},
            },
        },
    }


def move(to: AlertState, *allowed: AlertState, **fields: str | None) -> Request:
    """Return the update request for a step: from one of `allowed`, else nothing changes.

    Fields given as None are left alone. The caller reads the returned document's state to know
    whether the step was taken.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    params = {"to": to, "from": list(allowed), "fields": given}
    return {"script": {"source": MOVE, "params": params}}


def silence(window: Window, rule: SnapshotRule, stream: SnapshotStream) -> Request:
    """Return the update request that keeps a window silent, creating its document if need be.

    The returned document's state is SUPPRESSED, or one of FIRED if the window was quicker.
    """
    return _silenced(new_alert(window, rule, stream))


def silence_next(alert: Mapping[str, Any]) -> tuple[Window, Request]:
    """Return the window after a stored alert's, and its `silence` made from that alert alone."""
    start_ms = round(datetime.fromisoformat(alert["window_start"]).timestamp() * 1000)
    length_ms = alert["window_seconds"] * 1000
    probe_id = alert.get("probe_id", "")
    window = Window(
        alert["camera_id"], alert["rule"], alert["subject"], start_ms, length_ms, probe_id
    ).shifted(1)
    same = {name: alert[name] for name in _OF_RULE_AND_CAMERA if name in alert}
    return window, _silenced(same | _unhit(window))


def confirm(neighbour: Mapping[str, Any], now: str) -> Request:
    """Return the step out of FIRING, given the next window's document after it was asked to be silent."""
    if neighbour["state"] in FIRED:
        return move(AlertState.SUPPRESSED, AlertState.FIRING)
    return move(AlertState.PENDING, AlertState.FIRING, pending_at=now)


def _unhit(window: Window) -> dict[str, Any]:
    return {
        "alert_id": window.alert_id,
        "state": AlertState.OPEN,
        "window_start": iso(window.start_ms),
        "faces": 0,
        "frames": 0,
        "hits": [],
        "hit_frames": {},
    }


def _silenced(upsert: dict[str, Any]) -> Request:
    return {"scripted_upsert": True, "upsert": upsert, **move(AlertState.SUPPRESSED, AlertState.OPEN)}


def hit_frames(alert: Mapping[str, Any] | None) -> list[int]:
    """Return when a stored alert's hits were, in milliseconds since the epoch."""
    return [int(at) for at in alert["hit_frames"]] if alert else []
