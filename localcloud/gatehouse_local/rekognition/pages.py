"""Cut lists into pages and say where the next one starts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

from gatehouse_local.core.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

# The service model allows a token 255 characters. A longer key is cut, and the next page starts after
# everything that shares the 240 characters: only two collection ids as long as that could be affected.
_LONGEST_KEY = 240


def page(
    items: Sequence[tuple[str, T]], *, scope: str, token: str | None, size: int
) -> tuple[list[T], dict[str, str]]:
    """Return one page of (key, value) items, in key order, and `NextToken` where more follow.

    A token belongs to a `scope` (operation, owner, filters) and survives the deletion of items.

    :raises AwsError: InvalidPaginationTokenException, the token is not one of this scope's
    """
    mark = hashlib.sha256(scope.encode()).hexdigest()[:12]
    start = 0
    if token is not None:
        after = _read(token, mark)
        start = sum(1 for key, _ in items if key[:_LONGEST_KEY] <= after)
    chosen = items[start : start + size]
    more = start + size < len(items)
    following = {"NextToken": f"{mark}.{chosen[-1][0][:_LONGEST_KEY]}"} if more else {}
    return [value for _, value in chosen], following


def _read(token: str, mark: str) -> str:
    found, separator, key = token.partition(".")
    if found != mark or not separator:
        raise AwsError("InvalidPaginationTokenException", "Invalid pagination token")
    return key
