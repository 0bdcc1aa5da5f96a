"""Read one YAML file into a model, and know in which line everything stands."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from yaml.constructor import SafeConstructor

from gatehouse.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# libyaml is several times as fast, and a company has many manifests; not every build of PyYAML has it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Loc = tuple[int | str, ...]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """State one thing wrong in one place; `office` is set where only that office is affected."""

    file: str
    line: int
    message: str
    office: str | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Source:
    """Hold a parsed file and the line (from 1) of every key and item in it."""

    file: str
    data: Any
    lines: dict[Loc, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def line(self, loc: Loc) -> int:
        """Return the line of the nearest place that exists: a missing key is its parent's line."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 1)

    def problem(self, loc: Loc, message: str, office: str | None = None) -> Problem:
        """Place a message at a location of this file."""
        return Problem(self.file, self.line(loc), message, office)


def read_source(path: Path, file: str) -> Source:
    """Parse one file; a file that can't be read or isn't YAML is a source with a problem."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = f"can't be read ({error.strerror}). Create it, or point GATEHOUSE_CONFIG elsewhere"
        return Source(file, None, problems=(Problem(file, 1, reason),))
    try:
        root = yaml.compose(text, Loader=_Loader)
        data = None if root is None else SafeConstructor().construct_document(root)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = f"isn't YAML: {getattr(error, 'problem', None) or error}. Check indentation and quotes"
        return Source(file, None, problems=(Problem(file, mark.line + 1 if mark else 1, reason),))
    lines: dict[Loc, int] = {}
    doubled = [Problem(file, line, message) for line, message in _walk(root, (), lines)]
    return Source(file, data, lines, tuple(doubled))


def _walk(node: yaml.Node | None, loc: Loc, lines: dict[Loc, int]) -> Iterator[tuple[int, str]]:
    """Note every place's line, and yield the keys that are written twice."""
    if node is None:
        return
    lines.setdefault(loc, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*loc, index), lines)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*loc, key.value)
            line = key.start_mark.line + 1
            if place in lines:
                yield line, f"key '{key.value}' is already in line {lines[place]}. Keep one of them"
            lines[place] = line
            yield from _walk(value, place, lines)


def parse(source: Source, model: type[Model]) -> tuple[Model | None, list[Problem]]:
    """Validate a source; every violation becomes a problem with its line and remedy."""
    problems = list(source.problems)
    if problems:
        return None, problems
    try:
        return model.model_validate(source.data), []
    except ValidationError as error:
        return None, [_explain(source, model, details) for details in error.errors()]


def _explain(source: Source, model: type[BaseModel], details: Any) -> Problem:
    loc: Loc = details["loc"]
    place = ".".join(str(part) for part in loc) or "the file"
    if details["type"] == "extra_forbidden":
        known = _keys_at(model, loc[:-1])
        return source.problem(loc, f"unknown key '{loc[-1]}'. {nearest(str(loc[-1]), known)}")
    if details["type"] == "missing":
        return source.problem(loc, f"'{place}' is missing. Add it")
    reason = details["msg"].removeprefix("Value error, ")
    return source.problem(loc, f"'{place}' is wrong: {reason}. Correct the value")


def refuse(problems: Iterable[Problem]) -> None:
    """Raise one ConfigError that lists all problems, if there are any."""
    lines = [str(problem) for problem in problems]
    if lines:
        msg = "The configuration is wrong; nothing was changed.\n" + "\n".join(lines)
        raise ConfigError(msg)


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which known word was probably meant, or list what there is."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(words) or 'none'}"


def _keys_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """Return the keys that the model allows at a location."""
    current: Any = model
    for part in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            current = current.model_fields[str(part)].annotation
        else:
            current = next((arg for arg in reversed(get_args(current)) if arg is not Ellipsis), None)
    if isinstance(current, type) and issubclass(current, BaseModel):
        return list(current.model_fields)
    return []
