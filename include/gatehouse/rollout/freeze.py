"""Decide whether an office may be changed now: freeze calendar, global stop, hotfix.

A freeze is written in wall-clock time and is over in the same: it lasts from the first instant at which
the office's clock shows its start until the last at which it shows less than its end. So where an hour
is passed twice, both passes of it are frozen, and where an hour is left out, nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gatehouse.office.policy import DAYS, END_OF_DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatehouse.office.policy import Freeze, FreezeSpan, FreezeWeek

# Further ahead no opening is looked for: who freezes a whole year has closed the office.
HORIZON = timedelta(days=400)
DAY = timedelta(days=1)
# From an instant until another, which is no part of it.
Span = tuple[datetime, datetime]
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Stop:
    """Hold a stop of everything, everywhere, until somebody releases it."""

    at: datetime
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Hotfix:
    """Hold somebody's leave for one rollout to act in spite of a freeze, until it expires."""

    at: datetime
    until: datetime
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Tell whether an office may be changed; `opens_at` is None where that is now, or unknown."""

    may: bool
    reason: str
    opens_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Window:
    name: str
    start: datetime
    end: datetime


def may_act(
    now: datetime,
    office: str,
    time_zone: str,
    calendar: Freeze,
    stop: Stop | None = None,
    hotfix: Hotfix | None = None,
) -> Verdict:
    """Decide whether an office may be changed at `now`, which must carry a time zone.

    A hotfix passes any freeze; a global stop only if it was given after it, by somebody who knew.
    """
    fix = hotfix if hotfix and hotfix.at <= now < hotfix.until else None
    if stop and not (fix and fix.at > stop.at):
        reason = (
            f"everything was stopped by {stop.who} at {_utc(stop.at)}: {stop.reason}. "
            "It goes on when somebody releases it"
        )
        return Verdict(may=False, reason=reason)
    window = _covering(now, office, time_zone, calendar)
    if fix and (stop or window):
        return Verdict(may=True, reason=f"hotfix by {fix.who} until {_utc(fix.until)}: {fix.reason}")
    if window is None:
        return Verdict(may=True, reason="no freeze")
    opens = _opens_at(now, office, time_zone, calendar)
    when = f"it opens at {_utc(opens)}" if opens else f"it doesn't open within {HORIZON.days} days"
    reason = f"office {office} is frozen by '{window.name}'; {when}. Wait, or ask for a hotfix"
    return Verdict(may=False, reason=reason, opens_at=opens)


def frozen_spans(
    since: datetime, until: datetime, office: str, time_zone: str, calendar: Freeze
) -> list[Span]:
    """Return the freezes of an office that touch a time, whole, in no order; they may overlap."""
    return [
        (window.start, window.end)
        for window in _windows(since, until, office, time_zone, calendar)
        if window.start < until and since < window.end
    ]


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _opens_at(now: datetime, office: str, time_zone: str, calendar: Freeze) -> datetime | None:
    """Go from the end of one freeze to the end of the next that touches it."""
    moment = now
    while moment - now <= HORIZON:
        window = _covering(moment, office, time_zone, calendar)
        if window is None:
            return moment.astimezone(UTC)
        moment = window.end
    return None


def _covering(moment: datetime, office: str, time_zone: str, calendar: Freeze) -> _Window | None:
    """Return the freeze that covers a moment and lasts longest."""
    covering = [
        window
        for window in _windows(moment, moment, office, time_zone, calendar)
        if window.start <= moment < window.end
    ]
    return max(covering, key=lambda window: window.end, default=None)


def _windows(
    since: datetime, until: datetime, office: str, time_zone: str, calendar: Freeze
) -> Iterator[_Window]:
    """Yield every freeze that may touch a time, and perhaps others."""
    for span in calendar.spans:
        if _concerns(span, office):
            zone = ZoneInfo(span.time_zone or time_zone)
            yield _Window(span.name, first_instant(span.start, zone), last_instant(span.end, zone))
    for week in calendar.weekly:
        if _concerns(week, office):
            yield from _weekly(since, until, week, ZoneInfo(week.time_zone or time_zone))


def _concerns(window: FreezeSpan | FreezeWeek, office: str) -> bool:
    return not window.offices or office in window.offices


def _weekly(since: datetime, until: datetime, week: FreezeWeek, zone: ZoneInfo) -> Iterator[_Window]:
    """Yield a week's windows of every day of a time, and of the days beside it: some reach over midnight."""
    first, last = since.astimezone(zone).date() - DAY, until.astimezone(zone).date() + DAY
    for day in (first + DAY * number for number in range((last - first) // DAY + 1)):
        if DAYS[day.weekday()] in week.days:
            midnight = datetime.combine(day, time())
            end = week.end if week.end > week.start else week.end + END_OF_DAY
            yield _Window(
                week.name,
                first_instant(midnight + timedelta(minutes=week.start), zone),
                last_instant(midnight + timedelta(minutes=end), zone),
            )


def first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant at which a zone's clock shows a wall-clock time or a later one."""
    early, late = _readings(wall, zone)
    return early if early <= late else _jump(late, early, zone)


def last_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant from which on a zone's clock never again shows less than a wall-clock time."""
    early, late = _readings(wall - SECOND, zone)
    return late + SECOND if early <= late else _jump(late, early, zone)


def _readings(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return both instants a wall-clock time may mean; the first is the later one if no clock shows it."""
    early, late = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return early, late


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Find, to the second, when a zone's offset changes between two instants."""
    old = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + timedelta(seconds=(after - before) // SECOND // 2)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
