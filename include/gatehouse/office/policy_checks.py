"""Check what must hold within rollout.yaml's policies, and between them and the offices."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gatehouse.office.policy import REST
from gatehouse.office.source import Loc, Problem, Source, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from gatehouse.office.model import RolloutSettings
    from gatehouse.office.policy import FreezeSpan, FreezeWeek

# The wave after the last, for offices that couldn't be reached in their own.
REQUEUED = "requeued"


def check_policies(settings: RolloutSettings, source: Source, known: Collection[str]) -> Iterator[Problem]:
    """Yield everything wrong in the policies, given which offices there are."""
    yield from _check_waves(settings, source, known)
    yield from _check_mentions(settings, source)
    yield from _check_takes(settings, source)
    yield from _check_bake(settings, source)
    yield from _check_freeze(settings, source, known)


def offices_without_wave(
    settings: RolloutSettings, source: Source, known: Collection[str]
) -> Iterator[Problem]:
    """Yield the offices that would never be rolled out."""
    if any(wave.take for wave in settings.waves):
        return  # Its last wave takes the rest, which `check_policies` sees to.
    placed = {office for wave in settings.waves for office in wave.offices}
    for office in known:
        if office not in placed:
            message = f"office '{office}' is in no wave. Add it to one under waves"
            yield source.problem(("waves",), message, office)


def time_zone_exists(name: str) -> bool:
    """Tell whether this is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _check_waves(settings: RolloutSettings, source: Source, known: Collection[str]) -> Iterator[Problem]:
    names = Counter(wave.name for wave in settings.waves)
    for index, wave in enumerate(settings.waves):
        if names[wave.name] > 1:
            yield source.problem(("waves", index, "name"), f"two waves are named '{wave.name}'. Rename one")
        if wave.name == REQUEUED:
            message = f"'{REQUEUED}' is the wave of the offices that couldn't be reached. Rename this one"
            yield source.problem(("waves", index, "name"), message)
        if bool(wave.offices) == bool(wave.take):
            message = f"wave '{wave.name}' needs either offices or take. Write one of them"
            yield source.problem(("waves", index), message)
        for at, office in enumerate(wave.offices):
            if office not in known:
                message = f"wave '{wave.name}': no office '{office}'. {nearest(office, known)}"
                yield source.problem(("waves", index, "offices", at), message)


def _check_mentions(settings: RolloutSettings, source: Source) -> Iterator[Problem]:
    """Yield where an office's cameras would be taken twice, or some of them never."""
    complete: set[str] = set()
    partial: dict[str, tuple[int, int]] = {}
    for index, wave in enumerate(settings.waves):
        for at, office in enumerate(wave.offices):
            if office in complete or office in wave.offices[:at]:
                message = (
                    f"office '{office}' is in several waves. Keep one of them, or let the earlier ones take "
                    "only some of its cameras"
                )
                yield source.problem(("waves", index, "offices", at), message)
            elif wave.cameras == REST:
                complete.add(office)
            else:
                partial[office] = (index, at)
    for office, (index, at) in partial.items():
        if office not in complete:
            message = f"no later wave takes the rest of office '{office}'. Add it to one without cameras"
            yield source.problem(("waves", index, "offices", at), message)


def _check_takes(settings: RolloutSettings, source: Source) -> Iterator[Problem]:
    takes = [(index, wave) for index, wave in enumerate(settings.waves) if wave.take]
    for place, (index, wave) in enumerate(takes, start=1):
        if (wave.take == REST) != (place == len(takes)):
            message = f"wave '{wave.name}': the last wave with take, and no other, takes '{REST}'"
            yield source.problem(("waves", index, "take"), f"{message}. Correct it")
        if wave.cameras != REST:
            message = f"wave '{wave.name}': cameras needs offices by name. Leave it out, or name the offices"
            yield source.problem(("waves", index, "cameras"), message)


def _check_bake(settings: RolloutSettings, source: Source) -> Iterator[Problem]:
    gate = settings.gate
    least = gate.settle_seconds + gate.minimum_samples * gate.sample_every_seconds
    bakes: list[tuple[Loc, int]] = [(("gate", "bake_seconds"), gate.bake_seconds)]
    for index, wave in enumerate(settings.waves):
        if wave.bake_seconds:
            bakes.append((("waves", index, "bake_seconds"), wave.bake_seconds))
    for loc, bake in bakes:
        if bake < least:
            message = (
                f"a bake of {bake} s can't see {gate.minimum_samples} samples {gate.sample_every_seconds} s "
                f"apart after settling for {gate.settle_seconds} s. Make it {least} s or more"
            )
            yield source.problem(loc, message)
    longest = max(bake for _, bake in bakes)
    if gate.stage_timeout_seconds <= longest + gate.starting_limit_seconds:
        message = (
            f"a stage of {gate.stage_timeout_seconds} s has no room for a bake of {longest} s and processors "
            f"{gate.starting_limit_seconds} s in STARTING. Make it longer than their sum"
        )
        yield source.problem(("gate", "stage_timeout_seconds"), message)


def _check_freeze(settings: RolloutSettings, source: Source, known: Collection[str]) -> Iterator[Problem]:
    spans, weekly = settings.freeze.spans, settings.freeze.weekly
    names = Counter([*(span.name for span in spans), *(week.name for week in weekly)])
    for at, span in enumerate(spans):
        yield from _check_window(span, ("freeze", "spans", at), source, known, names)
        if span.start >= span.end:
            message = f"freeze '{span.name}' ends before it starts. Swap start and end"
            yield source.problem(("freeze", "spans", at, "end"), message)
    for at, week in enumerate(weekly):
        yield from _check_window(week, ("freeze", "weekly", at), source, known, names)
        if week.start == week.end:
            message = f"freeze '{week.name}' lasts no time. For whole days leave start and end out"
            yield source.problem(("freeze", "weekly", at, "end"), message)


def _check_window(
    window: FreezeSpan | FreezeWeek, loc: Loc, source: Source, known: Collection[str], names: Counter[str]
) -> Iterator[Problem]:
    if names[window.name] > 1:
        yield source.problem((*loc, "name"), f"two freezes are named '{window.name}'. Rename one")
    if window.time_zone and not time_zone_exists(window.time_zone):
        message = f"unknown time zone '{window.time_zone}'. Use an IANA name such as Europe/Berlin"
        yield source.problem((*loc, "time_zone"), message)
    for at, office in enumerate(window.offices):
        if office not in known:
            message = f"freeze '{window.name}': no office '{office}'. {nearest(office, known)}"
            yield source.problem((*loc, "offices", at), message)
