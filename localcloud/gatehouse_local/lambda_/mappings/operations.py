"""Answer the calls that create, show, change and delete event source mappings."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gatehouse_local.lambda_ import errors, paging
from gatehouse_local.lambda_.mappings import rules
from gatehouse_local.lambda_.naming import mapping_arn, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_local.core.clients import Clients
    from gatehouse_local.core.service import CallContext, Operation
    from gatehouse_local.lambda_.functions.catalogue import Catalogue
    from gatehouse_local.lambda_.mappings.registry import Registry

Answer = dict[str, Any]
PAGE = 100


class MappingOperations:
    """Serve the event source mapping family; `changed` wakes the poller."""

    def __init__(
        self, registry: Registry, catalogue: Catalogue, clients: Clients, changed: Callable[[], None]
    ) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self._clients = clients
        self._changed = changed

    def table(self) -> dict[str, Operation]:
        """Return the operations by AWS's names."""
        return {
            "CreateEventSourceMapping": self.create,
            "GetEventSourceMapping": self.get,
            "ListEventSourceMappings": self.list,
            "UpdateEventSourceMapping": self.update,
            "DeleteEventSourceMapping": self.delete,
        }

    def create(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Create a mapping in state Creating; polling begins when it is Enabled."""
        key = resolve(context, request["FunctionName"])
        self._catalogue.get(key)
        source = request.get("EventSourceArn", "")
        rules.check_source(source, context.account, context.region)
        members = {**rules.DEFAULTS, **rules.changes(request), **rules.start(request)}
        self._check_stream(context, source)
        name = str(uuid.uuid4())
        configuration = {
            **members,
            "UUID": name,
            "EventSourceArn": source,
            "FunctionArn": key.arn,
            "EventSourceMappingArn": mapping_arn(context.account, context.region, name),
        }
        enabled = request.get("Enabled", True)
        view = self._registry.create(
            context.account, context.region, configuration, enabled, request.get("Tags", {})
        )
        self._changed()
        return _shown(view)

    def get(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Return a mapping with its state and last result."""
        return _shown(self._registry.view(context.account, context.region, request["UUID"]))

    def list(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Return mappings by UUID, filtered by function and source, up to 100 a page."""
        found = list(self._registry.list(context.account, context.region))
        if request.get("FunctionName"):
            arn = resolve(context, request["FunctionName"]).arn
            found = [item for item in found if item["FunctionArn"] == arn]
        if request.get("EventSourceArn"):
            found = [item for item in found if item["EventSourceArn"] == request["EventSourceArn"]]
        page, marker = paging.page(
            found, lambda item: str(item["UUID"]), request.get("Marker"), request.get("MaxItems"), PAGE
        )
        shown = [_shown(item) for item in page]
        return {"EventSourceMappings": shown, **({"NextMarker": marker} if marker else {})}

    def update(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Change a mapping; what it is working on is finished or read again under the new settings."""
        changes = rules.changes(request)
        if request.get("FunctionName"):
            key = resolve(context, request["FunctionName"])
            self._catalogue.get(key)
            changes["FunctionArn"] = key.arn
        view = self._registry.update(
            context.account, context.region, request["UUID"], changes, request.get("Enabled")
        )
        self._changed()
        return _shown(view)

    def delete(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Begin deleting a mapping; it is gone once its worker has ended."""
        view = self._registry.delete(context.account, context.region, request["UUID"])
        self._changed()
        return _shown(view)

    def _check_stream(self, context: CallContext, arn: str) -> None:
        kinesis = self._clients.of("kinesis", context.account, context.region)
        try:
            kinesis.describe_stream_summary(StreamName=arn.rpartition("/")[2])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            raise errors.invalid_parameter(f"Stream not found: {arn}") from error


def _shown(view: Answer) -> Answer:
    timestamp = view.get("StartingPositionTimestamp")
    if timestamp is None:
        return view
    return {**view, "StartingPositionTimestamp": datetime.fromtimestamp(timestamp, UTC)}
