"""Remember rollouts, their waves and how far every camera is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from gatehouse.exceptions import LedgerError
from gatehouse.ledger.tables import MOMENT, camera_state, rollout, wave
from gatehouse.office.policy import Judgement
from gatehouse.rollout.phases import CameraStep, Phase, may_precede, may_step_from
from gatehouse.rollout.waves import WaveState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gatehouse.rollout.control import DesiredPhase


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """Hold what the ledger says of a rollout, without its plan."""

    rollout_id: str
    plan_hash: str
    dry_run: bool
    desired_phase: DesiredPhase
    phase: Phase
    detail: str
    created_at: datetime
    ended_at: datetime | None


def record_plan(
    connection: Connection,
    rollout_id: str,
    plan: Mapping[str, Any],
    plan_hash: str,
    waves: Sequence[tuple[str, Sequence[str]]],
    *,
    dry_run: bool,
    at: datetime,
) -> None:
    """Store a rollout's plan and its frozen waves; planning the same run again replaces both.

    What is wanted of the run (an abort, say) and what it changed already stay.
    """
    values = {
        "plan": plan,
        "plan_hash": plan_hash,
        "dry_run": dry_run,
        "phase": "Pending",
        "detail": "",
        "created_at": at,
        "ended_at": None,
    }
    statement = insert(rollout).values(rollout_id=rollout_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["rollout_id"], set_=values))
    connection.execute(wave.delete().where(wave.c.rollout_id == rollout_id))
    rows = [
        {"rollout_id": rollout_id, "position": position, "name": name, "offices": list(offices)}
        for position, (name, offices) in enumerate(waves)
    ]
    if rows:
        connection.execute(wave.insert(), rows)


def load_plan(connection: Connection, rollout_id: str) -> dict[str, Any] | None:
    """Return the frozen plan of a rollout, or None if it never was planned."""
    row = connection.execute(select(rollout.c.plan).where(rollout.c.rollout_id == rollout_id)).first()
    return dict(row.plan) if row else None


def judgement_of(connection: Connection, rollout_id: str) -> Judgement:
    """Return by what a rollout's cameras are judged, as its plan froze it; the default where it didn't."""
    frozen = connection.execute(
        select(rollout.c.plan["judgement"]).where(rollout.c.rollout_id == rollout_id)
    ).scalar()
    return Judgement.model_validate(frozen or {})


def keep_findings(connection: Connection, rollout_id: str, findings: Sequence[Mapping[str, Any]]) -> None:
    """Keep what preflight found beside the plan, for pages and evidence; the plan's hash leaves it out."""
    plan = load_plan(connection, rollout_id)
    if plan is None:
        msg = f"There is no rollout {rollout_id}; what preflight found was not kept. Plan it first"
        raise LedgerError(msg)
    kept = {**plan, "preflight": list(findings)}
    connection.execute(rollout.update().where(rollout.c.rollout_id == rollout_id).values(plan=kept))


def load_rollout(connection: Connection, rollout_id: str) -> RolloutRow | None:
    """Return how far a rollout is and what is wanted of it, or None if it never was planned."""
    names = tuple(RolloutRow.__slots__)
    row = connection.execute(
        select(*(rollout.c[name] for name in names)).where(rollout.c.rollout_id == rollout_id)
    ).first()
    return RolloutRow(*row) if row else None


def set_rollout_phase(
    connection: Connection,
    rollout_id: str,
    phase: Phase,
    at: datetime,
    *,
    detail: str = "",
    ended: bool = False,
) -> None:
    """Record how far a rollout is; one statement decides whether it may be.

    The end is the first moment it was recorded at, so recording it again changes nothing. Raises
    LedgerError where the rollout can't become this, such as Healthy before it began.
    """
    ended_at = func.coalesce(rollout.c.ended_at, at) if ended else None
    moved = connection.execute(
        rollout.update()
        .where(rollout.c.rollout_id == rollout_id, rollout.c.phase.in_(may_precede(phase)))
        .values(phase=phase, detail=detail, ended_at=ended_at)
    )
    if not moved.rowcount:
        found = load_rollout(connection, rollout_id)
        msg = (
            f"Rollout {rollout_id} is {found.phase if found else 'not planned'} and can't become {phase}; "
            "nothing was recorded. Run it again from its plan"
        )
        raise LedgerError(msg)


