"""Remember what a rollout found before it changed anything, and every call that changes something.

A call is written down before it is made and again after it. A crash between leaves it `calling`: it may
have been carried out or not, and what AWS has tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert

from gatehouse.ledger.tables import camera_call, camera_state, office_state
from gatehouse.rollout.rollback import Call
from gatehouse.rollout.state import State, state_from_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from gatehouse.rollout.rollback import CallState
    from gatehouse.rollout.state import Resource

Action = tuple[str, str, str]


def save_before(
    connection: Connection, rollout_id: str, office: str, state: State, cameras: Iterable[str], at: datetime
) -> None:
    """Keep what an office and these cameras have, unless this rollout kept it already.

    Call it before the first change; run again after a crash it must not take the half-done for the old.
    """
    own = [resource.to_json() for resource in state.values() if not resource.camera_id]
    statement = insert(office_state).values(rollout_id=rollout_id, office=office, before=own, updated_at=at)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["rollout_id", "office"],
            set_={"before": func.coalesce(office_state.c.before, statement.excluded.before)},
        )
    )
    found: dict[str, list[dict[str, Any]]] = {camera_id: [] for camera_id in sorted(cameras)}
    for resource in state.values():
        if resource.camera_id in found:
            found[resource.camera_id].append(resource.to_json())
    common = {"rollout_id": rollout_id, "office": office, "phase": "planned", "updated_at": at}
    rows = [{**common, "camera_id": camera_id, "before": before} for camera_id, before in found.items()]
    if rows:
        added = insert(camera_state).values(rows)
        connection.execute(
            added.on_conflict_do_update(
                index_elements=["rollout_id", "camera_id"],
                set_={"before": func.coalesce(camera_state.c.before, added.excluded.before)},
            )
        )


def before_of(connection: Connection, rollout_id: str, office: str) -> State:
    """Return what an office and its cameras had before this rollout changed anything there."""
    mine = (office_state.c.rollout_id == rollout_id) & (office_state.c.office == office)
    state = dict(_states(connection.execute(select(office_state.c.before).where(mine)).scalars()))
    cameras = (camera_state.c.rollout_id == rollout_id) & (camera_state.c.office == office)
    return state | _states(connection.execute(select(camera_state.c.before).where(cameras)).scalars())


def _states(kept: Iterable[list[dict[str, Any]] | None]) -> State:
    return state_from_json(resource for state in kept for resource in state or [])


def saved_cameras(connection: Connection, rollout_id: str, office: str) -> set[str]:
    """Return the cameras whose state before is kept: only these may be changed, or rolled back."""
    rows = connection.execute(
        select(camera_state.c.camera_id).where(
            camera_state.c.rollout_id == rollout_id,
            camera_state.c.office == office,
            camera_state.c.before.is_not(None),
        )
    )
    return set(rows.scalars())


def save_desired(
    connection: Connection, rollout_id: str, desired: Mapping[str, Iterable[Resource]], at: datetime
) -> None:
    """Keep what known cameras shall have."""
    for camera_id, resources in sorted(desired.items()):
        connection.execute(
            camera_state.update()
            .where(camera_state.c.rollout_id == rollout_id, camera_state.c.camera_id == camera_id)
            .values(desired=[resource.to_json() for resource in resources], updated_at=at)
        )


def mark_changed(connection: Connection, rollout_id: str, cameras: Iterable[str], at: datetime) -> None:
    """Note that cameras were changed: evidence counts from the last change on."""
    connection.execute(
        camera_state.update()
        .where(camera_state.c.rollout_id == rollout_id, camera_state.c.camera_id.in_(list(cameras)))
        .where(or_(camera_state.c.changed_at.is_(None), camera_state.c.changed_at < at))
        .values(changed_at=at)
    )


def changed_at(connection: Connection, rollout_id: str) -> dict[str, datetime]:
    """Return since when evidence counts, for every camera this rollout changed."""
    rows = connection.execute(
        select(camera_state.c.camera_id, camera_state.c.changed_at).where(
            camera_state.c.rollout_id == rollout_id, camera_state.c.changed_at.is_not(None)
        )
    )
    return {row.camera_id: row.changed_at for row in rows}


def plan_calls(
    connection: Connection, rollout_id: str, office: str, actions: Iterable[Action], at: datetime
) -> None:
    """Note the calls to come, `(camera_id, action, resource)` each; those begun or done stay as they are."""
    rows = [_row(rollout_id, office, action, "planned", at) for action in sorted(set(actions))]
    if rows:
        connection.execute(insert(camera_call).values(rows).on_conflict_do_nothing())


def begin_call(connection: Connection, rollout_id: str, office: str, action: Action, at: datetime) -> None:
    """Note, before it is made, that a call is being made; commit before making it."""
    _set(connection, rollout_id, office, action, "calling", at, "")


def end_call(
    connection: Connection, rollout_id: str, office: str, action: Action, at: datetime, error: str = ""
) -> None:
    """Note what came of a call: it is done, or failed with this error."""
    _set(connection, rollout_id, office, action, "failed" if error else "done", at, error)


def _set(
    connection: Connection,
    rollout_id: str,
    office: str,
    action: Action,
    state: CallState,
    at: datetime,
    detail: str,
) -> None:
    begun = int(state == "calling")
    row = {**_row(rollout_id, office, action, state, at), "detail": detail, "attempts": begun}
    connection.execute(
        insert(camera_call)
        .values(row)
        .on_conflict_do_update(
            index_elements=["rollout_id", "camera_id", "action", "resource"],
            set_={"state": state, "at": at, "detail": detail, "attempts": camera_call.c.attempts + begun},
        )
    )


def _row(rollout_id: str, office: str, action: Action, state: CallState, at: datetime) -> dict[str, Any]:
    camera_id, name, resource = action
    return {
        "rollout_id": rollout_id,
        "office": office,
        "camera_id": camera_id,
        "action": name,
        "resource": resource,
        "state": state,
        "at": at,
    }


def calls_of(connection: Connection, rollout_id: str, office: str) -> list[Call]:
    """Return an office's calls as the planner of a roll-back reads them."""
    rows = connection.execute(
        select(camera_call.c.action, camera_call.c.resource, camera_call.c.state).where(
            camera_call.c.rollout_id == rollout_id, camera_call.c.office == office
        )
    )
    return [Call(*row) for row in rows]


def later_run(connection: Connection, rollout_id: str, office: str) -> str:
    """Name the last run whose changes to an office came after this one's first, and stand; empty if none.

    What this run found no longer is what was before those. A run that rolled the office back has no part
    in it any more.
    """
    here = (camera_call.c.office == office) & (camera_call.c.state != "planned")
    began = select(func.min(camera_call.c.at)).where(here, camera_call.c.rollout_id == rollout_id)
    rows = connection.execute(
        select(camera_call.c.rollout_id)
        .where(here, camera_call.c.rollout_id != rollout_id)
        .group_by(camera_call.c.rollout_id)
        .having(func.max(camera_call.c.at) > began.scalar_subquery())
        .order_by(func.max(camera_call.c.at).desc())
    )
    return next((run for run in rows.scalars() if not _undone(connection, run, office)), "")


def _undone(connection: Connection, rollout_id: str, office: str) -> bool:
    """Tell whether a run rolled an office back: one that kept nothing of it can't have."""
    steps = connection.execute(
        select(camera_state.c.phase).where(
            camera_state.c.rollout_id == rollout_id,
            camera_state.c.office == office,
            camera_state.c.before.is_not(None),
        )
    )
    return set(steps.scalars()) == {"rolled_back"}
