"""Tag functions and event source mappings by ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from gatehouse_local.lambda_ import errors

if TYPE_CHECKING:
    from gatehouse_local.core.service import CallContext, Operation

MAX_TAGS = 50


class Taggable(Protocol):
    """Keep the tags of one kind of resource."""

    def tags(self, context: CallContext, arn: str) -> dict[str, str]:
        """Return a resource's tags, or raise AWS's not-found."""
        ...

    def retag(self, context: CallContext, arn: str, tags: dict[str, str]) -> None:
        """Replace a resource's tags."""
        ...


class TagOperations:
    """Serve TagResource, UntagResource and ListTags over every kind, found by the ARN's resource type."""

    def __init__(self, kinds: dict[str, Taggable]) -> None:
        self._kinds = kinds

    def table(self) -> dict[str, Operation]:
        """Return the operations by AWS's names."""
        return {"TagResource": self.tag, "UntagResource": self.untag, "ListTags": self.list}

    def tag(self, context: CallContext, request: dict[str, Any]) -> None:
        """Add tags or change their values."""
        kind, arn = self._find(request)
        tags = {**kind.tags(context, arn), **request["Tags"]}
        if len(tags) > MAX_TAGS:
            raise errors.invalid_parameter(f"The resource can't have more than {MAX_TAGS} tags.")
        kind.retag(context, arn, tags)

    def untag(self, context: CallContext, request: dict[str, Any]) -> None:
        """Remove tags; names that aren't there are ignored."""
        kind, arn = self._find(request)
        gone = set(request["TagKeys"])
        kind.retag(context, arn, {k: v for k, v in kind.tags(context, arn).items() if k not in gone})

    def list(self, context: CallContext, request: dict[str, Any]) -> dict[str, Any]:
        """Return a resource's tags."""
        kind, arn = self._find(request)
        return {"Tags": kind.tags(context, arn)}

    def _find(self, request: dict[str, Any]) -> tuple[Taggable, str]:
        arn: str = request["Resource"]
        parts = arn.split(":")
        kind = self._kinds.get(parts[5]) if len(parts) > 6 else None
        if kind is None:
            raise errors.resource_not_found()
        return kind, arn
