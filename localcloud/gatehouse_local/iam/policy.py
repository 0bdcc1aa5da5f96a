"""Evaluate IAM policy documents: wildcards, principals and conditions; a Deny wins."""

from __future__ import annotations

import fnmatch
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

log = logging.getLogger(__name__)

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a policy; `principal` is a service name and only asked of trust policies."""

    action: str
    resource: str = "*"
    principal: str = ""
    context: Mapping[str, str] = field(default_factory=dict)


def permits(documents: Iterable[Document], question: Question) -> bool:
    """Say whether some statement allows it and none denies it."""
    allowed = False
    for document in documents:
        for statement in _listed(document.get("Statement", ())):
            deny = statement.get("Effect") == "Deny"
            if not _applies(statement, question, when_unsure=deny):
                continue
            if deny:
                return False
            allowed = allowed or statement.get("Effect") == "Allow"
    return allowed


def _applies(statement: Document, question: Question, when_unsure: bool) -> bool:
    return (
        _names(statement, "Action", question.action.lower(), str.lower)
        and (not question.principal or _is_principal(statement, question.principal))
        and ("Principal" in statement or _names(statement, "Resource", question.resource, str))
        and all(
            _holds(operator, wanted, question.context, when_unsure)
            for operator, wanted in statement.get("Condition", {}).items()
        )
    )


def _names(statement: Document, element: str, value: str, fold: Callable[[str], str]) -> bool:
    """Match an element or its Not form (`NotAction`)."""
    if f"Not{element}" in statement:
        return not any(like(fold(one), value) for one in _listed(statement[f"Not{element}"]))
    return any(like(fold(one), value) for one in _listed(statement.get(element, ())))


def _is_principal(statement: Document, principal: str) -> bool:
    named = statement.get("Principal", {})
    if named == "*":
        return True
    return isinstance(named, Mapping) and principal in _listed(named.get("Service", ()))


def _holds(operator: str, wanted: Mapping[str, Any], context: Mapping[str, str], when_unsure: bool) -> bool:
    known = {key.lower(): value for key, value in context.items()}
    base = operator.removesuffix("IfExists")
    if base == "Null":
        return all((key.lower() not in known) == _true(value) for key, value in wanted.items())
    test = _TESTS.get(base.replace("Not", "", 1))
    if test is None:
        # Neither a grant nor the lifting of a ban may rest on what isn't understood.
        log.warning("policy condition operator %s is not evaluated", operator)
        return when_unsure
    negated = "Not" in base
    for key, values in wanted.items():
        given = known.get(key.lower())
        if given is None:
            if not negated and base == operator:
                return False
        elif any(test(str(value), given) for value in _listed(values)) == negated:
            return False
    return True


def _true(value: Any) -> bool:
    return str(_listed(value)[0]).lower() == "true"


def like(pattern: str, value: str) -> bool:
    """Match IAM's wildcards: `*` any text, `?` one character, everything else literally."""
    return _compiled(pattern).fullmatch(value) is not None


def arn_like(pattern: str, value: str) -> bool:
    """Match ARNs part by part, so that a `*` never reaches over a colon (the last part has the rest)."""
    wanted, given = pattern.split(":", 5), value.split(":", 5)
    return len(wanted) == len(given) == 6 and all(map(like, wanted, given))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # fnmatch would read [ as a set.
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")), re.DOTALL)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringEqualsIgnoreCase": lambda wanted, given: wanted.lower() == given.lower(),
    "StringLike": like,
    "ArnEquals": arn_like,
    "ArnLike": arn_like,
    "Bool": lambda wanted, given: wanted.lower() == given.lower(),
}
