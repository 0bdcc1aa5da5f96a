"""Read what the gate saw, look by look, without carrying every camera's samples to the reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import DateTime, Float, cast, column, func, select, true, tuple_
from sqlalchemy.dialects.postgresql import JSONB

from gatehouse.ledger.tables import analysis
from gatehouse.rollout.sample import CameraSample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import Connection
    from sqlalchemy.sql import ColumnElement

    from gatehouse.rollout.phases import AnalysisResult

# How the worst camera of a look is found: the least of what shall be much, the most of what shall be little.
LEAST = ("fragments", "frames")
MOST = ("ack_errors", "lag_seconds", "latency_seconds")
PER_MINUTE = frozenset({"fragments", "frames", "ack_errors"})
HEAD = ("wave", "unit", "at", "result", "reason")


@dataclass(frozen=True, slots=True)
class GateLook:
    """Hold one look of the gate; `worst` is the worst camera's value by metric, None without any.

    Counts are per minute, the others seconds.
    """

    wave: str
    unit: str
    at: datetime
    result: AnalysisResult
    decision: str
    reason: str
    worst: dict[str, float | None] = field(default_factory=dict)


def looks_of(connection: Connection, rollout_id: str, newest: int) -> list[GateLook]:
    """Return a rollout's latest looks of the gate, oldest first."""
    latest = (
        select(analysis)
        .where(analysis.c.rollout_id == rollout_id)
        .order_by(analysis.c.at.desc(), analysis.c.wave, analysis.c.unit)
        .limit(newest)
        .subquery()
    )
    elements = func.jsonb_array_elements(latest.c.samples["samples"])
    sample = elements.table_valued(column("value", JSONB)).lateral("sample")
    worst = [func.min(_value(sample.c.value, name)).label(name) for name in LEAST]
    worst += [func.max(_value(sample.c.value, name)).label(name) for name in MOST]
    decision = latest.c.samples["judged"]["decision"].astext
    head = [*(latest.c[name] for name in HEAD), decision.label("decision")]
    rows = connection.execute(
        select(*head, *worst)
        # A look that saw nothing is a look all the same.
        .select_from(latest.outerjoin(sample, true()))
        .group_by(*head)
        .order_by(latest.c.at, latest.c.wave, latest.c.unit)
    )
    return [_look(row) for row in rows.mappings()]


def _value(sample: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """Return one measure of a sample; a count per minute, nothing of a span that took no time."""
    value = cast(sample[name].astext, Float)
    if name not in PER_MINUTE:
        return value
    at, since = (cast(sample[moment].astext, DateTime(timezone=True)) for moment in ("at", "since"))
    return value / func.nullif(func.extract("epoch", at - since) / 60, 0)


def _look(row: Mapping[Any, Any]) -> GateLook:
    worst = {name: None if row[name] is None else float(row[name]) for name in (*LEAST, *MOST)}
    return GateLook(**{name: row[name] for name in HEAD}, decision=row["decision"] or "", worst=worst)


def last_samples(connection: Connection, rollout_id: str) -> list[CameraSample]:
    """Return each camera's sample of its wave's latest look."""
    mine = analysis.c.rollout_id == rollout_id
    latest = (
        select(analysis.c.wave, analysis.c.unit, func.max(analysis.c.at))
        .where(mine)
        .group_by(analysis.c.wave, analysis.c.unit)
    )
    rows = connection.execute(
        select(analysis.c.samples).where(
            mine, tuple_(analysis.c.wave, analysis.c.unit, analysis.c.at).in_(latest)
        )
    )
    found = [CameraSample.from_json(item) for row in rows.scalars() for item in row["samples"]]
    return list({sample.camera_id: sample for sample in sorted(found, key=lambda each: each.at)}.values())


def each_sample(connection: Connection, rollout_id: str) -> Iterator[tuple[str, CameraSample]]:
    """Yield every sample of a rollout with its wave, in order of time, one look at a time."""
    rows = connection.execution_options(yield_per=10).execute(
        select(analysis.c.wave, analysis.c.samples)
        .where(analysis.c.rollout_id == rollout_id)
        .order_by(analysis.c.at, analysis.c.wave, analysis.c.unit)
    )
    for row in rows:
        for item in row.samples["samples"]:
            yield row.wave, CameraSample.from_json(item)
