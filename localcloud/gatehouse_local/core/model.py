"""Know a service by botocore's model: its protocol, operations, paths and errors."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import Shape

_LABEL = re.compile(r"\\\{(\w+)(\\\+)?\\\}")


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One request as it came in: header names in lower case, query decoded, path still encoded."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class RestPath:
    """Recognise one REST operation; `static` are the query parameters that its URI spells out."""

    operation: OperationModel
    method: str
    pattern: re.Pattern[str]
    labels: tuple[str, ...]
    static: frozenset[tuple[str, str]]
    required: frozenset[tuple[str, str]]
    literals: int = field(compare=False)

    def match(self, call: HttpCall) -> dict[str, str] | None:
        """Return the URI's labels, or None if this is another operation."""
        found = self.pattern.fullmatch(call.path.rstrip("/") or "/")
        if call.method != self.method or found is None:
            return None
        for name, value in self.static:
            if value not in call.query.get(name, ()) and (value or name not in call.query):
                return None
        for location, name in self.required:
            if name not in (call.headers if location == "header" else call.query):
                return None
        return {label: unquote(text) for label, text in zip(self.labels, found.groups(), strict=True)}

    @property
    def weight(self) -> tuple[int, int]:
        """Order candidates: what names more of the request wins."""
        return (self.literals, len(self.static) + len(self.required))


class Api:
    """One service's model, ready to recognise requests; made once per service and kept."""

    def __init__(self, model: ServiceModel) -> None:
        self.name = model.service_name
        self.signing_name = model.signing_name
        self.protocol = model.protocol
        self.json_version = str(model.metadata.get("jsonVersion", "1.1"))
        self.target_prefix = str(model.metadata.get("targetPrefix", ""))
        self.operation_names = tuple(model.operation_names)
        self.errors: dict[str, Any] = {_error_code(shape): shape for shape in model.error_shapes}
        self._model = model
        self._paths = sorted(self._rest_paths(), key=lambda path: path.weight, reverse=True)

    def operation(self, name: str) -> OperationModel | None:
        """Return the operation's model, or None where the service has no such operation."""
        return self._model.operation_model(name) if name in self.operation_names else None

    def match(self, call: HttpCall) -> tuple[OperationModel, dict[str, str]] | None:
        """Find the REST operation of a request and its URI labels."""
        for path in self._paths:
            labels = path.match(call)
            if labels is not None:
                return path.operation, labels
        return None

    def _rest_paths(self) -> list[RestPath]:
        if not self.protocol.startswith("rest-"):
            return []
        return [_rest_path(self._model.operation_model(name)) for name in self.operation_names]


def _error_code(shape: Shape) -> str:
    return str((shape.metadata.get("error") or {}).get("code", shape.name))


def _rest_path(operation: OperationModel) -> RestPath:
    uri, _, query = operation.http["requestUri"].partition("?")
    uri = uri.rstrip("/") or "/"
    escaped = re.escape(uri)
    labels = tuple(found.group(1) for found in _LABEL.finditer(escaped))
    pattern = _LABEL.sub(lambda found: "(.+)" if found.group(2) else "([^/]+)", escaped)
    pairs = (part.partition("=") for part in query.split("&") if part)
    return RestPath(
        operation=operation,
        method=operation.http["method"],
        pattern=re.compile(pattern),
        labels=labels,
        static=frozenset((name, value) for name, _, value in pairs),
        required=frozenset(_required(operation)),
        literals=sum(not part.startswith("{") for part in uri.split("/")) + uri.count("/"),
    )


def _required(operation: OperationModel) -> list[tuple[str, str]]:
    """Name the query parameters and headers without which it is another operation (UploadPart)."""
    # S3 alone tells operations apart by these; elsewhere a missing one is the caller's mistake.
    if operation.input_shape is None or operation.service_model.protocol != "rest-xml":
        return []
    members = operation.input_shape.members
    wanted = []
    for name in operation.input_shape.required_members:
        where = members[name].serialization
        if where.get("location") == "querystring":
            wanted.append(("querystring", where["name"]))
        elif where.get("location") == "header":
            wanted.append(("header", where["name"].lower()))
    return wanted


@cache
def load_api(name: str) -> Api:
    """Load a service's model by botocore's name (`kinesis-video-media`); tens of milliseconds once."""
    return Api(ServiceModel(Loader().load_service_model(name, "service-2"), name))
