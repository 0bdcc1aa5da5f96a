"""Stand between the front door and moto for data streams: counts, CREATING, and what it forbids."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from starlette.concurrency import run_in_threadpool

from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.model import load_api
from gatehouse_local.core.validate import validate
from gatehouse_local.core.wire import read_body
from gatehouse_local.kinesis.asking import Call, params_of, where_of
from gatehouse_local.kinesis.streams import SERVICE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from gatehouse_local.core.encode import Answer
    from gatehouse_local.core.exchange import Exchange, Forwarder
    from gatehouse_local.kinesis.asking import Reply
    from gatehouse_local.kinesis.streams import Streams, Where

_CHANGES = frozenset(
    {"CreateStream", "DeleteStream", "UpdateStreamMode", "UpdateShardCount", "SplitShard", "MergeShards"}
)
_SHOWS = frozenset({"DescribeStream", "DescribeStreamSummary", "ListStreams", "DescribeLimits"})
_DATA = frozenset({"PutRecord", "PutRecords", "GetShardIterator"})
_IN_USE = "ResourceInUseException"
_NOT_FOUND = "ResourceNotFoundException"


class DataStreamFront:
    """Forward every call, those to data streams by AWS's rules where moto has none.

    Each call is admitted (faults, calls per second) exactly once: by the forwarder where it is handed
    on, here where it is refused before that.
    """

    def __init__(self, forwarder: Forwarder, streams: Streams) -> None:
        self._forwarder = forwarder
        self._streams = streams
        # One change of a name at a time, so that its record and moto's stream stay the same thing.
        self._names: WeakValueDictionary[tuple[Where, str], asyncio.Lock] = WeakValueDictionary()

    async def forward(
        self, exchange: Exchange, headers: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer the call, or raise the `AwsError` that refuses it."""
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if exchange.service != SERVICE or exchange.caller is None or not self._concerns(exchange, operation):
            return await self._forwarder.forward(exchange, headers, scope, receive, send)
        exchange.operation = operation
        call = Call(self._forwarder, exchange, headers, scope, await read_body(receive))
        if operation in _CHANGES and call.name:
            reply = await self._change(call)
        else:
            await self._refuse_creating(call)
            reply = await call.ask()
            self._show(call, reply)
        await reply.send(send)

    def refuse(self, exchange: Exchange, headers: Mapping[str, str], error: AwsError) -> Answer:
        """Write a refusal in the forwarded service's protocol."""
        return self._forwarder.refuse(exchange, headers, error)

    async def close(self) -> None:
        """Let go of the forwarder's connections."""
        await self._forwarder.close()

    def _concerns(self, exchange: Exchange, operation: str) -> bool:
        """Tell what has to be read here; records stream through untouched while nothing is CREATING."""
        if operation in _CHANGES or operation in _SHOWS:
            return True
        blocked = operation in _DATA or operation in _needing_active()
        return blocked and bool(self._streams.creating(where_of(exchange)))

    async def _refuse_creating(self, call: Call) -> None:
        """Refuse what AWS allows on an ACTIVE stream only, in its words."""
        if call.name not in self._streams.creating(call.where):
            return
        stream = f"Stream {call.name} under account {call.where[0]}"
        if call.operation in _DATA:
            raise await call.refused(AwsError(_NOT_FOUND, f"{stream} not found."))
        if call.operation in _needing_active():
            raise await call.refused(AwsError(_IN_USE, f"{stream} not ACTIVE, instead in state CREATING"))

    async def _change(self, call: Call) -> Reply:
        lock = self._names.setdefault((call.where, call.name), asyncio.Lock())
        async with lock:
            if call.operation == "CreateStream":
                return await self._create(call)
            await self._refuse_creating(call)
            after = self._after(call)
            if after:
                await self._held(call, self._streams.check_change, **after)
            reply = await call.ask()
            if call.operation == "DeleteStream" and (reply.ok or reply.code == _NOT_FOUND):
                await run_in_threadpool(self._streams.forget, call.where, call.name)
            elif reply.ok and after:
                await run_in_threadpool(self._streams.change, call.where, call.name, **after)
            return reply

    async def _create(self, call: Call) -> Reply:
        asked, tags = _asked(call.params), call.params.get("Tags")
        if isinstance(tags, dict):
            await self._check_tags(call, tags)
        new = await self._held(call, self._streams.reserve, **asked)
        stays = False
        try:
            reply = await call.ask()
            # In use, yet unknown: made just before an earlier front door was killed.
            stays = reply.ok or reply.code == _IN_USE
            tagged = await call.tag() if reply.ok and tags else reply
        finally:
            if new and not stays:
                await run_in_threadpool(self._streams.forget, call.where, call.name)
        if reply.ok and not new:
            await run_in_threadpool(lambda: self._streams.put(call.where, call.name, **asked))
        return reply if tagged.ok else tagged

    async def _check_tags(self, call: Call, tags: dict[str, Any]) -> None:
        """Refuse tags before there is a stream: AWS makes both or nothing."""
        try:
            operation = load_api(SERVICE).operation("AddTagsToStream")
            if operation is not None:
                validate(operation, {"StreamName": call.name, "Tags": tags})
        except AwsError as error:
            raise await call.refused(error) from error

    async def _held(self, call: Call, check: Any, **asked: Any) -> Any:
        """Run a check of counts; a refusal is admitted first, as the call it ends was made."""
        try:
            return await run_in_threadpool(lambda: check(call.where, call.name, **asked))
        except AwsError as error:
            raise await call.refused(error) from error

    def _after(self, call: Call) -> dict[str, Any]:
        """Tell mode and shards after a change; empty where it changes neither or nothing is known."""
        known = self._streams.get(call.where, call.name)
        if known is None or call.operation == "DeleteStream":
            return {}
        if call.operation == "UpdateStreamMode":
            on_demand = _mode(call.params) == "ON_DEMAND"
            # AWS keeps an on-demand stream's shards, four at least, when it becomes provisioned.
            return {"on_demand": on_demand, "shards": 0 if on_demand else max(known.shards, 4)}
        more = {"SplitShard": known.shards + 1, "MergeShards": known.shards - 1}
        shards = more.get(call.operation, call.params.get("TargetShardCount"))
        return {"on_demand": known.on_demand, "shards": shards if isinstance(shards, int) else known.shards}

    def _show(self, call: Call, reply: Reply) -> None:
        """Write what moto doesn't know into its answer."""
        if call.operation == "DescribeLimits" and reply.ok:
            reply.rewrite(self._streams.limits(call.where))
            return
        changing = self._names.get((call.where, call.name))
        if reply.code == _NOT_FOUND and not (changing and changing.locked()):
            self._streams.forget(call.where, call.name)
        creating = self._streams.creating(call.where)
        if creating and reply.ok and call.operation in _SHOWS:
            reply.rewrite(_shown(params_of(reply.body), creating))


