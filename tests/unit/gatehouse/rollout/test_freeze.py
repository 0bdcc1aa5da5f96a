"""A freeze holds by the office's wall clock, also where the clock jumps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gatehouse.office.policy import DAYS, Freeze, FreezeSpan, FreezeWeek
from gatehouse.rollout.freeze import (
    Hotfix,
    Stop,
    Verdict,
    first_instant,
    frozen_spans,
    last_instant,
    may_act,
)

BERLIN = ZoneInfo("Europe/Berlin")
# Half an hour at 02:00, a whole day, midnight itself, the southern half, none at all.
ZONES = [
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Santiago",
    "America/New_York",
    "UTC",
]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

instants = st.integers(0, 16 * 365 * 86_400).map(
    lambda seconds: datetime(2011, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
# Most of them near a change of some clock.
jumps = st.sampled_from(
    [
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC),
        datetime(2026, 4, 4, 15, tzinfo=UTC),
        datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
        datetime(2011, 12, 30, 10, tzinfo=UTC),
        datetime(2026, 4, 5, 3, tzinfo=UTC),
        datetime(2026, 9, 6, 4, tzinfo=UTC),
    ]
)
near = st.builds(lambda jump, minutes: jump + minutes * MINUTE, jumps, st.integers(-2000, 2000))
moments = st.one_of(instants, near, near)
minutes = st.integers(0, 24 * 60)


@st.composite
def weekly(draw: st.DrawFn) -> FreezeWeek:
    start, end = draw(st.integers(0, 24 * 60 - 1)), draw(minutes)
    assume(start != end)
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=6, unique=True))
    return FreezeWeek(name="w", days=tuple(days), start=clock(start), end=clock(end))


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def act(now: datetime, calendar: Freeze, zone: str = "Europe/Berlin", **more: object) -> Verdict:
    return may_act(now, "berlin", zone, calendar, **more)  # type: ignore[arg-type]


def wall_shows(now: datetime, zone: str, week: FreezeWeek) -> bool:
    """Tell the naive way whether the clock on the wall shows a frozen time."""
    local = now.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
    if week.end > week.start:
        return today in week.days and week.start <= minute < week.end
    return (today in week.days and minute >= week.start) or (yesterday in week.days and minute < week.end)


def repeats(now: datetime, zone: str) -> bool:
    """Tell whether a clock is set back within the hours around a moment."""
    offsets = [
        (now + timedelta(hours=hours)).astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
        for hours in (-26, -3, 0, 3, 26)
    ]
    return len(set(offsets)) > 1


@given(moments, st.sampled_from(ZONES), weekly())
def test_nothing_is_changed_while_the_clock_shows_a_frozen_time(
    now: datetime, zone: str, week: FreezeWeek
) -> None:
    verdict = act(now, Freeze(weekly=(week,)), zone)
    # Apia skipped a Friday: what began on the Thursday before may end on a day without a yesterday.
    assume(not (zone == "Pacific/Apia" and now.year == 2011 and now.month == 12))
    if wall_shows(now, zone, week):
        assert not verdict.may
    elif not verdict.may:
        assert repeats(now, zone)


@given(moments, st.sampled_from(ZONES), weekly(), st.floats(0, 1))
def test_it_opens_when_it_says_and_not_before(
    now: datetime, zone: str, week: FreezeWeek, part: float
) -> None:
    calendar = Freeze(weekly=(week,))
    verdict = act(now, calendar, zone)
    if verdict.may:
        assert verdict.opens_at is None
        return
    assert verdict.opens_at is not None
    assert act(verdict.opens_at, calendar, zone).may
    between = now + (verdict.opens_at - now) * part
    assert between == verdict.opens_at or not act(between, calendar, zone).may


@given(near, st.sampled_from(ZONES))
def test_a_wall_clock_time_is_first_shown_and_last_undercut_when_we_say(now: datetime, zone: str) -> None:
    where = ZoneInfo(zone)
    wall = now.astimezone(where).replace(tzinfo=None)

    def shown(moment: datetime) -> datetime:
        return moment.astimezone(where).replace(tzinfo=None)

    first, last = first_instant(wall, where), last_instant(wall, where)
    assert first <= now <= last or first <= last <= now
    assert shown(first) >= wall > shown(first - timedelta(seconds=1))
    assert shown(last) >= wall > shown(last - timedelta(seconds=1))


def span(start: str, end: str) -> Freeze:
    return Freeze(spans=(FreezeSpan(name="s", start=start, end=end),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "end", "opens"),
    [
        # An hour that is passed twice is frozen in both passes, from its start or to its end.
        ("2026-10-25T01:00", "2026-10-25T02:30", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("2026-10-25T01:00", "2026-10-25T02:00", datetime(2026, 10, 25, 0, 0, tzinfo=UTC)),
        # An hour that is left out ends when the clock jumps over it.
        ("2026-03-29T01:00", "2026-03-29T02:30", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("2026-12-24", "2026-12-26", datetime(2026, 12, 26, 23, 0, tzinfo=UTC)),
    ],
)
def test_a_span_ends_by_the_wall_clock(start: str, end: str, opens: datetime) -> None:
    begins = datetime.fromisoformat(start).replace(tzinfo=BERLIN).astimezone(UTC)
    assert act(begins - MINUTE, span(start, end)).may
    assert act(begins, span(start, end)).opens_at == opens


def test_freezes_that_touch_open_together() -> None:
    calendar = Freeze(
        spans=(FreezeSpan(name="day", start="2026-11-23", end="2026-11-23"),),  # type: ignore[arg-type]
        weekly=(FreezeWeek(name="morning", days=("tue",), start="00:00", end="08:00"),),  # type: ignore[arg-type]
    )
    verdict = act(NOON, calendar)
    assert verdict.opens_at == datetime(2026, 11, 24, 7, tzinfo=UTC)
    assert verdict.reason == (
        "office berlin is frozen by 'day'; it opens at 2026-11-24 07:00 UTC. Wait, or ask for a hotfix"
    )


def test_a_freeze_of_every_day_never_opens() -> None:
    verdict = act(NOON, Freeze(weekly=(FreezeWeek(name="always", days=DAYS),)))
    assert (verdict.may, verdict.opens_at) == (False, None)
    assert "doesn't open within 400 days" in verdict.reason


def test_a_freeze_may_concern_some_offices_and_follow_another_clock() -> None:
    week = {"name": "w", "days": ("mon",), "start": "12:00", "end": "13:00"}
    assert act(NOON, Freeze(weekly=(FreezeWeek(**week, offices=("tokyo",)),))).may
    assert act(NOON, Freeze(weekly=(FreezeWeek(**week),))).may is True
    assert not act(NOON, Freeze(weekly=(FreezeWeek(**week, time_zone="UTC"),))).may


@given(near, st.integers(0, 5000), st.integers(0, 5000), st.sampled_from(ZONES), weekly())
def test_a_moment_is_frozen_if_a_span_of_its_time_covers_it(
    since: datetime, length: int, into: int, zone: str, week: FreezeWeek
) -> None:
    until, moment = since + (length + 1) * MINUTE, since + min(into, length) * MINUTE
    calendar = Freeze(weekly=(week,))
    spans = frozen_spans(since, until, "berlin", zone, calendar)
    assert any(begin <= moment < end for begin, end in spans) is not act(moment, calendar, zone).may
    assert all(begin < until and since < end for begin, end in spans)


def test_a_global_stop_holds_until_it_is_released() -> None:
    verdict = act(NOON, Freeze(), stop=Stop(NOON, "ana", "AWS is down"))
    assert (verdict.may, verdict.opens_at) == (False, None)
    assert verdict.reason.startswith("everything was stopped by ana at 2026-11-23 12:00 UTC: AWS is down")


def test_a_hotfix_passes_a_freeze_until_it_expires() -> None:
    fix = Hotfix(NOON, NOON + timedelta(hours=1), "bo", "lens recall")
    frozen = span("2026-11-23", "2026-11-23")
    assert act(NOON, frozen, hotfix=fix).reason == "hotfix by bo until 2026-11-23 13:00 UTC: lens recall"
    assert not act(NOON + timedelta(hours=1), frozen, hotfix=fix).may
    assert act(NOON, Freeze(), hotfix=fix).reason == "no freeze"


def test_a_hotfix_passes_a_stop_only_if_given_after_it() -> None:
    early = Hotfix(NOON, NOON + timedelta(hours=2), "bo", "lens recall")
    stop = Stop(NOON + MINUTE, "ana", "AWS is down")
    later = NOON + timedelta(hours=1)
    assert not act(later, Freeze(), stop=stop, hotfix=early).may
    late = Hotfix(NOON + 2 * MINUTE, NOON + timedelta(hours=2), "bo", "lens recall")
    assert act(later, Freeze(), stop=stop, hotfix=late).may