def set_wave_phase(
    connection: Connection,
    rollout_id: str,
    name: str,
    phase: Phase,
    at: datetime,
    *,
    detail: str = "",
    bake_until: datetime | None = None,
    passed: bool = False,
    ended: bool = False,
) -> None:
    """Record how far a wave is.

    When it started, from when until when it bakes and that it ended are what was recorded first: a task that
    is run again doesn't bake anew. A wave that is taken up after its end does: what it showed then and the
    time it took were of another try. `passed` is never taken back but by planning again.
    """
    ended_before = wave.c.ended_at.is_not(None) & literal(not ended)
    since = literal(None if bake_until is None else at, MOMENT)
    until = literal(bake_until, MOMENT)
    moved = connection.execute(
        wave.update()
        .where(wave.c.rollout_id == rollout_id, wave.c.name == name, wave.c.phase.in_(may_precede(phase)))
        .values(
            phase=phase,
            detail=detail,
            passed=wave.c.passed | passed,
            started_at=wave.c.started_at if phase == "Pending" else func.coalesce(wave.c.started_at, at),
            baking_since=case((ended_before, since), else_=func.coalesce(wave.c.baking_since, since)),
            bake_until=case((ended_before, until), else_=func.coalesce(wave.c.bake_until, until)),
            ended_at=func.coalesce(wave.c.ended_at, at) if ended else None,
        )
    )
    if not moved.rowcount:
        msg = (
            f"Wave '{name}' of rollout {rollout_id} can't become {phase}, or isn't in its plan; nothing was "
            "recorded. Run the rollout again from its plan"
        )
        raise LedgerError(msg)


def waves_of(connection: Connection, rollout_id: str) -> list[dict[str, Any]]:
    """Return a rollout's waves in their order, each as plain data."""
    rows = connection.execute(select(wave).where(wave.c.rollout_id == rollout_id).order_by(wave.c.position))
    return [dict(row) for row in rows.mappings()]


def wave_states(connection: Connection, rollout_id: str) -> list[WaveState]:
    """Return how far a rollout's waves are, in their order."""
    return [
        WaveState(row["name"], row["phase"], row["passed"], row["detail"])
        for row in waves_of(connection, rollout_id)
    ]


def set_camera_phase(
    connection: Connection,
    rollout_id: str,
    office: str,
    phases: Iterable[tuple[str, CameraStep, str]],
    at: datetime,
) -> list[str]:
    """Record step and detail of cameras: `(camera_id, step, detail)` each.

    Returns the cameras that can't take that step (`phases.may_step`) and stay where they are: a late
    word of a task must not call off a roll-back.
    """
    given = {camera_id: (step, detail) for camera_id, step, detail in phases}
    refused: list[str] = []
    by_step = sorted(given.items(), key=lambda item: item[1][0])
    for step, group in groupby(by_step, key=lambda item: item[1][0]):
        rows = {camera_id: detail for camera_id, (_, detail) in group}
        moved = _set_step(connection, rollout_id, office, step, rows, at)
        refused += sorted(rows.keys() - moved)
    return refused


def _set_step(
    connection: Connection,
    rollout_id: str,
    office: str,
    step: CameraStep,
    details: Mapping[str, str],
    at: datetime,
) -> set[str]:
    common = {"rollout_id": rollout_id, "office": office, "phase": step, "updated_at": at}
    # In the order of their key, so that two runs never wait for each other.
    statement = insert(camera_state).values(
        [{**common, "camera_id": camera_id, "detail": details[camera_id]} for camera_id in sorted(details)]
    )
    changed = {name: statement.excluded[name] for name in ("office", "phase", "detail", "updated_at")}
    moved = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["rollout_id", "camera_id"],
            set_=changed,
            where=camera_state.c.phase.in_(may_step_from(step)),
        ).returning(camera_state.c.camera_id)
    )
    return set(moved.scalars())


def camera_phases(connection: Connection, rollout_id: str) -> dict[str, tuple[str, str, str]]:
    """Return `{camera_id: (office, step, detail)}` of a rollout."""
    rows = connection.execute(
        select(camera_state)
        .where(camera_state.c.rollout_id == rollout_id)
        .order_by(camera_state.c.office, camera_state.c.camera_id)
    )
    return {row.camera_id: (row.office, row.phase, row.detail) for row in rows}
