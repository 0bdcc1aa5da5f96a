"""Keep what the worker as a whole can't do now, by part."""

from __future__ import annotations

import logging
from threading import Lock

log = logging.getLogger(__name__)


class Complaints:
    """Hold one sentence per part; a change is logged once. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._texts: dict[str, str] = {}

    def set(self, part: str, text: str) -> None:
        """Say what a part can't do."""
        with self._lock:
            changed = self._texts.get(part) != text
            self._texts[part] = text
        if changed:
            log.error("%s: %s", part, text)

    def clear(self, part: str) -> None:
        """Say that a part works."""
        with self._lock:
            gone = self._texts.pop(part, None)
        if gone is not None:
            log.info("%s: works again", part)

    def all(self) -> dict[str, str]:
        """Return what is wrong now."""
        with self._lock:
            return dict(self._texts)
