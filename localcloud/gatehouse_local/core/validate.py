"""Check parameters against every constraint of the model, in the words AWS uses.

botocore's own ParamValidator checks neither enum nor pattern nor maximum, and stops clients only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.model import ListShape, MapShape, StructureShape

from gatehouse_local.core.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.model import OperationModel, Shape

_SEPARATORS = " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_PROPERTIES = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": _SEPARATORS}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken constraint: at `path`, `value` as AWS prints it, and what the member must do."""

    path: str
    value: str
    constraint: str

    def __str__(self) -> str:
        shown = self.value if self.value == "null" else f"'{self.value}'"
        return f"Value {shown} at '{self.path}' failed to satisfy constraint: {self.constraint}"


def validate(operation: OperationModel, params: Mapping[str, Any]) -> None:
    """Raise `ValidationException` naming every broken constraint; return if there is none."""
    if operation.input_shape is None:
        return
    found = list(_structure(operation.input_shape, params, ""))
    if found:
        errors = "errors" if len(found) > 1 else "error"
        said = "; ".join(str(one) for one in found)
        raise AwsError("ValidationException", f"{len(found)} validation {errors} detected: {said}")


def _structure(shape: StructureShape, params: Mapping[str, Any], path: str) -> Iterator[Violation]:
    for name in shape.required_members:
        if name not in params:
            yield Violation(_join(path, name), "null", "Member must not be null")
    for name, value in params.items():
        yield from _value(shape.members[name], value, _join(path, name))


def _value(shape: Shape, value: Any, path: str) -> Iterator[Violation]:
    if isinstance(shape, StructureShape):
        if not shape.is_document_type:
            yield from _structure(shape, value, path)
        return
    for constraint in _broken(shape, value):
        yield Violation(path, _shown(shape, value), constraint)
    if isinstance(shape, ListShape):
        yield from _members(shape, value, path)
    elif isinstance(shape, MapShape):
        for key, one in value.items():
            yield from _value(shape.key, key, f"{path}.key")
            yield from _value(shape.value, one, f"{path}.{key}.member")


def _members(shape: ListShape, value: list[Any], path: str) -> Iterator[Violation]:
    """Check a list's members; of plain ones AWS names the list once, with all that a member must do."""
    if isinstance(shape.member, StructureShape | ListShape | MapShape):
        for number, one in enumerate(value, start=1):
            yield from _value(shape.member, one, f"{path}.{number}.member")
    elif any(True for one in value for _ in _broken(shape.member, one)):
        wanted = ", ".join(_wanted(shape.member))
        yield Violation(path, _shown(shape, value), f"Member must satisfy constraint: [{wanted}]")


def _wanted(shape: Shape) -> Iterator[str]:
    """Spell out every constraint of a plain shape."""
    what = "length" if shape.type_name in ("string", "blob") else "value"
    bounds = (("max", "less than"), ("min", "greater than"))
    for key, said in bounds:
        if key in shape.metadata:
            yield f"Member must have {what} {said} or equal to {shape.metadata[key]}"
    if "pattern" in shape.metadata:
        yield f"Member must satisfy regular expression pattern: {shape.metadata['pattern']}"
    if shape.metadata.get("enum"):
        yield f"Member must satisfy enum value set: [{', '.join(shape.metadata['enum'])}]"


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _broken_text(shape, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _outside(shape, value, "value")
    elif isinstance(value, str | bytes | list | dict):
        yield from _outside(shape, len(value), "length")


def _broken_text(shape: Shape, value: str) -> Iterator[str]:
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        yield f"Member must satisfy enum value set: [{', '.join(enum)}]"
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {pattern}"


def _outside(shape: Shape, size: float, what: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"Member must have {what} greater than or equal to {least}"
    if most is not None and size > most:
        yield f"Member must have {what} less than or equal to {most}"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a Java pattern; Python's `re` has no Unicode property classes.

    AWS's models use them inside sets that hold `_` too, so `\\w` stands for letters there.
    """
    for java, python in _PROPERTIES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


def _join(path: str, name: str) -> str:
    lowered = name[:1].lower() + name[1:]
    return f"{path}.{lowered}" if path else lowered


def _shown(shape: Shape, value: Any) -> str:
    if shape.metadata.get("sensitive"):
        return "***"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value)
