"""Keep tags of collections and stream processors by their ARN."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.rekognition.records import SERVICE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatehouse_local.core.service import CallContext, Operation
    from gatehouse_local.rekognition.state import State

# The least that AWS documents: 50 tags a resource, no key of AWS's own.
_MOST_TAGS = 50
_RESOURCE = re.compile(
    r"arn:aws:rekognition:(?P<region>[^:]+):(?P<account>\d{12}):(?P<kind>[a-z]+)/(?P<name>.+)"
)
# The table that holds each kind of resource; stream processors are kept by gatehouse_local.processors.
_TABLES = {"collection": "collection", "streamprocessor": "processor"}


def collection_arn(context: CallContext, collection_id: str) -> str:
    """Return the collection's ARN."""
    return f"arn:aws:rekognition:{context.region}:{context.account}:collection/{collection_id}"


def check_tags(keys: Iterable[str], already: Iterable[str] = ()) -> None:
    """Refuse AWS's own prefix and more tags than a resource may have."""
    keys = set(keys)
    if any(key.lower().startswith("aws:") for key in keys):
        raise AwsError("InvalidParameterException", "Tag keys may not start with aws:")
    if len(keys | set(already)) > _MOST_TAGS:
        raise AwsError("ServiceQuotaExceededException", f"A resource can have at most {_MOST_TAGS} tags")


class Tags:
    """Read and write the tags of existing resources."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Operation]:
        """Name the operations as AWS does."""
        return {
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list,
        }

    def tag(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Add tags, or give those that are there new values."""
        with self._state.store.transaction():
            tags = self._of(context, params["ResourceArn"])
            check_tags(params["Tags"], already=tags)
            self._write(context, params["ResourceArn"], tags | params["Tags"])
        return {}

    def untag(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Remove tags; keys that are not there are passed over."""
        with self._state.store.transaction():
            tags = self._of(context, params["ResourceArn"])
            kept = {key: value for key, value in tags.items() if key not in params["TagKeys"]}
            self._write(context, params["ResourceArn"], kept)
        return {}

    def list(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Return the resource's tags."""
        return {"Tags": self._of(context, params["ResourceArn"])}

    def _of(self, context: CallContext, arn: str) -> dict[str, str]:
        """Return the tags of an existing resource of this account and Region."""
        found = _RESOURCE.fullmatch(arn)
        if found is None or found["kind"] not in _TABLES:
            raise AwsError("InvalidParameterException", f"Invalid resource ARN: {arn}")
        table = self._state.store.table(SERVICE, _TABLES[found["kind"]])
        here = (found["account"], found["region"]) == (context.account, context.region)
        if not here or table.get(context.account, context.region, found["name"]) is None:
            raise AwsError("ResourceNotFoundException", f"The resource: {arn} does not exist")
        body = self._state.tags.get(context.account, context.region, arn) or {"tags": {}}
        tags: dict[str, str] = body["tags"]
        return tags

    def _write(self, context: CallContext, arn: str, tags: dict[str, str]) -> None:
        self._state.tags.put(context.account, context.region, arn, {"tags": tags})
