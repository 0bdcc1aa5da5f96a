"""Count the minutes in which cameras shall be on, by their office's clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from gatehouse.office.policy import DAYS, END_OF_DAY
from gatehouse.rollout.freeze import first_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from gatehouse.reconcile.policy import OnHours


def day_span(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """Return the instants at which an office's day begins and ends; it may last 23 or 25 hours."""
    zone = ZoneInfo(time_zone)
    begins, ends = datetime.combine(day, time()), datetime.combine(day + timedelta(days=1), time())
    return first_instant(begins, zone), first_instant(ends, zone)


def on_minutes(
    cameras: Iterable[str], since: datetime, until: datetime, time_zone: str, hours: Sequence[OnHours]
) -> dict[str, int]:
    """Count for each camera the whole minutes of [since, until) in which it shall be on.

    The hours that name a camera add up; one that none names shall always be on.
    """
    start = since.astimezone(UTC).replace(second=0, microsecond=0)
    minutes = pd.date_range(start, until.astimezone(UTC), freq="min", inclusive="left")
    clock = minutes.tz_convert(time_zone)
    of_day, weekday = np.asarray(clock.hour * 60 + clock.minute), np.asarray(clock.day_of_week)
    masks = [_mask(of_day, weekday, rule) for rule in hours]
    counted: dict[tuple[int, ...], int] = {}
    found = {}
    for camera_id in cameras:
        mine = tuple(index for index, rule in enumerate(hours) if fnmatchcase(camera_id, rule.cameras))
        if mine not in counted:
            on = [masks[index] for index in mine] or [np.ones(len(minutes), dtype=bool)]
            counted[mine] = int(np.logical_or.reduce(on).sum())
        found[camera_id] = counted[mine]
    return found


def _mask(of_day: NDArray[np.int64], weekday: NDArray[np.int64], rule: OnHours) -> NDArray[np.bool_]:
    days = [DAYS.index(day) for day in rule.days]
    today, yesterday = np.isin(weekday, days), np.isin((weekday - 1) % 7, days)
    end = rule.end if rule.end > rule.start else rule.end + END_OF_DAY
    over = of_day + END_OF_DAY < end  # what reaches over midnight began yesterday
    mask: NDArray[np.bool_] = (today & (rule.start <= of_day) & (of_day < end)) | (yesterday & over)
    return mask
