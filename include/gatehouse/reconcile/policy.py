"""Hold config/reconcile.yaml: what is no news, what may be healed, when a camera is well, when to alarm."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from gatehouse.office.policy import DAYS, END_OF_DAY, Day, MinuteOfDay
from gatehouse.office.source import parse, read_source, refuse

if TYPE_CHECKING:
    from pathlib import Path

Pattern = Annotated[str, StringConstraints(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1, strict=False)]
Count = Annotated[int, Field(ge=1)]


def _day(value: Any) -> Any:
    return date.fromisoformat(value) if isinstance(value, str) else value


class _Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Noise(_Policy):
    """Call a difference known: `name` is a pattern of `<what>/<name>`, such as `processor/gatehouse-LAB_*`.

    `until` is the last day on which it is; without one it never ends.
    """

    name: Pattern
    reason: Annotated[str, StringConstraints(min_length=1)]
    until: Annotated[date | None, BeforeValidator(_day)] = None


class Heal(_Policy):
    """Bound healing: so often a day and camera, ever longer apart, so many of an office at once.

    A common cause shows as many cameras at once, and a herd of restarts makes it worse.
    """

    per_camera_per_day: Count = 3
    backoff_minutes: Count = 15
    per_office_per_run: Count = 10
    # Longer in STARTING, and AWS says to delete and recreate (aws.md §2.7).
    starting_limit_seconds: Count = 120
    # A document of the proxy or the worker that is older means that it is silent.
    silent_after_seconds: Count = 120


class Judge(_Policy):
    """Say what a camera must show of the time it shall be on, and from when its faces are judged.

    Shares are of the minutes expected; a match share is of the faces. `usual_share` is how much of what a
    camera usually shows it must show.
    """

    known: Share = 0.9
    media: Share = 0.9
    frozen: Share = 0.25
    analysed: Share = 0.5
    least_faces: Count = 30
    matched: Share = 0.1
    usual_share: Share = 0.25
    usual_days: Count = 14


class Alarm(_Policy):
    """Say how many looks in a row raise and clear a camera's alarm."""

    bad_looks: Count = 2
    good_looks: Count = 3


class OnHours(_Policy):
    """Say when cameras shall be on, by their office's clock; an `end` before `start` is in the next day."""

    cameras: Pattern
    days: Annotated[tuple[Day, ...], Field(min_length=1, strict=False)] = DAYS
    start: MinuteOfDay = 0
    end: MinuteOfDay = END_OF_DAY


class ReconcileSettings(_Policy):
    """Hold all of it; a camera that no `on_hours` names shall always be on."""

    noise: Annotated[tuple[Noise, ...], Field(strict=False)] = ()
    heal: Heal = Heal()
    judge: Judge = Judge()
    alarm: Alarm = Alarm()
    on_hours: Annotated[tuple[OnHours, ...], Field(strict=False)] = ()


def load_reconcile_settings(root: Path) -> ReconcileSettings:
    """Read reconcile.yaml; raises ConfigError that lists everything wrong in it."""
    settings, problems = parse(
        read_source(root / "reconcile.yaml", f"{root.name}/reconcile.yaml"), ReconcileSettings
    )
    refuse(problems)
    if settings is None:
        raise AssertionError  # pragma: no cover - a missing model always has a problem
    return settings
