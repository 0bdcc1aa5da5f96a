"""Turn a request into parameters as botocore's model types them (AWS JSON and REST-JSON)."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.model import ListShape, MapShape, StructureShape
from botocore.utils import parse_timestamp

from gatehouse_local.core.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.model import OperationModel, Shape

    from gatehouse_local.core.model import HttpCall

_JAVA = {"integer": "an Integer", "long": "a Long", "float": "a Float", "double": "a Double"}


class SerializationError(ValueError):
    """The request can't be read as the operation's input; the message is AWS's wording."""


def decode_request(operation: OperationModel, call: HttpCall, labels: Mapping[str, str]) -> dict[str, Any]:
    """Read all parameters: body, and for REST also URI labels, query and headers.

    Members that the model doesn't know are dropped, as AWS does. Raises `SerializationError`.
    """
    shape = operation.input_shape
    if shape is None:
        return {}
    payload = shape.serialization.get("payload")
    params: dict[str, Any] = {}
    if payload and shape.members[payload].type_name in ("blob", "string"):
        if call.body:
            params[payload] = _raw(shape.members[payload], call.body)
    elif payload:
        params[payload] = _value(shape.members[payload], _json(call.body), payload)
    else:
        params = _structure(shape, _json(call.body), "")
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        if location:
            params.pop(name, None)
            found = _located(location, name, member, call, labels)
            if found is not None:
                params[name] = found
    return params


def _raw(shape: Shape, body: bytes) -> bytes | str:
    return body if shape.type_name == "blob" else body.decode("utf-8")


def _json(body: bytes) -> Any:
    if not body.strip():
        return {}
    try:
        return json.loads(body)
    except ValueError as error:
        raise SerializationError("Unable to parse the request body as JSON") from error


def _located(location: str, name: str, shape: Shape, call: HttpCall, labels: Mapping[str, str]) -> Any:
    wire = shape.serialization.get("name", name)
    if location == "uri":
        return _text(shape, labels[wire], name)
    if location == "header":
        text = call.headers.get(wire.lower())
        return None if text is None else _text(shape, text, name)
    if location == "headers":
        prefix = wire.lower()
        return {k[len(prefix) :]: v for k, v in call.headers.items() if k.startswith(prefix)} or None
    values = call.query.get(wire)
    if not values:
        return None
    if isinstance(shape, ListShape):
        return [_text(shape.member, value, name) for value in values]
    return _text(shape, values[0], name)


def _text(shape: Shape, text: str, where: str) -> Any:
    """Read a value that a URI or header carries as text."""
    try:
        return _FROM_TEXT[shape.type_name](text)
    except ValueError as error:
        raise SerializationError(
            f"{where}: STRING_VALUE can not be converted to {shape.type_name}"
        ) from error


def _bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _moment(text: str) -> datetime:
    parsed: datetime = parse_timestamp(text)
    return parsed.astimezone(UTC)


_FROM_TEXT: Mapping[str, Callable[[str], Any]] = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": _bool,
    "timestamp": _moment,
    "blob": base64.b64decode,
    "string": str,
}


def _value(shape: Shape, value: Any, where: str) -> Any:
    if isinstance(shape, StructureShape):
        return _structure(shape, value, where)
    if isinstance(shape, MapShape):
        _expect(value, dict, "Unexpected field type")
        return {k: _value(shape.value, v, where) for k, v in value.items() if v is not None}
    if isinstance(shape, ListShape):
        _expect(value, list, "Unexpected field type")
        return [_value(shape.member, one, where) for one in value if one is not None]
    return _SCALAR[shape.type_name](shape, value)


def _structure(shape: StructureShape, value: Any, where: str) -> dict[str, Any]:
    if shape.is_document_type:
        return dict(value)
    _expect(value, dict, "Unexpected field type")
    params = {}
    for name, member in shape.members.items():
        given = value.get(member.serialization.get("name", name))
        if given is not None:
            params[name] = _value(member, given, f"{where}.{name}" if where else name)
    return params


def _expect(value: Any, kind: type, otherwise: str) -> None:
    if not isinstance(value, kind):
        raise SerializationError(_misplaced(value) or otherwise)


def _misplaced(value: Any) -> str:
    if isinstance(value, dict):
        return "Start of structure or map found where not expected."
    if isinstance(value, list):
        return "Start of list found where not expected"
    return ""


def _token(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    return "STRING_VALUE" if isinstance(value, str) else "NUMBER_VALUE"


def _refuse(value: Any, wanted: str) -> SerializationError:
    return SerializationError(_misplaced(value) or f"{_token(value)} can not be converted to {wanted}")


def _string(shape: Shape, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _refuse(value, "a String")


def _number(shape: Shape, value: Any) -> int | float:
    whole = shape.type_name in ("integer", "long")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse(value, _JAVA[shape.type_name])
    if whole and value != int(value):
        raise _refuse(value, _JAVA[shape.type_name])
    return int(value) if whole else float(value)


def _boolean(shape: Shape, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _refuse(value, "a Boolean")


def _blob(shape: Shape, value: Any) -> bytes:
    if not isinstance(value, str):
        raise _refuse(value, "a Blob")
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise SerializationError("Unable to decode base64 content") from error


def _timestamp(shape: Shape, value: Any) -> datetime:
    try:
        if isinstance(value, str):
            return _moment(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _refuse(value, "a Timestamp") from error
    raise _refuse(value, "a Timestamp")


_SCALAR: Mapping[str, Callable[[Shape, Any], Any]] = {
    "integer": _number,
    "long": _number,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "blob": _blob,
    "timestamp": _timestamp,
    "string": _string,
}


def serialization_error(service: str, error: SerializationError) -> AwsError:
    """Name an unreadable request as the service does."""
    if service == "lambda":
        return AwsError("InvalidRequestContentException", f"Could not parse request body into json: {error}")
    return AwsError("SerializationException", str(error))
