"""Answer what people look at: the list, one rollout, the fleet, and their tables as CSV."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from fastapi import APIRouter, HTTPException, Request, Response, status
from fastapi.responses import HTMLResponse, RedirectResponse

from gatehouse.ledger.overview import kind_of, list_rollouts
from gatehouse_ui import fleet_page, rollout_page
from gatehouse_ui.access import DAG_ID, DAGS, Viewer, allowed, dag_of, kinds_for, may, needs
from gatehouse_ui.commands import buttons
from gatehouse_ui.lanes import segments
from gatehouse_ui.press import COMPANY
from gatehouse_ui.rendering import page
from gatehouse_ui.serving import Served, Serving
from gatehouse_ui.tables import TABLES, rollouts_table, to_csv

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gatehouse_ui.surroundings import Surroundings

router = APIRouter()
LISTED = 50


@router.get("/")
def start(request: Request, user: Viewer) -> RedirectResponse:
    """Lead to the list."""
    del user
    return RedirectResponse(f"{request.scope.get('root_path', '')}/rollouts")


@router.get("/rollouts")
def rollouts(request: Request, user: Viewer, served: Served, before: datetime | None = None) -> HTMLResponse:
    """Show the latest rollouts that the user may see, or those before a moment."""
    with served.ledger.begin() as connection:
        lines = list_rollouts(connection, LISTED, before, kinds_for(user))
        values = _common(connection, served)
    bars = {line.rollout_id: segments(line.cameras) for line in lines}
    more = lines[-1].created_at if len(lines) == LISTED else None
    return page(request, "rollouts.html.j2", {**values, "lines": lines, "bars": bars, "more": more})


@router.get("/run/{dag_id}/{run_id:path}")
def run(request: Request, dag_id: str, run_id: str, user: Viewer, served: Served) -> HTMLResponse:
    """Show the rollout of a run in Airflow; runs of other DAGs have none, and the page says so."""
    if dag_id not in DAGS.values():
        message = f"This is a run of {dag_id}; only those of {' and '.join(DAGS.values())} have a page here"
        raise HTTPException(status.HTTP_404_NOT_FOUND, message)
    return show_rollout(request, run_id, user, served)


@router.get("/rollout/{rollout_id:path}")
def rollout(request: Request, rollout_id: str, user: Viewer, served: Served, done: str = "") -> HTMLResponse:
    """Show one rollout; `done` names the event that this user's press has just made."""
    return show_rollout(request, rollout_id, user, served, done=done)


def show_rollout(
    request: Request, rollout_id: str, user: BaseUser, served: Serving, *, done: str = "", refused: str = ""
) -> HTMLResponse:
    """Return a rollout's page; with a refusal it is a conflict."""
    around, now = served.company.read(), served.now()
    with served.ledger.begin() as connection:
        found = rollout_page.gather(connection, rollout_id, now)
        values = _common(connection, served)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, _unknown(rollout_id))
    dag_id = dag_of(found.plan.kind)
    allowed(user, "GET", dag_id)
    values |= {
        "found": found,
        "dag_id": dag_id,
        "counts": rollout_page.phase_counts(found),
        "frozen": [] if found.rollout.ended_at else around.frozen(found.offices, now, found.wanted),
        "buttons": buttons(found.standing, _forbidden(user, dag_id)),
        "token": lambda: served.presses.sign(user.get_id(), rollout_id),
        "done": found.event(done),
        "refused": refused,
    }
    code = status.HTTP_409_CONFLICT if refused else status.HTTP_200_OK
    return page(request, "rollout.html.j2", values, code)


@router.get("/fleet")
def fleet(request: Request, user: Viewer, served: Served) -> HTMLResponse:
    """Show the global stop and every office."""
    around, now = served.company.read(), served.now()
    with served.ledger.begin() as connection:
        found = fleet_page.gather(connection, around, now, kinds_for(user))
        values = _common(connection, served)
    values |= {
        "found": found,
        "forbidden": _forbidden(user),
        "token": lambda: served.presses.sign(user.get_id(), COMPANY),
    }
    return page(request, "fleet.html.j2", values)


@router.get("/table/rollouts")
def all_rollouts(user: Viewer, served: Served) -> Response:
    """Return the list of rollouts that the user may see as CSV."""
    with served.ledger.begin() as connection:
        text = to_csv(rollouts_table(connection, kinds_for(user)), served.company.read())
    return _csv(text, "rollouts")


@router.get("/table/{name}/{rollout_id:path}")
def table(name: str, rollout_id: str, user: Viewer, served: Served) -> Response:
    """Return one of a rollout's tables as CSV, to whom its page is shown."""
    if name not in TABLES:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"No table {name}. There are {', '.join(TABLES)}")
    with served.ledger.begin() as connection:
        kind = kind_of(connection, rollout_id)
        if kind is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, _unknown(rollout_id))
        allowed(user, "GET", dag_of(kind))
        text = to_csv(TABLES[name](connection, rollout_id), served.company.read())
    return _csv(text, f"{name}-{rollout_id}")


def _unknown(rollout_id: str) -> str:
    return f"There is no rollout {rollout_id} yet: its task plan makes it. See the list of rollouts"


def _csv(text: str, name: str) -> Response:
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
    headers = {"Content-Disposition": f'attachment; filename="{safe}.csv"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _common(connection: Connection, served: Serving) -> dict[str, Any]:
    """Return what every page shows: the stop in force, the clock, and what the configuration says."""
    around: Surroundings = served.company.read()
    return {
        "around": around,
        "dag_id": DAG_ID,
        "dag_of": dag_of,
        "tell": around.tell,
        "now": served.now(),
        "stop": fleet_page.stop_in_force(connection),
    }


def _forbidden(user: BaseUser, dag_id: str = DAG_ID) -> str:
    return "" if may(user, "PUT", dag_id) else f"You may look, not command. {needs('PUT', dag_id)}"
