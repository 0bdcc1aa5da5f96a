"""Say what a person is told: the message on SNS, built from the alert's document alone.

The Lambda publishes it and the notifier's sweep rebuilds it, so both read one source. It holds no
picture and no name: `s3_location` says where the frame is for those who may see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = (
    "alert_id",
    "rule",
    "kind",
    "subject",
    "faces",
    "office",
    "camera_id",
    "floor",
    "zone",
    "time_zone",
    "window_start",
    "first_seen",
    "last_seen",
    "frames",
    "s3_location",
    "channel",
    "probe",
)


def alert_message(alert: Mapping[str, Any]) -> dict[str, Any]:
    """Return an alert's message; `s3_location` is None where no frame is stored.

    A probe's message, which no person gets, names the probe besides.
    """
    message = {name: alert.get(name) for name in FIELDS}
    if alert.get("probe"):
        message["probe_id"] = alert["probe_id"]
    return message
