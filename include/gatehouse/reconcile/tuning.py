"""Decide when a mis-tuned camera is news: by its days, as a quarter of an hour shows too few faces.

What was said before follows from the days themselves, so nothing else is remembered; who tells it knows a
notice by its id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatehouse.reconcile.alarms import Health, Look, observe
from gatehouse.reconcile.hours import day_span

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from datetime import date

    import pandas as pd

    from gatehouse.reconcile.alarms import Condition, Notice
    from gatehouse.reconcile.policy import ReconcileSettings


@dataclass(frozen=True, slots=True)
class Day(Look):
    """Hold how a camera's tuning was on a day that could be judged; `at` is its begin."""

    @property
    def condition(self) -> Condition:
        """Return what the day says of the camera's tuning."""
        return "mis_tuned" if self.verdict == "mis_tuned" else "well"


def tuning_news(days: pd.DataFrame, last: date, zone: str, policy: ReconcileSettings) -> list[Notice]:
    """Return what the `last` day made news of, given an office's classed days up to it.

    As many days in a row raise and clear as looks do for other alarms. A day that says nothing of the tuning,
    blind or with too few faces, is left out: a weekend clears nothing.
    """
    enough = days["faces"].astype(float) >= policy.judge.least_faces
    judged = days[(days["verdict"] == "mis_tuned") | ((days["verdict"] == "seen") & enough)]
    begin = day_span(last, zone)[0]
    found = (
        _newest(str(camera_id), rows.to_dict("records"), zone, policy)
        for camera_id, rows in judged.sort_values("day").groupby("camera_id")
    )
    return [notice for notice in found if notice and notice.at == begin]


def _newest(
    camera_id: str, rows: Sequence[Mapping[Hashable, Any]], zone: str, policy: ReconcileSettings
) -> Notice | None:
    """Return the last notice of a camera's days, in their order."""
    health, newest = Health(camera_id, str(rows[0]["office"])), None
    for row in rows:
        day = Day(day_span(row["day"], zone)[0], row["verdict"], row["cause"], row["reason"])
        health, notice = observe(health, day, policy.alarm)
        newest = notice or newest
    return newest
