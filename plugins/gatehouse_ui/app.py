"""Put the rollout pages together, behind Airflow's own login and rights.

Viewing takes the right to read runs of `office_rollout`, commanding the right to edit them. Every command
is an event in the ledger with the user's name and reason; tasks obey it before their next change.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from airflow.configuration import conf
from fastapi import FastAPI, Request, Response
from starlette.staticfiles import StaticFiles

from gatehouse_provider.hooks.ledger import LedgerHook
from gatehouse_provider.settings import config_dir
from gatehouse_ui import commanding, viewing
from gatehouse_ui.press import Presses
from gatehouse_ui.rendering import HEADERS, STATIC
from gatehouse_ui.serving import Serving, tell_problems
from gatehouse_ui.surroundings import CompanyReader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@cache
def application() -> FastAPI:
    """Return this process's app, made with the first request."""
    secret = conf.get_mandatory_value("api", "secret_key")
    served = Serving(LedgerHook(), CompanyReader(config_dir), Presses(secret), lambda: datetime.now(UTC))
    return build(served)


def build(served: Serving) -> FastAPI:
    """Build the app on what it is served with."""
    app = FastAPI(title="Gatehouse", openapi_url=None)
    app.state.serving = served
    app.include_router(viewing.router)
    app.include_router(commanding.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    tell_problems(app)

    @app.middleware("http")
    async def protect(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await go_on(request)
        response.headers.update(HEADERS)
        return response

    return app
