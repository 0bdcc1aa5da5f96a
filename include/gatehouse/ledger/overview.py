"""Read what people look at: every rollout in a line, and one in full.

A page is a handful of statements, whatever the number of rollouts and cameras. Nothing here is written.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, and_, column, func, select, true

from gatehouse.ledger.tables import (
    approval,
    camera_state,
    control_event,
    office_lease,
    rollout,
    wave,
)
from gatehouse.rollout.phases import phase_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy import Connection, Table
    from sqlalchemy.sql import ColumnElement
    from sqlalchemy.sql.selectable import LateralFromClause

    from gatehouse.rollout.control import DesiredPhase
    from gatehouse.rollout.phases import Phase

UNDER_WAY = frozenset({"Progressing", "Paused"})


@dataclass(frozen=True, slots=True)
class RolloutLine:
    """Hold one rollout as a list shows it.

    `cameras` counts the planned ones by phase, those that nothing happened to yet as Pending. `wave` is
    the one under way, empty if none is; `decision` and `decided_by` are of the plan as it is now. `kind`
    is what the plan says it is, empty for a rollout.
    """

    rollout_id: str
    plan_hash: str
    dry_run: bool
    desired_phase: DesiredPhase
    phase: Phase
    detail: str
    created_at: datetime
    ended_at: datetime | None
    decision: str
    decided_by: str
    kind: str
    offices: tuple[str, ...] = ()
    cameras: dict[Phase, int] = field(default_factory=dict)
    wave: str = ""


def kind_of(connection: Connection, rollout_id: str) -> str | None:
    """Return what a rollout's plan says it is, empty for a rollout; None if it never was planned."""
    kind = func.coalesce(rollout.c.plan["kind"].as_string(), "")
    return connection.execute(select(kind).where(rollout.c.rollout_id == rollout_id)).scalar_one_or_none()


