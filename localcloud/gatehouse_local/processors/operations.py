"""Answer the calls that create, show, start, stop and delete stream processors."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.processors import rules
from gatehouse_local.processors.processor import AT_REST, LIVE, Processor, Status
from gatehouse_local.rekognition.pages import page
from gatehouse_local.rekognition.tags import check_tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatehouse_local.core.runtime import Runtime
    from gatehouse_local.core.service import CallContext, Operation
    from gatehouse_local.processors.registry import Registry
    from gatehouse_local.processors.settings import Settings
    from gatehouse_local.processors.supervisor import Keeper

Answer = dict[str, Any]
PAGE = 1000


class Operations:
    """Serve the stream processor family of Rekognition's API."""

    def __init__(self, runtime: Runtime, registry: Registry, keeper: Keeper, settings: Settings) -> None:
        self._faults, self._quotas, self._clock = runtime.faults, runtime.quotas, runtime.clock
        self._registry = registry
        self._keeper = keeper
        self._settings = settings

    def table(self) -> dict[str, Operation]:
        """Return the operations by AWS's names, each behind the check of its Region."""
        named: dict[str, Operation] = {
            "CreateStreamProcessor": self.create,
            "DescribeStreamProcessor": self.describe,
            "ListStreamProcessors": self.list,
            "StartStreamProcessor": self.start,
            "StopStreamProcessor": self.stop,
            "UpdateStreamProcessor": self.update,
            "DeleteStreamProcessor": self.delete,
        }
        return {name: self._in_region(operation) for name, operation in named.items()}

    def create(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Create a STOPPED processor; roles, streams and collection are looked at when it starts."""
        rules.check_account(context, self._faults)
        processor = rules.new_processor(context, request, self._clock())
        tags = request.get("Tags", {})
        check_tags(tags)
        with self._registry.transaction():
            self._hold_to(context, "StreamProcessors", lambda _: True)
            self._registry.add(processor, tags, self._settings.name_hold_seconds)
        return {"StreamProcessorArn": processor.arn}

    def describe(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Return everything about a processor."""
        return self._get(context, request).described()

    def list(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Return names and states by name, up to 1000 a page."""
        where = (context.account, context.region)
        named = [(name, {"Name": name, "Status": at}) for name, at in self._registry.states(*where)]
        shown, following = page(
            named,
            scope="/".join(("ListStreamProcessors", *where)),
            token=request.get("NextToken"),
            size=min(request.get("MaxResults") or PAGE, PAGE),
        )
        return {"StreamProcessors": shown, **following}

    def start(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Begin to start a processor; a 200 says nothing about how the start will end."""
        rules.check_account(context, self._faults)
        for member in ("StartSelector", "StopSelector"):
            if request.get(member):
                message = f"{member} is not supported for FaceSearch stream processors."
                raise AwsError("InvalidParameterException", message)
        with self._registry.transaction():
            processor = self._get(context, request)
            if processor.status not in AT_REST:
                raise _busy("starting")
            self._hold_to(context, "FaceSearchProcessorsRunning", LIVE.__contains__)
            moved = processor.moved(Status.STARTING, self._clock())
            moved = replace(moved, session=str(uuid.uuid4()))
            self._registry.write(moved)
        self._keeper.run(moved)
        return {"SessionId": moved.session}

    def stop(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Begin to stop a RUNNING processor."""
        with self._registry.transaction():
            processor = self._get(context, request)
            if processor.status is not Status.RUNNING:
                raise _busy("stopping")
            self._registry.move(processor, Status.STOPPING)
        self._keeper.end(processor)
        return {}

    def update(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Refuse: only ConnectedHome processors can be updated."""
        self._get(context, request)
        message = "FaceSearch stream processors can't be updated: stop, delete and create it again."
        raise AwsError("InvalidParameterException", message)

    def delete(self, context: CallContext, request: dict[str, Any]) -> Answer:
        """Delete a processor that is STOPPED or FAILED."""
        with self._registry.transaction():
            processor = self._get(context, request)
            if processor.status not in AT_REST:
                raise _busy("deleting")
            self._registry.delete(processor)
        return {}

    def _get(self, context: CallContext, request: dict[str, Any]) -> Processor:
        return self._registry.get(context.account, context.region, request["Name"])

    def _hold_to(self, context: CallContext, quota: str, counts: Callable[[Status], bool]) -> None:
        where = (context.account, context.region)
        taken = sum(counts(Status(status)) for _, status in self._registry.states(*where))
        if taken >= self._quotas.count("rekognition", quota, *where):
            raise self._quotas.exceeded("rekognition", quota, *where)

    def _in_region(self, operation: Operation) -> Operation:
        def checked(context: CallContext, request: dict[str, Any]) -> Any:
            rules.check_region(context, self._faults)
            return operation(context, request)

        return checked


def _busy(doing: str) -> AwsError:
    return AwsError("ResourceInUseException", f"Stream Processor not available for {doing}")
