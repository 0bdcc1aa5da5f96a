"""Remember rollouts, their waves and how far every camera is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from gatehouse.ledger.tables import camera_state, rollout, wave

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

CameraPhase = Literal["provisioning", "provisioned", "starting", "running", "verified", "failed"]
RolloutPhase = Literal["planned", "progressing", "verified", "failed"]


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
    """Store a rollout's plan and its frozen waves; planning the same run again replaces both."""
    values = {"plan": plan, "plan_hash": plan_hash, "dry_run": dry_run, "phase": "planned", "created_at": at}
    statement = insert(rollout).values(rollout_id=rollout_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["rollout_id"], set_=values))
    connection.execute(wave.delete().where(wave.c.rollout_id == rollout_id))
    connection.execute(
        wave.insert(),
        [
            {"rollout_id": rollout_id, "position": position, "name": name, "offices": list(offices)}
            for position, (name, offices) in enumerate(waves)
        ],
    )


def load_plan(connection: Connection, rollout_id: str) -> dict[str, Any] | None:
    """Return the frozen plan of a rollout, or None if it never was planned."""
    row = connection.execute(select(rollout.c.plan).where(rollout.c.rollout_id == rollout_id)).first()
    return dict(row.plan) if row else None


def set_rollout_phase(
    connection: Connection, rollout_id: str, phase: RolloutPhase, at: datetime, *, ended: bool = False
) -> None:
    """Record how far a rollout is."""
    values: dict[str, Any] = {"phase": phase, **({"ended_at": at} if ended else {})}
    connection.execute(rollout.update().where(rollout.c.rollout_id == rollout_id).values(**values))


def set_camera_phase(
    connection: Connection,
    rollout_id: str,
    office: str,
    phases: Iterable[tuple[str, CameraPhase, str]],
    at: datetime,
) -> None:
    """Record phase and detail of cameras: `(camera_id, phase, detail)` each."""
    rows = [
        {
            "camera_id": camera_id,
            "office": office,
            "rollout_id": rollout_id,
            "phase": phase,
            "detail": detail,
            "updated_at": at,
        }
        for camera_id, phase, detail in phases
    ]
    if not rows:
        return
    statement = insert(camera_state)
    changed = {name: statement.excluded[name] for name in rows[0] if name != "camera_id"}
    connection.execute(statement.on_conflict_do_update(index_elements=["camera_id"], set_=changed), rows)


def camera_phases(connection: Connection, rollout_id: str) -> dict[str, tuple[str, str, str]]:
    """Return `{camera_id: (office, phase, detail)}` of a rollout."""
    rows = connection.execute(
        select(camera_state)
        .where(camera_state.c.rollout_id == rollout_id)
        .order_by(camera_state.c.office, camera_state.c.camera_id)
    )
    return {row.camera_id: (row.office, row.phase, row.detail) for row in rows}
