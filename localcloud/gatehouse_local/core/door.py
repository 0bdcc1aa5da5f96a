"""Admit calls: account and Region from the signature, quota and faults applied, the call logged."""

from __future__ import annotations

from starlette.requests import Request

from gatehouse_local.core.service import CallContext


async def admit(request: Request, service: str, operation: str, resource: str = "") -> CallContext:
    """Let one call of a streaming route in, or raise the `AwsError` that refuses it.

    Await it first in the route. `service` is the botocore name; `resource` is the stream for quotas
    per stream. The front door answers an `AwsError` that leaves the route in the service's protocol
    and logs the call when its response starts.
    """
    raise NotImplementedError
