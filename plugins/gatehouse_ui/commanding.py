"""Take commands: who, when and why go into the ledger, and are obeyed before the next change.

A task reads what is wanted from the ledger, so a command holds whatever runs at the time: it outlives a
restart of the scheduler, the triggerer and this process.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from fastapi import APIRouter, Form, HTTPException, Request, Response, status
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field, StringConstraints

from gatehouse.exceptions import LedgerError
from gatehouse.ledger.control import (
    Event,
    command_company,
    command_rollout,
    control_events,
    grant_hotfix,
    steering,
)
from gatehouse.ledger.rollouts import load_plan, load_rollout, waves_of
from gatehouse_ui.access import Commander, allowed, dag_of
from gatehouse_ui.commands import ButtonCommand, Standing, wave_under_way, why_not
from gatehouse_ui.press import COMPANY
from gatehouse_ui.serving import Served
from gatehouse_ui.viewing import show_rollout

if TYPE_CHECKING:
    from sqlalchemy import Connection

router = APIRouter()
LONGEST_HOTFIX_HOURS = 72
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class Order(BaseModel):
    """Hold the form of a command; `wave` is the one that the page showed as under way."""

    token: str
    command: ButtonCommand
    reason: Reason
    wave: str = ""
    hours: Annotated[int, Field(ge=1, le=LONGEST_HOTFIX_HOURS)] = 1


class CompanyOrder(BaseModel):
    """Hold the form of a stop or release of everything."""

    token: str
    command: Literal["stop_all", "release_all"]
    reason: Reason


@router.post("/rollout/{rollout_id:path}")
def command_one(
    request: Request, rollout_id: str, user: Commander, served: Served, order: Annotated[Order, Form()]
) -> Response:
    """Command one rollout, once however often the form is sent; a refusal shows the page with the reason."""
    event_id = served.presses.event_id(order.token, user.get_id(), rollout_id)
    event = Event(event_id, served.now(), user.get_name(), order.reason)
    try:
        with served.ledger.begin() as connection:
            standing = _standing(connection, rollout_id, user)
            if not any(known["event_id"] == event_id for known in control_events(connection, rollout_id)):
                _carry_out(connection, standing, order, event)
    except LedgerError as error:
        return show_rollout(request, rollout_id, user, served, refused=str(error))
    where = f"{request.scope.get('root_path', '')}/rollout/{quote(rollout_id, safe='')}?done={event_id}"
    return RedirectResponse(where, status.HTTP_303_SEE_OTHER)


def _standing(connection: Connection, rollout_id: str, user: BaseUser) -> Standing:
    found, plan = load_rollout(connection, rollout_id), load_plan(connection, rollout_id)
    if found is None or plan is None:
        msg = f"There is no rollout {rollout_id}; nothing was changed. See the list of rollouts"
        raise HTTPException(status.HTTP_404_NOT_FOUND, msg)
    kind = plan.get("kind", "")
    allowed(user, "PUT", dag_of(kind))
    promoted = steering(connection, rollout_id).promoted
    return Standing(found, wave_under_way(waves_of(connection, rollout_id)), promoted, kind)


def _carry_out(connection: Connection, standing: Standing, order: Order, event: Event) -> None:
    """Record a command, or raise LedgerError with the reason it makes no sense; then nothing is recorded."""
    rollout_id = standing.rollout.rollout_id
    if refused := why_not(order.command, standing) or _passed_by(order, standing.wave):
        msg = f"{refused}. Rollout {rollout_id} was not changed"
        raise LedgerError(msg)
    if order.command == "hotfix":
        grant_hotfix(connection, rollout_id, event, event.at + timedelta(hours=order.hours))
    else:
        command_rollout(connection, rollout_id, order.command, event, order.wave)


def _passed_by(order: Order, under_way: str) -> str:
    """Say that a page was looked at for too long: its wave is another one by now."""
    if order.command != "promote" or order.wave == under_way:
        return ""
    return f"Wave '{order.wave}' isn't under way, '{under_way}' is"


@router.post("/fleet")
def command_everything(
    request: Request, user: Commander, served: Served, order: Annotated[CompanyOrder, Form()]
) -> RedirectResponse:
    """Stop or release everything, once however often the form is sent; it takes the right on rollouts."""
    allowed(user, "PUT")
    event_id = served.presses.event_id(order.token, user.get_id(), COMPANY)
    with served.ledger.begin() as connection:
        event = Event(event_id, served.now(), user.get_name(), order.reason)
        command_company(connection, order.command, event)
    return RedirectResponse(f"{request.scope.get('root_path', '')}/fleet", status.HTTP_303_SEE_OTHER)
