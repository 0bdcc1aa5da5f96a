"""Let functions be tagged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse_local.lambda_.naming import resolve

if TYPE_CHECKING:
    from gatehouse_local.core.service import CallContext
    from gatehouse_local.lambda_.functions.catalogue import Catalogue


class FunctionTags:
    """Read and write the tags in function records."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def tags(self, context: CallContext, arn: str) -> dict[str, str]:
        """Return a function's tags."""
        found: dict[str, str] = self._catalogue.get(resolve(context, arn))["tags"]
        return found

    def retag(self, context: CallContext, arn: str, tags: dict[str, str]) -> None:
        """Replace a function's tags."""
        self._catalogue.retag(resolve(context, arn), tags)
