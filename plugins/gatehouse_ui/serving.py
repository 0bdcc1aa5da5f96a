"""Hold what every request needs, and turn what goes wrong into a page that says what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request, status
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from gatehouse.exceptions import GatehouseError
from gatehouse_ui.press import PressError
from gatehouse_ui.rendering import page

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fastapi import FastAPI
    from fastapi.responses import HTMLResponse

    from gatehouse_provider.hooks.ledger import LedgerHook
    from gatehouse_ui.press import Presses
    from gatehouse_ui.surroundings import CompanyReader

TITLES = {
    status.HTTP_401_UNAUTHORIZED: "Sign in to Airflow",
    status.HTTP_403_FORBIDDEN: "Not allowed",
    status.HTTP_404_NOT_FOUND: "Not found",
    status.HTTP_409_CONFLICT: "Not done",
    status.HTTP_422_UNPROCESSABLE_CONTENT: "Something is missing",
    status.HTTP_503_SERVICE_UNAVAILABLE: "The ledger doesn't answer",
}


@dataclass(frozen=True, slots=True)
class Serving:
    """Hold the ledger, the configuration, the signer of forms and the clock."""

    ledger: LedgerHook
    company: CompanyReader
    presses: Presses
    now: Callable[[], datetime]


def serving(request: Request) -> Serving:
    """Return what this app was built with."""
    found: Serving = request.app.state.serving
    return found


Served = Annotated[Serving, Depends(serving)]


def problem(request: Request, code: int, message: str) -> HTMLResponse:
    """Return a page that says what is wrong and what to do."""
    title = TITLES.get(code, "That didn't work")
    return page(request, "problem.html.j2", {"title": title, "message": message, "stop": None}, code)


def tell_problems(app: FastAPI) -> None:
    """Let every error end in such a page."""

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> HTMLResponse:
        return problem(request, error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    def incomplete(request: Request, error: RequestValidationError) -> HTMLResponse:
        fields = ", ".join(sorted({str(each["loc"][-1]) for each in error.errors()}))
        message = f"Missing or wrong: {fields}. Nothing was changed. Go back and fill it in"
        return problem(request, status.HTTP_422_UNPROCESSABLE_CONTENT, message)

    @app.exception_handler(PressError)
    def foreign(request: Request, error: PressError) -> HTMLResponse:
        return problem(request, status.HTTP_403_FORBIDDEN, str(error))

    @app.exception_handler(GatehouseError)
    def declined(request: Request, error: GatehouseError) -> HTMLResponse:
        return problem(request, status.HTTP_409_CONFLICT, str(error))

    @app.exception_handler(OperationalError)
    def silent(request: Request, error: OperationalError) -> HTMLResponse:
        del error  # It names hosts; Airflow's log of this process has it.
        message = "See that its database runs, and Airflow's connection gatehouse_ledger. Nothing was changed"
        return problem(request, status.HTTP_503_SERVICE_UNAVAILABLE, message)
