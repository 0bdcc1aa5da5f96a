"""Name the operation of a call that is only forwarded, for quotas, faults and the call log."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from gatehouse_local.core.model import load_api

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatehouse_local.core.model import HttpCall

UNKNOWN = "-"


def operation_of(service: str, call: HttpCall) -> str:
    """Return AWS's operation name, or `-` where the request doesn't show it."""
    target = call.headers.get("x-amz-target")
    if target:
        return target.rpartition(".")[2]
    if service == "s3":
        found = load_api("s3").match(call)
        return found[0].name if found else UNKNOWN
    action = call.query.get("Action") or parse_qs(call.body.decode("utf-8", "replace")).get("Action")
    return action[0] if action else UNKNOWN


def has_form(headers: Mapping[str, str]) -> bool:
    """Say whether the body holds the operation's name (the query protocol)."""
    return headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def resource_of(service: str, operation: str, body: bytes) -> str:
    """Return what a per-resource quota counts by: the shard (`stream:shardId`) of Kinesis reads."""
    if service != "kinesis":
        return ""
    try:
        params = json.loads(body or b"{}")
    except ValueError:
        return ""  # moto answers what is wrong with it
    if operation == "GetRecords":
        return _shard_of(str(params.get("ShardIterator", "")))
    stream = params.get("StreamName") or str(params.get("StreamARN", "")).rpartition("/")[2]
    return f"{stream}:{params.get('ShardId', '')}"


def _shard_of(iterator: str) -> str:
    """Read moto's iterator, base64 of `stream:shard:position`."""
    try:
        text = base64.b64decode("".join(iterator.split()), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""  # not one of moto's: it will refuse the call
    return ":".join(text.split(":")[:2])