def list_rollouts(
    connection: Connection,
    limit: int,
    before: datetime | None = None,
    kinds: Collection[str] | None = None,
) -> list[RolloutLine]:
    """Return the latest rollouts, newest first; `before` goes on where a page ended.

    With `kinds`, only those whose plans are of them.
    """
    kind = func.coalesce(rollout.c.plan["kind"].as_string(), "")
    heads = [
        column for column in rollout.c if column.name not in {"plan"} and column.name in RolloutLine.__slots__
    ]
    statement = (
        select(
            *heads,
            func.coalesce(approval.c.decision, "").label("decision"),
            func.coalesce(approval.c.decided_by, "").label("decided_by"),
            kind.label("kind"),
        )
        .join(
            approval,
            and_(approval.c.rollout_id == rollout.c.rollout_id, approval.c.plan_hash == rollout.c.plan_hash),
            isouter=True,
        )
        .order_by(rollout.c.created_at.desc(), rollout.c.rollout_id)
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(rollout.c.created_at < before)
    if kinds is not None:
        statement = statement.where(kind.in_(sorted(kinds)))
    rows = [dict(row) for row in connection.execute(statement).mappings()]
    ids = [row["rollout_id"] for row in rows]
    offices, under_way = _waves(connection, ids)
    planned = _offices(connection, ids)
    cameras = _cameras(connection, ids)
    return [
        RolloutLine(
            **row,
            offices=tuple(dict.fromkeys(offices.get(row["rollout_id"], []) + planned[row["rollout_id"]])),
            cameras=cameras.get(row["rollout_id"], {}),
            wave=under_way.get(row["rollout_id"], ""),
        )
        for row in rows
    ]


def _waves(connection: Connection, ids: Collection[str]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return each rollout's offices in the order of its waves, and its wave under way."""
    offices: dict[str, list[str]] = {}
    under_way: dict[str, str] = {}
    rows = connection.execute(
        select(wave.c.rollout_id, wave.c.name, wave.c.offices, wave.c.phase)
        .where(wave.c.rollout_id.in_(ids))
        .order_by(wave.c.rollout_id, wave.c.position)
    )
    for row in rows:
        offices.setdefault(row.rollout_id, []).extend(row.offices)
        if row.phase in UNDER_WAY:
            under_way.setdefault(row.rollout_id, row.name)
    return offices, under_way


def _offices(connection: Connection, ids: Collection[str]) -> dict[str, list[str]]:
    """Return the offices of each plan: a decommissioning has no waves."""
    found: dict[str, list[str]] = {rollout_id: [] for rollout_id in ids}
    names = func.json_object_keys(rollout.c.plan["offices"])
    for rollout_id, name in connection.execute(
        select(rollout.c.rollout_id, names).where(rollout.c.rollout_id.in_(ids))
    ):
        found[rollout_id].append(name)
    return found


def _cameras(connection: Connection, ids: Collection[str]) -> dict[str, dict[Phase, int]]:
    counts: dict[str, Counter[Phase]] = {}
    rows = connection.execute(
        select(camera_state.c.rollout_id, camera_state.c.phase, func.count())
        .where(camera_state.c.rollout_id.in_(ids))
        .group_by(camera_state.c.rollout_id, camera_state.c.phase)
    )
    for rollout_id, step, number in rows:
        counts.setdefault(rollout_id, Counter())[phase_of(step)] += number
    for rollout_id, planned in _planned(connection, ids).items():
        known = counts.setdefault(rollout_id, Counter())
        known["Pending"] += max(0, planned - known.total())
    return {rollout_id: {phase: n for phase, n in known.items() if n} for rollout_id, known in counts.items()}


def _planned(connection: Connection, ids: Collection[str]) -> dict[str, int]:
    """Count the cameras of frozen plans where they lie: plans of large companies are large."""
    each = _elements(rollout.c.plan["waves"], "each")
    unit = _elements(each.c.value["units"], "unit")
    rows = connection.execute(
        select(rollout.c.rollout_id, func.sum(func.json_array_length(unit.c.value["cameras"])))
        .select_from(rollout.join(each, true()).join(unit, true()))
        .where(rollout.c.rollout_id.in_(ids))
        .group_by(rollout.c.rollout_id)
    )
    return {rollout_id: int(number) for rollout_id, number in rows}


def _elements(array: ColumnElement[Any], name: str) -> LateralFromClause:
    return func.json_array_elements(array).table_valued(column("value", JSON)).lateral(name)


def rows_of(
    connection: Connection,
    table: Table,
    rollout_id: str,
    order: Iterable[str],
    *,
    newest: int | None = None,
) -> list[dict[str, Any]]:
    """Return a rollout's rows of any table, by these columns; `newest` takes so many of the last ones."""
    columns = [table.c[name] for name in order]
    statement = select(table).where(table.c.rollout_id == rollout_id)
    if newest is not None:
        statement = statement.order_by(*(column.desc() for column in columns)).limit(newest)
    else:
        statement = statement.order_by(*columns)
    return [dict(row) for row in connection.execute(statement).mappings()]


def count_of(connection: Connection, table: Table, rollout_id: str) -> int:
    """Count a rollout's rows of any table."""
    counted = select(func.count()).select_from(table).where(table.c.rollout_id == rollout_id)
    return int(connection.execute(counted).scalar_one())


def camera_rows(connection: Connection, rollout_id: str) -> list[dict[str, Any]]:
    """Return where every camera of a rollout is, without what it had before and shall have."""
    names = ("office", "camera_id", "phase", "detail", "changed_at", "updated_at")
    rows = connection.execute(
        select(*(camera_state.c[name] for name in names))
        .where(camera_state.c.rollout_id == rollout_id)
        .order_by(camera_state.c.office, camera_state.c.camera_id)
    )
    return [dict(row) for row in rows.mappings()]


def company_events(connection: Connection, newest: int) -> list[dict[str, Any]]:
    """Return the latest stops and releases of everything, newest first.

    Of a stop and a release at the same moment the stop comes first: it is the one that counts.
    """
    rows = connection.execute(
        select(control_event)
        .where(control_event.c.rollout_id.is_(None))
        .order_by(control_event.c.at.desc(), (control_event.c.command == "stop_all").desc())
        .limit(newest)
    )
    return [dict(row) for row in rows.mappings()]


def lease_rows(connection: Connection, at: datetime) -> list[dict[str, Any]]:
    """Return which run holds which office now."""
    rows = connection.execute(
        select(office_lease).where(office_lease.c.expires_at > at).order_by(office_lease.c.office)
    )
    return [dict(row) for row in rows.mappings()]
