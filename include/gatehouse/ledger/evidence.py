"""Remember what the gate saw, who approved, and the evidence bundles that were written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from gatehouse.exceptions import LedgerError
from gatehouse.ledger.control import control_events
from gatehouse.ledger.rollouts import camera_phases, load_plan, load_rollout, waves_of
from gatehouse.ledger.tables import analysis, approval, camera_call, evidence_bundle, probe
from gatehouse.rollout.evidence import RolloutRecord
from gatehouse.rollout.sample import CameraSample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Table

    from gatehouse.rollout.evidence import Bundle
    from gatehouse.rollout.gate import Analysis


def record_analysis(
    connection: Connection,
    rollout_id: str,
    wave: str,
    at: datetime,
    found: Analysis,
    samples: Sequence[CameraSample],
    unit: str = "",
) -> None:
    """Keep one look of the gate: its samples and what it made of them; the same look again is one.

    `unit` tells apart the tasks that look at one wave.
    """
    rows = {"judged": found.to_json(), "samples": [sample.to_json() for sample in samples]}
    values = {"result": found.result, "samples": rows, "reason": found.reason}
    connection.execute(
        insert(analysis)
        .values(rollout_id=rollout_id, wave=wave, unit=unit, at=at, **values)
        .on_conflict_do_nothing()
    )


def samples_of(connection: Connection, rollout_id: str, wave: str, unit: str = "") -> list[CameraSample]:
    """Return a wave's samples so far: a bake that is taken up goes on with them."""
    rows = connection.execute(
        select(analysis.c.samples)
        .where(analysis.c.rollout_id == rollout_id, analysis.c.wave == wave, analysis.c.unit == unit)
        .order_by(analysis.c.at)
    )
    return [CameraSample.from_json(item) for row in rows.scalars() for item in row["samples"]]


def record_approval(
    connection: Connection, rollout_id: str, plan_hash: str, decision: str, decided_by: str, at: datetime
) -> bool:
    """Keep who decided on a plan's hash; False if that was decided before, which stands."""
    added = connection.execute(
        insert(approval)
        .values(
            rollout_id=rollout_id,
            plan_hash=plan_hash,
            decision=decision,
            decided_by=decided_by,
            decided_at=at,
        )
        .on_conflict_do_nothing()
        .returning(approval.c.decision)
    )
    return added.first() is not None


def decision_on(connection: Connection, rollout_id: str, plan_hash: str) -> str:
    """Return what was decided on a plan's hash; empty if nothing was."""
    row = connection.execute(
        select(approval.c.decision).where(
            approval.c.rollout_id == rollout_id, approval.c.plan_hash == plan_hash
        )
    ).first()
    return str(row.decision) if row else ""


def rollout_record(
    connection: Connection, rollout_id: str, versions: Mapping[str, str] | None = None
) -> RolloutRecord:
    """Gather everything the ledger knows of an ended rollout; raises LedgerError before its end."""
    found, plan = load_rollout(connection, rollout_id), load_plan(connection, rollout_id)
    if found is None or plan is None or found.ended_at is None:
        msg = f"Rollout {rollout_id} hasn't ended; no evidence was written. Report its end first"
        raise LedgerError(msg)
    return RolloutRecord(
        rollout_id=rollout_id,
        phase=found.phase,
        detail=found.detail,
        created_at=found.created_at,
        ended_at=found.ended_at,
        plan=plan,
        plan_hash=found.plan_hash,
        approvals=_rows(connection, approval, rollout_id, "decided_at"),
        waves=waves_of(connection, rollout_id),
        analyses=_rows(connection, analysis, rollout_id, "wave", "at", "unit"),
        probes=_rows(connection, probe, rollout_id, "camera_id", "start_ms"),
        calls=_rows(connection, camera_call, rollout_id, "office", "camera_id", "action", "resource"),
        # A stop of everything that came later is no part of this rollout.
        controls=[event for event in control_events(connection, rollout_id) if event["at"] <= found.ended_at],
        verification={
            camera_id: {"office": office, "step": step, "detail": detail}
            for camera_id, (office, step, detail) in camera_phases(connection, rollout_id).items()
        },
        versions=versions,
    )


def _rows(connection: Connection, table: Table, rollout_id: str, *order: str) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(table).where(table.c.rollout_id == rollout_id).order_by(*(table.c[name] for name in order))
    )
    return [dict(row) for row in rows.mappings()]


def record_bundle(
    connection: Connection, rollout_id: str, bucket: str, bundle: Bundle, version_id: str, at: datetime
) -> None:
    """List a bundle that S3 holds; listing it again changes nothing.

    Raises LedgerError where this key is listed with other content: bundles are never changed.
    """
    connection.execute(
        insert(evidence_bundle)
        .values(
            rollout_id=rollout_id,
            bucket=bucket,
            key=bundle.key,
            sha256=bundle.sha256,
            version_id=version_id,
            at=at,
        )
        .on_conflict_do_nothing()
    )
    if bundles_of(connection, rollout_id).get(bundle.key) != bundle.sha256:
        msg = (
            f"Evidence {bundle.key} is listed with other content and was not replaced. Compare the object in "
            f"bucket {bucket} with its digest in the ledger: one of them was tampered with"
        )
        raise LedgerError(msg)


def bundles_of(connection: Connection, rollout_id: str) -> dict[str, str]:
    """Return the bundles of a rollout (key → sha256)."""
    rows = connection.execute(
        select(evidence_bundle.c.key, evidence_bundle.c.sha256).where(
            evidence_bundle.c.rollout_id == rollout_id
        )
    )
    return {row.key: row.sha256 for row in rows}
