"""Put the local cloud together and run it: one process, one port."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn
import uvloop
import yaml

from gatehouse_local import kinesisvideo, lambda_, processors, rekognition
from gatehouse_local.core.calls import CallLog
from gatehouse_local.core.control import Control
from gatehouse_local.core.coverage import survey
from gatehouse_local.core.door import Door
from gatehouse_local.core.exchange import Rules
from gatehouse_local.core.faults import Faults
from gatehouse_local.core.quotas import Quotas
from gatehouse_local.core.runtime import Runtime
from gatehouse_local.core.service import Service
from gatehouse_local.core.store import Store
from gatehouse_local.kinesis.front import DataStreamFront
from gatehouse_local.kinesis.settings import Settings as KinesisSettings
from gatehouse_local.kinesis.streams import Streams
from gatehouse_local.moto.epoch import MotoGuard
from gatehouse_local.moto.forward import MotoProxy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
# In the order they start: processors read video, so Kinesis Video is there first.
PACKAGES = (rekognition, kinesisvideo, lambda_, processors)
_DRAIN_SECONDS = 3


class ConfigFileError(ValueError):
    """The `--config` file can't be used; the front door was not started."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: where to listen (0: any free port), keep state and find moto."""

    port: int
    state_dir: Path
    moto_endpoint: str
    config: Path | None = None
    seed: int | None = None
    moto_wait: float = 60.0
    host: str = HOST


def build_services(runtime: Runtime) -> list[Service]:
    """Build every service of the local cloud; none is started."""
    services: list[Service] = []
    for package in PACKAGES:
        built = package.build(runtime)
        services += [built] if isinstance(built, Service) else built
    return services


def read_config(path: Path | None) -> Mapping[str, Any]:
    """Read the YAML file; `quotas` is ours, the rest is the services'."""
    if path is None:
        return {}
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ConfigFileError(f"{path} can't be read: {error}") from error
    if not isinstance(config, dict):
        raise ConfigFileError(f"{path} is no mapping: write for example `quotas: {{rekognition: …}}`")
    return config


async def serve(options: Options) -> None:
    """Run until SIGTERM or SIGINT; raise where the start fails, having started nothing."""
    listener = _listen(options.host, options.port)
    port = listener.getsockname()[1]
    config = read_config(options.config)
    quotas = Quotas.defaults()
    quotas.configure(config.get("quotas", {}))
    store = Store(options.state_dir / "state.sqlite3")
    guard = MotoGuard(options.moto_endpoint, store)
    try:
        await guard.bind(options.moto_wait)
        faults = Faults(options.seed)
        runtime = Runtime(
            store, options.state_dir, f"http://{HOST}:{port}", time.time, config, faults, quotas
        )
        rules = Rules(quotas, faults, CallLog(options.state_dir))
        await _run(runtime, rules, guard, listener)
    finally:
        await guard.close()
        store.close()
        listener.close()


async def _run(runtime: Runtime, rules: Rules, guard: MotoGuard, listener: socket.socket) -> None:
    services = await asyncio.to_thread(build_services, runtime)
    proxy = DataStreamFront(MotoProxy(guard), _data_streams(runtime))
    control = Control(
        rules,
        partial(_health, services, guard, time.time(), runtime.control_plane_only),
        partial(survey, services),
    )
    door = Door(services, rules, proxy, control.app())
    server = FrontServer(door, services)
    try:
        await server.serve(sockets=[listener])
    finally:
        door.close()
        await proxy.close()
        rules.calls.close()


def _data_streams(runtime: Runtime) -> Streams:
    settings = KinesisSettings.of(runtime.config)
    return Streams(runtime.store, runtime.quotas, runtime.clock, settings.creating_seconds)


def _health(
    services: list[Service], guard: MotoGuard, since: float, control_plane_only: bool
) -> dict[str, Any]:
    moto = guard.health()
    return {
        "status": "ok" if moto["state"] == "ok" else "degraded",
        "since": since,
        "control_plane_only": control_plane_only,
        "services": sorted({service.model for service in services}),
        "moto": moto,
        "reset": guard.reset,
    }


class FrontServer(uvicorn.Server):
    """Start services once the port answers, since they call each other through it; stop them first."""

    def __init__(self, door: Door, services: list[Service]) -> None:
        super().__init__(
            uvicorn.Config(
                door,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
            )
        )
        self._services = services

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop in order on SIGTERM and SIGINT; uvicorn's own way would raise them again afterwards."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then start the services."""
        await super().startup(sockets)
        for service in self._services:
            await asyncio.to_thread(service.start)
        for one in sockets or ():
            log.info("ready at http://%s:%s", *one.getsockname())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the services in reverse order, then let calls under way end."""
        for service in reversed(self._services):
            await asyncio.to_thread(service.stop)
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"port {port} of {host} can't be used: {error.strerror}") from error
    return listener


def run(options: Options) -> None:
    """Run the local cloud until it is told to stop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options))
