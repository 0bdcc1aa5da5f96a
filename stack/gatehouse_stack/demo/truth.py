"""Know who stood in front of which camera, and when, by the wall clock.

A truth file tells a visit's seconds within a video; each loop's start is recorded by the camera.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Visit:
    """Hold one person's uninterrupted presence; `start` and `end` are epoch seconds."""

    camera_id: str
    visit_id: str
    loop: int
    subject: str
    role: Literal["employee", "stranger"]
    start: float
    end: float

    @property
    def name(self) -> str:
        """Name the visit for a person: which one, in which loop."""
        return f"{self.visit_id} (loop {self.loop})"


def read(company: Path, loops: Path) -> list[Visit]:
    """Return every visit of every loop recorded so far, by camera and time.

    A loop's line that is still being written is left for the next reading.
    """
    scripts = {file.stem: json.loads(file.read_text()) for file in (company / "truth").glob("*.json")}
    lines = loops.read_text().splitlines(keepends=True) if loops.exists() else []
    whole = (json.loads(line) for line in lines if line.endswith("\n"))
    return sorted(visits(scripts, whole), key=lambda visit: (visit.camera_id, visit.start))


def visits(scripts: dict[str, Any], loops: Iterable[dict[str, Any]]) -> Iterator[Visit]:
    """Place each script's visits on the wall clock, once per loop."""
    for loop in loops:
        script = scripts.get(loop["camera_id"])
        for visit in script["visits"] if script else ():
            yield Visit(
                camera_id=loop["camera_id"],
                visit_id=visit["visit_id"],
                loop=loop["loop"],
                subject=visit["subject"],
                role=visit["role"],
                start=loop["wall_start"] + visit["start_s"],
                end=loop["wall_start"] + visit["end_s"],
            )


def cameras(company: Path) -> list[str]:
    """Return the cameras that have ground truth."""
    return sorted(file.stem for file in (company / "truth").glob("*.json"))
