"""Route every call: our own services answer here, everything else is forwarded.

The service comes from the SigV4 scope. Kinesis Video's three services sign alike and differ by path.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from starlette.routing import Match

from gatehouse_local.core.decode import SerializationError, decode_request, serialization_error
from gatehouse_local.core.encode import Answer, encode_error, encode_output
from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.exchange import Exchange
from gatehouse_local.core.model import Api, load_api
from gatehouse_local.core.signature import caller_of
from gatehouse_local.core.validate import validate
from gatehouse_local.core.wire import ClientGoneError, call_of, headers_of, read_body, send_answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from botocore.model import OperationModel
    from starlette.requests import Request
    from starlette.routing import Route
    from starlette.types import ASGIApp, Receive, Scope, Send

    from gatehouse_local.core.exchange import Forwarder, Rules
    from gatehouse_local.core.model import HttpCall
    from gatehouse_local.core.service import CallContext, Operation, Service

log = logging.getLogger(__name__)

CONTROL = "/_gatehouse"
_EXCHANGE = "gatehouse.exchange"
_THREADS = 64


async def admit(request: Request, service: str, operation: str, resource: str = "") -> CallContext:
    """Let one call of a streaming route in, or raise the `AwsError` that refuses it.

    Await it first in the route. `service` is the botocore name; `resource` is the stream for quotas
    per stream. The front door answers an `AwsError` that leaves the route in the service's protocol
    and logs the call when its response starts.
    """
    exchange: Exchange = request.scope[_EXCHANGE]
    return await exchange.admit(service, operation, resource)


class Door:
    """The ASGI app on the one port."""

    def __init__(self, services: Iterable[Service], rules: Rules, proxy: Forwarder, control: ASGIApp) -> None:
        self._rules = rules
        self._proxy = proxy
        self._control = control
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="operation")
        self._apis: dict[str, list[Api]] = {}
        self._handlers: dict[tuple[str, str], Operation] = {}
        self._routes: list[tuple[Api, Route]] = []
        for service in services:
            self._register(service)

    def _register(self, service: Service) -> None:
        api = load_api(service.model)
        apis = self._apis.setdefault(api.signing_name, [])
        if api not in apis:
            apis.append(api)
        for name, function in service.operations.items():
            if api.operation(name) is None:
                raise ValueError(f"botocore's {service.model} has no operation {name}")
            if (api.name, name) in self._handlers:
                raise ValueError(f"two packages offer {service.model} {name}")
            self._handlers[api.name, name] = function
        self._routes += [(api, route) for route in service.routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's event as ASGI says."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(CONTROL):
            await self._control(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        exchange = Exchange(self._rules, None, f"{scope['scheme']}://{headers.get('host', '')}", "-")
        send = exchange.watch(send)
        try:
            exchange.caller = caller_of(headers, scope["query_string"].decode("latin-1"))
            await self._dispatch(exchange, headers, scope, receive, send)
        except ClientGoneError:
            exchange.refused("client-gone")
        except AwsError as error:
            await self._refuse(exchange, error, scope, receive, send)
        except Exception as error:  # the last line of defence of a server: answer 500, keep serving
            log.exception("%s %s broke", exchange.service, exchange.operation)
            said = f"The local cloud broke: {type(error).__name__}; see its log"
            await self._refuse(exchange, AwsError("InternalFailure", said, 500), scope, receive, send)
        finally:
            exchange.note()

    async def _dispatch(
        self, exchange: Exchange, headers: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        caller = exchange.caller
        exchange.service = caller.service if caller else self._targeted(headers)
        signed_for = self._apis.get(exchange.service)
        if caller is None or signed_for:
            for api, route in self._routes:
                matched, child = route.matches(scope)
                if matched is Match.FULL and (caller is None or api in (signed_for or ())):
                    exchange.service, exchange.operation = api.name, route.name
                    scope.update(child, **{_EXCHANGE: exchange})
                    return await route.handle(scope, receive, send)
        if not signed_for:
            return await self._proxy.forward(exchange, headers, scope, receive, send)
        call = call_of(scope, headers, await read_body(receive))
        answer = await self._operate(exchange, signed_for, call)
        exchange.outcome = answer.outcome
        return await send_answer(answer, scope, receive, send)

    def _targeted(self, headers: Mapping[str, str]) -> str:
        """Find our own service that an unsigned call is meant for, so that moto doesn't answer it."""
        prefix = headers.get("x-amz-target", "").rpartition(".")[0]
        for name, apis in self._apis.items():
            if prefix and any(api.target_prefix == prefix for api in apis):
                return name
        return "-"

    async def _operate(self, exchange: Exchange, apis: list[Api], call: HttpCall) -> Answer:
        api, operation, labels = _find(apis, call)
        exchange.service, exchange.operation = api.name, operation.name
        try:
            params = decode_request(operation, call, labels)
        except SerializationError as error:
            raise serialization_error(api.name, error) from error
        context = await exchange.admit(api.name, operation.name, _resource(params))
        handler = self._handlers.get((api.name, operation.name))
        if handler is None:
            raise AwsError(
                "NotImplementedException",
                f"The local cloud has no {api.name} {operation.name}; nothing was done. "
                f"docs/local-cloud-coverage.md lists what it has.",
                501,
            )
        validate(operation, params)
        loop = asyncio.get_running_loop()
        output = await loop.run_in_executor(self._threads, handler, context, params)
        return encode_output(api, operation, output or {}, exchange.request_id)

    async def _refuse(
        self, exchange: Exchange, error: AwsError, scope: Scope, receive: Receive, send: Send
    ) -> None:
        exchange.refused(error.code)
        if exchange.started:
            log.warning("%s %s ended by %s", exchange.service, exchange.operation, error)
            return
        api, headers = self._api_of(exchange.service), headers_of(scope)
        if api is None:
            answer = self._proxy.refuse(exchange, headers, error)
        else:
            answer = encode_error(api, error, exchange.request_id)
        if "expect" in headers:
            # Refused before it was asked for, the body never comes: the client's next request would be
            # taken for it (RFC 9110 §10.1.1).
            answer.headers["connection"] = "close"
        await send_answer(answer, scope, receive, send)

    def _api_of(self, service: str) -> Api | None:
        apis = [api for own in self._apis.values() for api in own]
        named = [api for api in apis if api.name == service]
        return next(iter(named or self._apis.get(service, [])), None)

    def close(self) -> None:
        """Take no more operations; those under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _find(apis: list[Api], call: HttpCall) -> tuple[Api, OperationModel, Mapping[str, str]]:
    for api in apis:
        if api.protocol == "json":
            prefix, _, name = call.headers.get("x-amz-target", "").rpartition(".")
            operation = api.operation(name) if prefix == api.target_prefix else None
            if operation is None:
                raise AwsError("UnknownOperationException", f"Unknown operation {name or '(none)'}")
            return api, operation, {}
        found = api.match(call)
        if found is not None:
            return api, *found
    raise AwsError("UnknownOperationException", f"No operation is {call.method} {call.path}", 404)


def _resource(params: Mapping[str, Any]) -> str:
    """Name the stream that a Kinesis Video quota counts by, whether given by name or ARN."""
    name = params.get("StreamName")
    if name:
        return str(name)
    parts = str(params.get("StreamARN") or params.get("ResourceARN") or "").split("/")
    return parts[1] if len(parts) > 1 else ""


async def _lifespan(receive: Receive, send: Send) -> None:
    """Agree to start and stop: the server that runs this app owns what is started."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
