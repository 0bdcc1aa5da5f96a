"""Remember what reconciling healed: a heal is written down before it is tried, so that every one counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, union

from gatehouse.ledger.rollouts import load_plan
from gatehouse.ledger.tables import approval, camera_call, camera_state, control_event, heal, rollout
from gatehouse.reconcile.heal import Past

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select

    from gatehouse.reconcile.heal import Mend
    from gatehouse.rollout.phases import CameraStep

ROLLOUT = "rollout"  # what a plan is that doesn't say
# How cameras end whose wave passed; the few that it set aside are within the tolerance that was approved.
PASSED: tuple[CameraStep, ...] = ("healthy", "prepared", "quarantined")


def begin_heals(
    connection: Connection, run_id: str, office: str, mends: Sequence[Mend], at: datetime
) -> None:
    """Note heals before they are tried; commit before trying the first."""
    rows = [
        {
            "subject": mend.subject,
            "kind": mend.kind,
            "resource": mend.drift.name,
            "at": at,
            "office": office,
            "cause": mend.drift.cause,
            "run_id": run_id,
            "state": "calling",
            "detail": mend.drift.reason,
        }
        for mend in mends
    ]
    if rows:
        connection.execute(heal.insert(), rows)


def end_heal(connection: Connection, mend: Mend, at: datetime, error: str = "") -> None:
    """Note what came of a heal begun at `at`: it was carried out, or failed with this error."""
    values = {"state": "failed", "detail": error} if error else {"state": "done"}
    connection.execute(
        heal.update()
        .where(
            heal.c.subject == mend.subject,
            heal.c.kind == mend.kind,
            heal.c.resource == mend.drift.name,
            heal.c.at == at,
        )
        .values(**values)
    )


def heals_since(connection: Connection, office: str, since: datetime) -> list[Past]:
    """Return an office's heals that were begun after a time, whatever came of them."""
    rows = connection.execute(
        select(heal.c.subject, heal.c.kind, heal.c.at)
        .where(heal.c.office == office, heal.c.at > since)
        .order_by(heal.c.at)
    )
    return [Past(*row) for row in rows]


def approved_basis(connection: Connection, office: str) -> dict[str, str] | None:
    """Return what the configuration wanted of an office when that was last carried out; None if it never was.

    A run counts whose plan was approved, which nobody called back, and of which every camera planned here
    passed: one that was rejected, stopped before its last wave here, or rolled back leaves in force what
    was before. A decommissioning counts from its first call on, so that nothing heals what it removes.
    """
    for run in connection.execute(_agreed(office)).all():
        if _carried_out(connection, office, run.rollout_id, run.created_at):
            found = select(_basis(office)).where(rollout.c.rollout_id == run.rollout_id)
            return connection.execute(found).scalar()
    return None


def _agreed(office: str) -> Select[tuple[str, datetime]]:
    """Select the runs that got as far as this office and stand, newest first."""
    acted = union(
        select(camera_state.c.rollout_id).where(camera_state.c.office == office),
        select(camera_call.c.rollout_id).where(
            camera_call.c.office == office, camera_call.c.state != "planned"
        ),
    )
    return (
        select(rollout.c.rollout_id, rollout.c.created_at)
        .join(
            approval,
            (approval.c.rollout_id == rollout.c.rollout_id) & (approval.c.plan_hash == rollout.c.plan_hash),
        )
        .where(
            rollout.c.dry_run.is_(False),
            rollout.c.desired_phase != "rollback",
            approval.c.decision == "approved",
            _basis(office).as_string().is_not(None),
            rollout.c.rollout_id.in_(acted),
        )
        .order_by(rollout.c.created_at.desc())
    )


def _basis(office: str) -> ColumnElement[Any]:
    return rollout.c.plan["offices"][office]["basis"]


def _carried_out(connection: Connection, office: str, rollout_id: str, planned_at: datetime) -> bool:
    """Tell whether all cameras planned here passed; how they ended before it was planned anew is no proof."""
    plan = load_plan(connection, rollout_id) or {}
    if plan.get("kind", ROLLOUT) != ROLLOUT:
        return True
    units = [unit for wave in plan["waves"] for unit in wave["units"] if unit["office"] == office]
    passed = connection.execute(
        select(camera_state.c.camera_id).where(
            camera_state.c.rollout_id == rollout_id,
            camera_state.c.phase.in_(PASSED),
            camera_state.c.updated_at >= planned_at,
        )
    ).scalars()
    return bool(units) and {camera_id for unit in units for camera_id in unit["cameras"]} <= set(passed)


def stop_in_force(connection: Connection) -> str:
    """Return who stopped everything and why, or nothing if nobody did; of both at once, the stop counts."""
    last = connection.execute(
        select(control_event)
        .where(control_event.c.rollout_id.is_(None))
        .order_by(control_event.c.at.desc(), control_event.c.command.desc())
        .limit(1)
    ).first()
    return f"{last.who}'s stop of everything ({last.reason})" if last and last.command == "stop_all" else ""
