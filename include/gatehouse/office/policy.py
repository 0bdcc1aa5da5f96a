"""Hold how a rollout advances: its waves, tolerance, gate and freeze calendar.

These are the parts of config/rollout.yaml that people in charge argue about; what must hold between
them, and against the offices, is in `policy_checks.py`.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from gatehouse.office import naming

Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
# How far a rollout proves a camera: its whole path up to searchable faces, or only that what analyses it
# runs, for offices whose cameras aren't mounted yet.
Prove = Literal["whole_path", "running"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
END_OF_DAY = 24 * 60
REST = "rest"


def _share(value: int | str) -> int | str:
    if isinstance(value, int):
        wrong = value < 1
    else:
        percent = re.fullmatch(r"(\d{1,3})%", value)
        wrong = value != REST and not (percent and 1 <= int(percent[1]) <= 100)
    if wrong:
        msg = f"{value!r} is neither a count from 1, nor a percentage such as 10%, nor {REST}"
        raise ValueError(msg)
    return value


def _local_start(value: Any) -> Any:
    return _local_moment(value, timedelta())


def _local_end(value: Any) -> Any:
    return _local_moment(value, timedelta(days=1))


def _local_moment(value: Any, into_day: timedelta) -> Any:
    """Read a date or a local date and time; YAML makes some of these itself and leaves others text."""
    if isinstance(value, str):
        value = _from_text(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time()) + into_day
    if isinstance(value, datetime) and value.tzinfo is not None:
        msg = "leave the offset out: it is the office's own wall clock that counts"
        raise ValueError(msg)
    return value


def _from_text(value: str) -> date:
    try:
        is_day = len(value) == len("2026-12-24")
        return date.fromisoformat(value) if is_day else datetime.fromisoformat(value)
    except ValueError as error:
        msg = "not a date such as 2026-12-24 or a local time such as 2026-12-24T18:00"
        raise ValueError(msg) from error


def _minute_of_day(value: Any) -> Any:
    found = re.fullmatch(r"([01]\d|2[0-4]):([0-5]\d)", value) if isinstance(value, str) else None
    if not found or (minute := int(found[1]) * 60 + int(found[2])) > END_OF_DAY:
        # Unquoted, YAML 1.1 reads 22:00 as the number 1320.
        msg = 'write the time of day in quotes, from "00:00" to "24:00"'
        raise ValueError(msg)
    return minute


Share = Annotated[int | str, AfterValidator(_share)]
MinuteOfDay = Annotated[int, BeforeValidator(_minute_of_day)]
Seconds = Annotated[int, Field(ge=1)]


class _Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Wave(_Policy):
    """Choose what rolls out together: `offices` by name, or `take` some of those no wave names.

    `cameras` takes that many of each office's cameras not yet in a wave; without it, all that are left.
    `bake_seconds` of 0 means the gate's.
    """

    name: Name
    offices: Annotated[tuple[str, ...], Field(strict=False)] = ()
    take: Share | None = None
    cameras: Share = REST
    bake_seconds: Annotated[int, Field(ge=0)] = 0


class Tolerance(_Policy):
    """Bound how many cameras of a wave may be bad before it stops.

    Both bounds hold. The percentage is judged from `minimum_cameras` judged ones on, or from all of a
    smaller wave. Without `quarantine`, any bad camera stops the wave when its bake ends.
    """

    cameras: Annotated[int, Field(ge=0)] = 2
    percent: Annotated[float, Field(ge=0, le=100, strict=False)] = 5
    minimum_cameras: Annotated[int, Field(ge=1)] = 10
    quarantine: bool = True


class Requeue(_Policy):
    """Bound how many unreachable offices a rollout puts off, and how often each."""

    offices: Annotated[int, Field(ge=0)] = 1
    attempts: Annotated[int, Field(ge=0)] = 2


class GateLimits(_Policy):
    """Say what a healthy camera shows; rates are per minute."""

    fragments_per_minute: Annotated[float, Field(ge=0, strict=False)] = 2
    ack_errors_per_minute: Annotated[float, Field(ge=0, strict=False)] = 1
    lag_seconds: Annotated[float, Field(gt=0, strict=False)] = 60
    frames_per_minute: Annotated[float, Field(ge=0, strict=False)] = 6
    # One frame with faces makes at least one document; what is under way just now is not counted yet.
    documents_per_face_frame: Annotated[float, Field(ge=0, le=1, strict=False)] = 0.5
    latency_seconds: Annotated[float, Field(gt=0, strict=False)] = 60


class Gate(_Policy):
    """Say how a wave bakes: how long, how often it is looked at, and how much evidence it takes."""

    bake_seconds: Seconds = 900
    settle_seconds: Annotated[int, Field(ge=0)] = 60
    sample_every_seconds: Seconds = 30
    # A sample counts what is at most so old, and never what is older than the change.
    window_seconds: Seconds = 120
    minimum_samples: Annotated[int, Field(ge=1)] = 5
    # In a row: how many bad samples fail a camera, and how many unreadable ones stop the wave.
    failed_samples: Annotated[int, Field(ge=1)] = 3
    error_samples: Annotated[int, Field(ge=1)] = 4
    # Longer in STARTING, and AWS says to delete and recreate (aws.md §2.7).
    starting_limit_seconds: Seconds = 120
    stage_timeout_seconds: Seconds = 7200
    limits: GateLimits = GateLimits()


class Probe(_Policy):
    """Say how the path of every changed camera is proved before its wave bakes.

    `clip` is a key of the Region's bucket, with `truth.json` beside it. What proves the path must arrive
    within `allowance_seconds` of the clip's end.
    """

    enabled: bool = True
    allowance_seconds: Seconds = 120
    clip: Annotated[str, StringConstraints(min_length=1)] = naming.PROBE_CLIP_KEY


class Judgement(_Policy):
    """Hold by what a rollout's cameras are judged; a plan freezes it, so that approval covers it."""

    probe: Probe = Probe()
    gate: Gate = Gate()
    tolerance: Tolerance = Tolerance()


class FreezeSpan(_Policy):
    """Freeze a dated span of the office's wall clock; a plain date as `end` includes that day."""

    name: Name
    start: Annotated[datetime, BeforeValidator(_local_start)]
    end: Annotated[datetime, BeforeValidator(_local_end)]
    # Empty: every office, each by its own clock.
    offices: Annotated[tuple[str, ...], Field(strict=False)] = ()
    # Empty: the office's own time zone.
    time_zone: str = ""


class FreezeWeek(_Policy):
    """Freeze the same hours of some weekdays; an `end` before `start` is in the next day."""

    name: Name
    days: Annotated[tuple[Day, ...], Field(min_length=1, strict=False)]
    start: MinuteOfDay = 0
    end: MinuteOfDay = END_OF_DAY
    offices: Annotated[tuple[str, ...], Field(strict=False)] = ()
    time_zone: str = ""


class Freeze(_Policy):
    """List when nothing may be changed."""

    spans: Annotated[tuple[FreezeSpan, ...], Field(strict=False)] = ()
    weekly: Annotated[tuple[FreezeWeek, ...], Field(strict=False)] = ()
