"""Put the stream processors together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse_local.core.clients import Clients
from gatehouse_local.core.service import Service
from gatehouse_local.engine.faces import shared_engine
from gatehouse_local.processors.analyst import Analyst
from gatehouse_local.processors.conditions import Conditions
from gatehouse_local.processors.operations import Operations
from gatehouse_local.processors.registry import Registry
from gatehouse_local.processors.session import Session
from gatehouse_local.processors.settings import Settings
from gatehouse_local.processors.supervisor import Supervisor
from gatehouse_local.processors.timetable import Timetable
from gatehouse_local.rekognition.search import gallery_for

if TYPE_CHECKING:
    from gatehouse_local.core.runtime import Runtime
    from gatehouse_local.processors.processor import Processor
    from gatehouse_local.processors.supervisor import Keeper


PARTIAL = {
    "CreateStreamProcessor": "FaceSearch only: Settings.ConnectedHome (label detection) is refused with "
    "InvalidParameterException",
    "UpdateStreamProcessor": "only ConnectedHome processors can be updated, and there are none: every "
    "update of an existing processor is refused with InvalidParameterException",
    "StartStreamProcessor": "a frame a second is analysed (`processor_fps`); AWS publishes no rate",
}


def assemble(runtime: Runtime) -> Service:
    """Build the service over a runtime."""
    settings = Settings.of(runtime.config)
    registry = Registry(runtime.store, runtime.clock)
    keeper = _keeper(runtime, registry, settings)
    operations = Operations(runtime, registry, keeper, settings)
    return Service(
        "rekognition", operations.table(), start=keeper.start, stop=keeper.stop, partial=dict(PARTIAL)
    )


def _keeper(runtime: Runtime, registry: Registry, settings: Settings) -> Keeper:
    clients = Clients(runtime.endpoint)
    conditions = Conditions(runtime.roles, runtime.faults, clients, runtime.store)
    if runtime.control_plane_only:
        return Timetable(registry, conditions, runtime.clock, settings)
    gallery_for(runtime)
    analyst = Analyst(shared_engine(runtime.config), runtime.store, settings.max_matches)

    def session(processor: Processor) -> Session:
        return Session(processor, registry, conditions, analyst, clients, runtime.clock, settings)

    return Supervisor(registry, session, settings.check_seconds)
