"""Read and write the ways AWS names a function or a mapping."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse_local.lambda_ import errors

if TYPE_CHECKING:
    from gatehouse_local.core.service import CallContext

LATEST = "$LATEST"
_REFERENCE = re.compile(
    r"^(?:arn:(?:aws[a-zA-Z-]*):lambda:(?P<region>[a-z0-9-]+):)?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9_-]{1,64})(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?$"
)


@dataclass(frozen=True, slots=True)
class FunctionKey:
    """Name one function: what every table of this service is keyed by."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """Return the unqualified ARN."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"


def resolve(context: CallContext, reference: str, qualifier: str | None = None) -> FunctionKey:
    """Turn a name, partial ARN or ARN into a key; only $LATEST exists as a version here."""
    match = _REFERENCE.match(reference)
    if match is None:
        raise errors.constraint_violated("functionName", reference, _REFERENCE.pattern)
    key = FunctionKey(match["account"] or context.account, match["region"] or context.region, match["name"])
    if (key.account, key.region) != (context.account, context.region):
        raise errors.function_not_found(key.arn)
    wanted = qualifier or match["qualifier"] or LATEST
    if wanted != LATEST:
        raise errors.function_not_found(f"{key.arn}:{wanted}")
    return key


def key_of(arn: str) -> FunctionKey:
    """Read a function ARN this service wrote itself."""
    _, _, _, region, account, _, name = arn.split(":")[:7]
    return FunctionKey(account, region, name)


def mapping_arn(account: str, region: str, uuid: str) -> str:
    """Return an event source mapping's ARN."""
    return f"arn:aws:lambda:{region}:{account}:event-source-mapping:{uuid}"
