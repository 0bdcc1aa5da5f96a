"""Keep every client within its Region's calls per second, so that AWS has nothing to throttle.

One process keeps one pace per Region and quota, whichever of its hooks calls. Several processes that share
a quota still meet throttling, which the clients' adaptive retries then slow down for.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from gatehouse.capacity.pace import Pace
from gatehouse.capacity.quotas import load_quotas
from gatehouse.exceptions import ConfigError
from gatehouse_provider.settings import config_dir

if TYPE_CHECKING:
    from pathlib import Path

    from gatehouse.capacity.quotas import Quotas

log = logging.getLogger(__name__)

_paces: dict[tuple[str, str, float], Pace] = {}
_taking = threading.Lock()


def paced(client: Any, region: str | None) -> Any:
    """Let each of a client's calls wait for its turn, retries included; returns the client."""
    model = client.meta.service_model

    def take_turn(event_name: str, **_: Any) -> None:
        operation = event_name.rpartition(".")[2]
        if seconds := _wait(f"{model.service_name}:{operation}", region or ""):
            time.sleep(seconds)

    # `before-send` comes once an attempt, `before-call` once a call.
    client.meta.events.register(f"before-send.{model.service_id.hyphenize()}", take_turn)
    return client


def _wait(operation: str, region: str) -> float:
    quotas = _quotas(config_dir())
    if quotas is None or operation not in quotas.budgets:
        return 0.0
    key, limit = quotas.budgets[operation], quotas.limit(operation, region)
    with _taking:
        pace = _paces.setdefault((region, key, limit), Pace(limit))
        return pace.wait(time.monotonic())


@cache
def _quotas(folder: Path) -> Quotas | None:
    try:
        return load_quotas(folder)
    except ConfigError as error:
        # Preflight refuses a rollout for it; whoever rolls nothing out goes on, at AWS's own pace.
        log.warning("Calls aren't paced: %s", error)
        return None
