"""Put the Lambda service together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from gatehouse_local.core.clients import Clients
from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.service import Service
from gatehouse_local.lambda_.code import CodeStore
from gatehouse_local.lambda_.destinations import Destinations
from gatehouse_local.lambda_.execution.event_queue import EventQueue
from gatehouse_local.lambda_.execution.invoker import Invoker
from gatehouse_local.lambda_.execution.operations import InvokeOperation
from gatehouse_local.lambda_.functions.catalogue import Catalogue
from gatehouse_local.lambda_.functions.operations import CODE_PATH, FunctionOperations
from gatehouse_local.lambda_.functions.tagging import FunctionTags
from gatehouse_local.lambda_.functions.tags import TagOperations
from gatehouse_local.lambda_.mappings.checkpoint import Checkpoints
from gatehouse_local.lambda_.mappings.mapping_worker import Services
from gatehouse_local.lambda_.mappings.operations import MappingOperations
from gatehouse_local.lambda_.mappings.poller import Poller
from gatehouse_local.lambda_.mappings.registry import Registry
from gatehouse_local.lambda_.mappings.tagging import MappingTags
from gatehouse_local.lambda_.naming import FunctionKey
from gatehouse_local.lambda_.settings import Settings

if TYPE_CHECKING:
    from starlette.requests import Request

    from gatehouse_local.core.runtime import Runtime


def build(runtime: Runtime) -> Service:
    """Build Lambda on the runtime; `start` begins polling and working off queued events."""
    settings = Settings.of(runtime.config)
    folder = runtime.state_dir / "lambda"
    clients = Clients(runtime.endpoint)
    destinations = Destinations(clients)
    code = CodeStore(folder, clients)
    catalogue = Catalogue(runtime.store, runtime.clock, settings.activation_seconds)
    code.sweep(catalogue.digests())
    invoker = Invoker(catalogue, code, folder / "logs", runtime.endpoint, settings)
    queue = EventQueue(
        runtime.store, catalogue, invoker, destinations, runtime.clock, settings.async_retry_seconds
    )
    registry = Registry(runtime.store, runtime.clock, settings.mapping_settle_seconds)
    services = Services(clients, Checkpoints(runtime.store), invoker, destinations, runtime.clock, settings)
    poller = Poller(registry, catalogue, services)

    def start() -> None:
        queue.start()
        if not runtime.control_plane_only:
            poller.start()

    def stop() -> None:
        poller.stop()
        queue.stop()
        invoker.close()

    operations = {
        **FunctionOperations(catalogue, code, invoker, runtime.roles).table(),
        **InvokeOperation(catalogue, invoker, queue).table(),
        **MappingOperations(registry, catalogue, clients, poller.wake).table(),
        **TagOperations(
            {"function": FunctionTags(catalogue), "event-source-mapping": MappingTags(registry)}
        ).table(),
    }
    return Service("lambda", operations, [_code_route(catalogue, code)], start, stop)


def _code_route(catalogue: Catalogue, code: CodeStore) -> Route:
    """Serve a function's zip at the address that GetFunction gives (AWS: a presigned S3 URL)."""

    def read(account: str, region: str, name: str) -> bytes | None:
        try:
            record = catalogue.get(FunctionKey(account, region, name))
        except AwsError:
            return None
        return code.read(record["configuration"]["CodeSha256"])

    async def serve(request: Request) -> Response:
        path = request.path_params
        zipped = await run_in_threadpool(read, path["account"], path["region"], path["name"])
        if zipped is None:
            return Response(status_code=404)
        return Response(zipped, media_type="application/zip")

    return Route(f"{CODE_PATH}/{{account}}/{{region}}/{{name}}", serve)
