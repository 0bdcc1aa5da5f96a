"""Say what a service of the local cloud is: named operations on validated parameters.

The front door owns protocol, signature scope, validation, quotas, faults and the call log. A service
owns state and rules. An operation is a plain function called in a worker thread with parameters that
botocore's model has already accepted (blobs as bytes, timestamps as aware datetimes); it returns the
output members or raises `AwsError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.routing import Route


@dataclass(frozen=True, slots=True)
class CallContext:
    """Who calls, where: state is kept per `account` and `region`.

    `base_url` is the front door as the caller reached it, without a trailing slash: what
    GetDataEndpoint answers with.
    """

    account: str
    region: str
    service: str
    operation: str
    request_id: str
    base_url: str


Operation = Callable[[CallContext, dict[str, Any]], Mapping[str, Any] | None]


@dataclass(slots=True)
class Service:
    """Offer one botocore service (`model` is its botocore name, `rekognition`).

    `operations` maps operation names to functions. `routes` serve what JSON can't: streaming bodies
    such as PutMedia and GetMedia; the front door has checked neither parameters nor quota of these,
    so they call `core.door` for both. `start` and `stop` bracket background work (processors,
    pollers); both are idempotent.
    """

    model: str
    operations: dict[str, Operation]
    routes: list[Route] = field(default_factory=list)
    start: Callable[[], None] = lambda: None
    stop: Callable[[], None] = lambda: None
    # Operation name → what differs from AWS, for docs/local-cloud-coverage.md.
    partial: dict[str, str] = field(default_factory=dict)
