"""Read which cameras misbehave from a control file, so that tests and demos can plant faults live.

The file is JSON, `{camera_id: fault}`; a missing file means that all is well.

| fault | what the camera does |
|---|---|
| unauthorised | answers 401 whatever the credentials |
| h265 | describes and sends H.265 |
| hang | falls silent after PLAY: no picture, no report, no answer |
| mute | sends reports and answers, but no picture |
| frozen | repeats one second of picture for ever, with running timestamps |
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

Fault = Literal["unauthorised", "h265", "hang", "mute", "frozen"]


class FaultFile:
    """Hold the faults that the control file names; `reload` is cheap enough for every second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._faults: dict[str, Fault] = {}
        self.reload()

    def of(self, camera_id: str) -> Fault | None:
        """Return a camera's fault, None if it works."""
        return self._faults.get(camera_id)

    def reload(self) -> None:
        """Read the file if it changed; a half-written or wrong one is named and leaves all as it was."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._seen, self._faults = None, {}
            return
        if self._seen == (stat.st_mtime_ns, stat.st_size):
            return
        try:
            self._faults = _parse(self._path.read_text())
        except (OSError, ValueError, AttributeError) as error:
            log.warning("%s is ignored until it is right: %s", self._path, error)
            return
        self._seen = (stat.st_mtime_ns, stat.st_size)


def _parse(text: str) -> dict[str, Fault]:
    """Check a control file's content."""
    known = {str(fault): fault for fault in get_args(Fault)}
    faults: dict[str, Fault] = {}
    for camera_id, name in json.loads(text).items():
        if name not in known:
            raise ValueError(f"{camera_id}: {name!r} is no fault; choose one of {', '.join(known)}")
        faults[camera_id] = known[name]
    return faults
