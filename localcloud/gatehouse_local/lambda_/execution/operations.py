"""Answer Invoke: wait for the function, queue an event, or only check that it could run."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from gatehouse_local.lambda_ import errors
from gatehouse_local.lambda_.naming import LATEST, FunctionKey, resolve

if TYPE_CHECKING:
    from gatehouse_local.core.service import CallContext, Operation
    from gatehouse_local.lambda_.execution.event_queue import EventQueue
    from gatehouse_local.lambda_.execution.invoker import Invoker
    from gatehouse_local.lambda_.functions.catalogue import Catalogue

SYNC_LIMIT = 6_291_556  # bytes
EVENT_LIMIT = 1_048_576  # bytes
LOG_TAIL = 4096  # bytes of log that LogType=Tail returns


class InvokeOperation:
    """Serve Invoke in its three types."""

    def __init__(self, catalogue: Catalogue, invoker: Invoker, queue: EventQueue) -> None:
        self._catalogue = catalogue
        self._invoker = invoker
        self._queue = queue

    def table(self) -> dict[str, Operation]:
        """Return the operation by AWS's name."""
        return {"Invoke": self.invoke}

    def invoke(self, context: CallContext, request: dict[str, Any]) -> dict[str, Any]:
        """Run or queue the function; a handler's error is a 200 with FunctionError."""
        key = resolve(context, request["FunctionName"], request.get("Qualifier"))
        event = _event(request)
        kind = request.get("InvocationType", "RequestResponse")
        if kind == "DryRun":
            self._catalogue.active(key)
            return {"StatusCode": 204}
        if kind == "Event":
            return self._accept(key, event, context.request_id)
        return self._run(key, event, request, context.request_id)

    def _accept(self, key: FunctionKey, event: bytes, request_id: str) -> dict[str, Any]:
        if len(event) > EVENT_LIMIT:
            raise errors.too_large("Invoke", EVENT_LIMIT)
        self._catalogue.active(key)
        self._queue.put(key, event, request_id)
        return {"StatusCode": 202}

    def _run(
        self, key: FunctionKey, event: bytes, request: dict[str, Any], request_id: str
    ) -> dict[str, Any]:
        outcome = self._invoker.invoke(key, event, request_id)
        answer: dict[str, Any] = {
            "StatusCode": 200,
            "ExecutedVersion": LATEST,
            "Payload": outcome.payload,
        }
        if outcome.error:
            answer["FunctionError"] = outcome.error
        if request.get("LogType") == "Tail":
            answer["LogResult"] = base64.b64encode(outcome.log[-LOG_TAIL:]).decode()
        return answer


def _event(request: dict[str, Any]) -> bytes:
    """Return the request's payload once it is known to be JSON of a size AWS takes."""
    event: bytes = request.get("Payload") or b"{}"
    if len(event) > SYNC_LIMIT:
        raise errors.too_large("Invoke", SYNC_LIMIT)
    try:
        json.loads(event)
    except ValueError as error:
        raise errors.bad_request_content(str(error)) from error
    return event
