"""Serve `/_gatehouse/…`: health, faults, the call log, quotas and coverage."""

from __future__ import annotations

import itertools
import json
from collections import deque
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from gatehouse_local.core.calls import Filter
from gatehouse_local.core.door import CONTROL
from gatehouse_local.core.faults import NAMED, FaultSpecError
from gatehouse_local.core.quotas import QuotaSpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from gatehouse_local.core.exchange import Rules

_CALLS_SHOWN = 1000
_BLOCK_LINES = 500


class Control:
    """Answer what operators and tests ask of the local cloud itself."""

    def __init__(
        self,
        rules: Rules,
        health: Callable[[], Mapping[str, Any]],
        coverage: Callable[[], list[dict[str, str]]],
    ) -> None:
        self._rules = rules
        self._health = health
        self._coverage = coverage

    def app(self) -> Starlette:
        """Make the ASGI app of these pages."""
        routes = [
            Route(f"{CONTROL}/health", self.health),
            Route(f"{CONTROL}/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route(f"{CONTROL}/calls", self.calls),
            Route(f"{CONTROL}/quotas", self.quotas, methods=["GET", "POST"]),
            Route(f"{CONTROL}/coverage", self.coverage),
        ]
        refusals = {FaultSpecError: _bad_request, QuotaSpecError: _bad_request}
        return Starlette(routes=routes, exception_handlers=refusals)

    async def health(self, request: Request) -> Response:
        """Say how the parts are; 503 while moto's state is missing."""
        health = self._health()
        return JSONResponse(health, 200 if health["status"] == "ok" else 503)

    async def faults(self, request: Request) -> Response:
        """List, switch on (`{"service", "operation", "kind", …}` or `{"name", …}`) or off (`?id=`)."""
        faults = self._rules.faults
        if request.method == "POST":
            spec = await _object(request)
            if "seed" in spec:
                faults.reseed(int(spec.pop("seed")))
            return JSONResponse({"id": faults.add(spec).id}, 201)
        if request.method == "DELETE":
            return JSONResponse({"removed": faults.remove(request.query_params.get("id", ""))})
        return JSONResponse({"faults": faults.list(), "names": dict(NAMED)})

    async def calls(self, request: Request) -> Response:
        """Return the last calls (`since`, `service`, `operation`, `region`, `limit`) or `summary=1`.

        The answer is written as the log is read; `limit=0` returns every call that is wanted.
        """
        query = request.query_params
        try:
            since, limit = float(query.get("since", 0)), int(query.get("limit", _CALLS_SHOWN))
        except ValueError as error:
            raise HTTPException(400, f"since is epoch seconds, limit a number: {error}") from error
        wanted = Filter(since, *(query.get(key, "") for key in ("service", "operation", "region")))
        log = self._rules.calls
        if query.get("summary", "") not in ("", "0"):
            return JSONResponse({"summary": await run_in_threadpool(log.summary, wanted)})
        return StreamingResponse(_listed(log.lines(wanted), limit), media_type="application/json")

    async def quotas(self, request: Request) -> Response:
        """List the quotas of a service, or change one (`{"service", "name", "limit", "region"?}`)."""
        quotas = self._rules.quotas
        if request.method == "POST":
            spec = await _object(request)
            missing = {"service", "name", "limit"} - set(spec)
            if missing:
                raise QuotaSpecError(f"missing {sorted(missing)}: no quota was changed")
            where = {key: str(spec[key]) for key in ("region", "account") if key in spec}
            quotas.set(str(spec["service"]), str(spec["name"]), spec["limit"], **where)
        return JSONResponse({"quotas": quotas.describe(request.query_params.get("service", ""))})

    async def coverage(self, request: Request) -> Response:
        """Return every operation of our own services: faithful, partial or absent."""
        return JSONResponse({"operations": await run_in_threadpool(self._coverage)})


def _listed(lines: Iterator[str], limit: int) -> Iterator[str]:
    """Write `{"calls": […], "total": n}`, holding the last `limit` lines at most, or a block of them."""
    total = itertools.count()
    # `zip` asks the lines first, so what `total` says next is how many there were.
    counted = (line for line, _ in zip(lines, total, strict=False))
    shown: Iterable[str] = deque(counted, maxlen=limit) if limit > 0 else counted
    rest = iter(shown)
    separator = '{"calls":['
    # In blocks: each one costs a change of threads.
    while block := list(itertools.islice(rest, _BLOCK_LINES)):
        yield separator + ",".join(block)
        separator = ","
    yield ("" if separator == "," else separator) + f'],"total":{next(total)}}}'


async def _object(request: Request) -> dict[str, Any]:
    try:
        spec = await request.json()
    except json.JSONDecodeError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from error
    if not isinstance(spec, dict):
        raise HTTPException(400, "the body is one JSON object")
    return spec


async def _bad_request(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)
