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
from gatehouse_local.rekognition.search import gallery_for

if TYPE_CHECKING:
    from gatehouse_local.core.runtime import Runtime
    from gatehouse_local.processors.processor import Processor


def assemble(runtime: Runtime) -> Service:
    """Build the service over a runtime."""
    gallery_for(runtime)
    settings = Settings.of(runtime.config)
    clients = Clients(runtime.endpoint)
    registry = Registry(runtime.store, runtime.clock)
    conditions = Conditions(runtime.roles, runtime.faults, clients, runtime.store)
    analyst = Analyst(shared_engine(runtime.config), runtime.store, settings.max_matches)

    def session(processor: Processor) -> Session:
        return Session(processor, registry, conditions, analyst, clients, runtime.clock, settings)

    supervisor = Supervisor(registry, session, settings.check_seconds)
    operations = Operations(runtime, registry, supervisor, settings)
    return Service("rekognition", operations.table(), start=supervisor.start, stop=supervisor.stop)