def _mode(params: Mapping[str, Any]) -> str:
    details = params.get("StreamModeDetails")
    return str(details.get("StreamMode", "")) if isinstance(details, dict) else ""


def _asked(params: Mapping[str, Any]) -> dict[str, Any]:
    """Read the mode and the shards of a CreateStream; one shard where none is given."""
    shards = params.get("ShardCount")
    return {"on_demand": _mode(params) == "ON_DEMAND", "shards": shards if isinstance(shards, int) else 1}


def _shown(answer: dict[str, Any], creating: frozenset[str]) -> dict[str, Any]:
    """Show streams as CREATING: their shards come with ACTIVE."""
    whole = [answer.get("StreamDescription"), answer.get("StreamDescriptionSummary")]
    for stream in [*whole, *answer.get("StreamSummaries", ())]:
        if stream and stream["StreamName"] in creating:
            stream["StreamStatus"] = "CREATING"
            if "Shards" in stream:
                stream["Shards"] = []
            if "OpenShardCount" in stream:
                stream["OpenShardCount"] = 0
    return answer


@cache
def _needing_active() -> frozenset[str]:
    """Name the operations that the model lets answer that a stream isn't ACTIVE."""
    api = load_api(SERVICE)
    found = ((name, api.operation(name)) for name in api.operation_names)
    return frozenset(
        name
        for name, one in found
        if one and name != "CreateStream" and any(shape.name == _IN_USE for shape in one.error_shapes)
    )
