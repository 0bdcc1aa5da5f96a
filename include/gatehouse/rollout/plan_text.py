"""Write a plan so that a person in a task's log sees at a glance what will happen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gatehouse.capacity.duration import in_words
from gatehouse.capacity.headroom import short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gatehouse.capacity.duration import WaveTime
    from gatehouse.rollout.forecast import Forecast, OfficeForecast
    from gatehouse.rollout.plan import OfficePlan

VERBS = ("create", "change", "replace", "switch", "remove")
SHOWN_ACTIONS = 12  # of one office; the rest is counted
NOT_PROVED = (
    "! PREPARED, NOT PROVED: rollout.yaml says `prove: running`. These cameras' resources are made and "
    "started; no media, frame, document, probe or bake is asked for, and no camera counts as healthy.\n"
    "  → Roll the offices out with `prove: whole_path` once their cameras are mounted"
)
NOT_PROBED = (
    "! NOT PROBED: rollout.yaml has probes switched off. Cameras go live by what happens to be seen.\n"
    "  → Switch them on (`probe.enabled: true`) unless you know why not"
)
HEAD = ("office", "region", "engine", "cameras", *VERBS, "keep", "refused", "orphans", "$/month")


def render_plan(
    plans: Mapping[str, OfficePlan],
    forecast: Forecast,
    *,
    digest: str,
    refused: Mapping[str, str],
    dry_run: bool,
    proves_path: bool = True,
    probes: bool = True,
) -> str:
    """Return the whole plan as text: summary, table, waves, money, details and what to look at first."""
    parts = [
        _summary(plans, forecast, digest, dry_run=dry_run),
        "" if proves_path else NOT_PROVED,
        NOT_PROBED if proves_path and not probes else "",
        "\n".join(_table(plans, forecast)),
        "\n".join(_waves(forecast)),
        "\n".join(_money(forecast)),
        *("\n".join(_details(plans[office.office], office)) for office in forecast.offices),
        "\n".join(_warnings(plans, forecast, refused)),
    ]
    return "\n\n".join(part for part in parts if part)


def _summary(plans: Mapping[str, OfficePlan], forecast: Forecast, digest: str, *, dry_run: bool) -> str:
    actions = sum(len(plan.actions) for plan in plans.values())
    cameras = sum(office.cameras for office in forecast.offices)
    title = "Dry run: nothing is changed" if dry_run else "Rollout plan"
    what = f"{actions} actions" if actions else "nothing to do, everything is as it shall be"
    lines = [
        f"{title} · {digest[:12]}",
        f"{_count(len(plans), 'office')}, {_count(cameras, 'camera')}, "
        f"{_count(forecast.people, 'enrolled face')}: {what}",
    ]
    if actions:
        lines[1] += f"; about {in_words(forecast.seconds)}"
    return "\n".join(lines)


def _table(plans: Mapping[str, OfficePlan], forecast: Forecast) -> Iterator[str]:
    rows = [_row(plans[office.office], office) for office in forecast.offices]
    if not rows:
        return
    numbers = [[int(row[column]) for row in rows] for column in range(3, len(HEAD) - 1)]
    usd = sum(office.usd for office in forecast.offices)
    total = ("total", "", "", *(str(sum(column)) for column in numbers), f"{usd:,.0f}")
    yield from _aligned([HEAD, *rows, total])


def _row(plan: OfficePlan, office: OfficeForecast) -> tuple[str, ...]:
    verbs = plan.verbs()
    numbers = [office.cameras, *(verbs.get(verb, 0) for verb in VERBS)]
    numbers += [plan.right, len(plan.refused), len(plan.orphans)]
    return (office.office, office.region, office.engine, *map(str, numbers), f"{office.usd:,.0f}")


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Align columns, words to the left and numbers to the right; zeros become dots that the eye skips."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for index, row in enumerate(rows):
        if index in {1, len(rows) - 1}:
            yield "  ".join("─" * width for width in widths)
        cells = [
            (cell.ljust if column < 3 else ("·" if cell == "0" else cell).rjust)(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _waves(forecast: Forecast) -> Iterator[str]:
    if forecast.seconds:
        yield "Waves, as fast as quotas allow:"
    for wave in forecast.waves if forecast.seconds else ():
        yield f"  {wave.name}: {in_words(wave.seconds)}{_why(wave)}"


def _why(wave: WaveTime) -> str:
    parts = [f"{in_words(wave.bake_seconds)} of it bake"] if wave.bake_seconds else []
    slowest = max(wave.regions, key=lambda region: region.seconds, default=None)
    if slowest is not None and slowest.slowest is not None:
        stage = slowest.slowest
        parts.append(f"{slowest.region} longest in {stage.name}, {in_words(stage.seconds)}: {stage.because}")
    return f" ({'; '.join(parts)})" if parts else ""


def _money(forecast: Forecast) -> Iterator[str]:
    change = forecast.cost.usd - forecast.usd_now
    yield f"Cost: ${forecast.cost.usd:,.0f} a month, {change:+,.0f} against today"
    for service, usd in forecast.cost.by_service().items():
        if usd >= 0.5:
            yield f"  {service:<18}{f'${usd:,.0f}':>12}"
    if forecast.cost.estimated:
        yield f"  Estimated at another Region's prices: {', '.join(forecast.cost.estimated)}"


def _details(plan: OfficePlan, office: OfficeForecast) -> Iterator[str]:
    if not plan.actions:
        return
    where = "; ".join(office.zones) or "no single camera"
    yield f"{office.office} ({where}; {_count(office.people, 'enrolled face')})"
    for action in plan.actions[:SHOWN_ACTIONS]:
        yield f"  {action.verb:<8}{action.what:<14} {action.resource}: {action.reason}"
    rest = Counter(f"{action.verb} {action.what}" for action in plan.actions[SHOWN_ACTIONS:])
    if rest:
        yield "  and " + ", ".join(f"{number} × {what}" for what, number in rest.most_common())


def _warnings(
    plans: Mapping[str, OfficePlan], forecast: Forecast, refused: Mapping[str, str]
) -> Iterator[str]:
    for row in short(forecast.headroom):
        yield f"! {row.region}: {row.found}"
        yield f"  → {row.remedy}"
    for office, reason in sorted(refused.items()):
        yield f"! office {office} is refused: {reason}"
    for office, plan in sorted(plans.items()):
        for camera_id, reason in sorted(plan.refused.items()):
            yield f"! {camera_id} ({office}) is refused: {reason}"
        for orphan in plan.orphans:
            what = orphan.what.replace("_", " ")
            yield f"? {what} {orphan.name} carries {office}'s tag, and no manifest wants it; it is left alone"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
