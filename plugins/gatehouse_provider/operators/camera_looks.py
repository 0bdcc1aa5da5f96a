"""Look at an office's cameras, and keep what that says of them and of their day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pandas as pd

from gatehouse.alerts.operations import camera_messages
from gatehouse.ledger.health import add_looks, days_between, health_of, save_days, save_health
from gatehouse.ledger.operations import add_messages
from gatehouse.reconcile.alarms import Look, observe
from gatehouse.reconcile.camera_day import KEY, classify, tally, usual_of
from gatehouse.reconcile.hours import day_span, on_minutes
from gatehouse.reconcile.looks import looks_of
from gatehouse.reconcile.tuning import tuning_news

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

    from gatehouse.reconcile.alarms import Notice
    from gatehouse.reconcile.policy import ReconcileSettings
    from gatehouse.reconcile.runtime import Scene
    from gatehouse_provider.hooks.ledger import LedgerHook
    from gatehouse_provider.hooks.looks import LookHook

QUARTER = timedelta(minutes=15)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CameraLooks:
    """Look at the last full quarter of an hour: whenever in the next one this is done, it is one look.

    What became news is left in the ledger to be told, with `url` as the page to see.
    """

    policy: ReconcileSettings
    ledger: LedgerHook
    hook: LookHook
    url: str = ""

    def look(self, scene: Scene, cameras: Sequence[str]) -> tuple[pd.DataFrame, list[Notice]]:
        """Return how the cameras look, and which alarms that raised or cleared."""
        until = scene.at.replace(minute=scene.at.minute // 15 * 15, second=0, microsecond=0)
        since, zone, office = until - QUARTER, scene.office.time_zone, scene.desired.office
        minutes = on_minutes(cameras, since, until, zone, self.policy.on_hours)
        seen = self.hook.look(minutes, scene.documents.edge_observed, since, until)
        day = since.astimezone(ZoneInfo(zone)).date()
        totals = tally(looks_of(minutes, day, seen))
        begin, end = day_span(day, zone)
        whole = on_minutes(cameras, begin, min(until, end), zone, self.policy.on_hours)
        judge = self.policy.judge
        with self.ledger.begin() as connection:
            before = days_between(connection, cameras, day - judge.usual_days * ONE_DAY, day - ONE_DAY)
            usual = usual_of(before)
            classed = classify(_expected(minutes, day, office), totals, usual, judge)
            notices = self._alarms(connection, office, classed, until)
            # All day long the same messages, which the ledger keeps once: no run is the only one to tell.
            news = tuning_news(before, day - ONE_DAY, zone, self.policy)
            add_messages(connection, camera_messages(news, self.url))
            add_looks(connection, office, totals, since, until)
            so_far = days_between(connection, cameras, day, day).set_index(KEY)
            save_days(connection, classify(_expected(whole, day, office), so_far, usual, judge))
        return classed, notices

    def _alarms(
        self, connection: Connection, office: str, classed: pd.DataFrame, at: datetime
    ) -> list[Notice]:
        known = health_of(connection, {str(camera_id): office for camera_id, _ in classed.index})
        seen = [
            observe(
                known[camera_id], Look(at, row["verdict"], row["cause"], row["reason"]), self.policy.alarm
            )
            for (camera_id, _), row in zip(classed.index, classed.to_dict("records"), strict=True)
        ]
        save_health(connection, [health for health, _ in seen])
        notices = [notice for _, notice in seen if notice]
        add_messages(connection, camera_messages(notices, self.url))
        return notices


def _expected(minutes: Mapping[str, int], day: date, office: str) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples([(camera_id, day) for camera_id in minutes], names=KEY)
    return pd.DataFrame({"office": office, "expected": list(map(float, minutes.values()))}, index=index)
