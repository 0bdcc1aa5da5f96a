"""Let event source mappings be tagged."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatehouse_local.core.service import CallContext
    from gatehouse_local.lambda_.mappings.registry import Registry


class MappingTags:
    """Read and write the tags in mapping records."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def tags(self, context: CallContext, arn: str) -> dict[str, str]:
        """Return a mapping's tags."""
        record = self._registry.get(context.account, context.region, arn.rpartition(":")[2])
        found: dict[str, str] = record["tags"]
        return found

    def retag(self, context: CallContext, arn: str, tags: dict[str, str]) -> None:
        """Replace a mapping's tags."""
        self._registry.retag(context.account, context.region, arn.rpartition(":")[2], tags)
