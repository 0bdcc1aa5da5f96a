"""Cut a list into pages: the marker names the last item of the page before."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, TypeVar

from gatehouse_local.lambda_ import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")


def page(
    items: Sequence[Item], name: Callable[[Item], str], marker: str | None, limit: int | None, most: int
) -> tuple[list[Item], str | None]:
    """Return the items after `marker` (sorted by name) and the marker of the next page, if any."""
    after = _read(marker) if marker else ""
    rest = sorted((item for item in items if name(item) > after), key=name)
    size = min(limit or most, most)
    chosen = rest[:size]
    more = len(rest) > size
    return chosen, base64.urlsafe_b64encode(name(chosen[-1]).encode()).decode() if more else None


def _read(marker: str) -> str:
    try:
        return base64.urlsafe_b64decode(marker.encode()).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise errors.invalid_parameter("The marker is not one that this service returned.") from error
