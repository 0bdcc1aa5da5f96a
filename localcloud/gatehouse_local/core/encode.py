"""Turn a service's output, or its refusal, into the HTTP answer of its protocol."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from botocore.model import ListShape, MapShape, StructureShape

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

    from gatehouse_local.core.errors import AwsError
    from gatehouse_local.core.model import Api

Writer = Callable[[Any], Any]
Content = bytes | Iterable[bytes] | AsyncIterable[bytes]

NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer; `content` may be a stream where the output's payload is one."""

    status: int
    headers: dict[str, str]
    content: Content
    outcome: str = field(default="ok")


class OutputError(TypeError):
    """A service returned what its own model has no place for: a bug of the local cloud."""


def encode_output(api: Api, operation: OperationModel, output: Mapping[str, Any], request_id: str) -> Answer:
    """Write the output members into status, headers and body."""
    headers = _headers(api, request_id)
    status = int(operation.http.get("responseCode", 200))
    shape = operation.output_shape
    if shape is None:
        return Answer(status, headers, b"{}" if api.protocol == "json" else b"")
    members = {name: value for name, value in output.items() if value is not None}
    for name in list(members):
        location = _member(shape, name).serialization.get("location")
        if location == "statusCode":
            status = int(members.pop(name))
        elif location:
            headers.update(_header(_member(shape, name), name, members.pop(name)))
    payload = shape.serialization.get("payload")
    if payload:
        return Answer(status, headers, _payload(shape.members[payload], members.get(payload), headers))
    # A 204 has no content (RFC 9110 §15.3.5): a body would be read as the start of the next answer.
    body = b"" if status == NO_CONTENT else _dump(_structure(shape, members))
    return Answer(status, headers, body)


def encode_error(api: Api, error: AwsError, request_id: str) -> Answer:
    """Write a refusal; the model's own HTTP status goes before the default 400."""
    shape = api.errors.get(error.code)
    known = (shape.metadata.get("error") or {}) if shape else {}
    status = known.get("httpStatusCode", error.status) if error.status == 400 else error.status
    label = next((name for name in shape.members if name.lower() == "message"), None) if shape else None
    body = {"__type": error.code, label or "message": error.message, **error.extra}
    if api.name == "lambda":
        body.setdefault("Type", "User" if status < 500 else "Service")
    headers = _headers(api, request_id) | {"x-amzn-ErrorType": error.code}
    return Answer(status, headers, _dump(body), error.code)


def _headers(api: Api, request_id: str) -> dict[str, str]:
    kind = f"application/x-amz-json-{api.json_version}" if api.protocol == "json" else "application/json"
    return {"content-type": kind, "x-amzn-RequestId": request_id}


def _dump(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def _member(shape: StructureShape, name: str) -> Shape:
    try:
        member: Shape = shape.members[name]
    except KeyError:
        raise OutputError(f"{shape.name} has no member {name}; it has {list(shape.members)}") from None
    return member


def _header(shape: Shape, name: str, value: Any) -> dict[str, str]:
    wire = shape.serialization.get("name", name)
    if shape.serialization["location"] == "headers":
        return {f"{wire}{key}": str(one) for key, one in value.items()}
    if isinstance(value, datetime):
        return {wire: format_datetime(value.astimezone(UTC), usegmt=True)}
    # A caller may overwrite the type of a streamed payload; names differ in case only.
    return {wire.lower() if wire.lower() == "content-type" else wire: _plain(value)}


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _payload(shape: Shape, value: Any, headers: dict[str, str]) -> Content:
    if isinstance(shape, StructureShape):
        return _dump(_structure(shape, value or {}))
    if isinstance(value, str):
        return value.encode()
    return b"" if value is None else value


def _structure(shape: StructureShape, value: Any) -> Any:
    return _writer(shape)(value)


@cache
def _writer(shape: Shape) -> Writer:
    """Make what writes values of a shape; once a shape, as lists of thousands are written by it."""
    if isinstance(shape, StructureShape):
        return _as_is if shape.is_document_type else _structure_writer(shape)
    if isinstance(shape, MapShape):
        return lambda value: {str(key): _writer(shape.value)(one) for key, one in value.items()}
    if isinstance(shape, ListShape):
        return lambda value: [*map(_writer(shape.member), value)]
    if shape.type_name == "timestamp":
        return partial(_timestamp, shape.serialization.get("timestampFormat"))
    return _blob if shape.type_name == "blob" else _as_is


def _structure_writer(shape: StructureShape) -> Writer:
    # Members are looked up as they are met: a shape may contain itself.
    @cache
    def member(name: str) -> tuple[str, Writer]:
        found = _member(shape, name)
        return found.serialization.get("name", name), _writer(found)

    def write(value: Any) -> Any:
        parts = ((member(name), one) for name, one in value.items() if one is not None)
        return {wire: writer(one) for (wire, writer), one in parts}

    return write


def _as_is(value: Any) -> Any:
    return value


def _blob(value: Any) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode("ascii")


def _timestamp(style: str | None, value: Any) -> float | str:
    if style != "iso8601" and not isinstance(value, datetime):
        return round(float(value), 3)
    moment = value if isinstance(value, datetime) else datetime.fromtimestamp(float(value), UTC)
    if style == "iso8601":
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return round(moment.timestamp(), 3)
