"""Know who stood in front of which camera, and when, by the wall clock.

A truth file tells a visit's seconds within a video; each loop's start is recorded by the camera.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gatehouse_stack.layout import Layout


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


@dataclass(frozen=True, slots=True)
class Truth:
    """Hold each camera's script, read once; `loops` is the file in which cameras record their loops."""

    scripts: Mapping[str, Any]
    loops: Path

    @classmethod
    def of(cls, layout: Layout, cameras: Iterable[str]) -> Truth:
        """Read the scripts of these cameras."""
        files = {camera: layout.company / "truth" / f"{camera}.json" for camera in cameras}
        scripts = {camera: json.loads(file.read_text()) for camera, file in files.items()}
        return cls(scripts, layout.run / "loops.jsonl")

    @property
    def loop_seconds(self) -> float:
        """The longest video's length."""
        return max(float(script["duration_s"]) for script in self.scripts.values())

    def planned(self) -> set[tuple[str, str]]:
        """Return camera and id of every visit that a loop has."""
        return {(c, visit["visit_id"]) for c, script in self.scripts.items() for visit in script["visits"]}

    def visits(self) -> list[Visit]:
        """Return every visit of every loop recorded so far, by camera and time.

        A loop's line that is still being written is left for the next reading.
        """
        lines = self.loops.read_text().splitlines(keepends=True) if self.loops.exists() else []
        whole = (json.loads(line) for line in lines if line.endswith("\n"))
        return sorted(visits(self.scripts, whole), key=lambda visit: (visit.camera_id, visit.start))


def visits(scripts: Mapping[str, Any], loops: Iterable[Mapping[str, Any]]) -> Iterator[Visit]:
    """Place each script's visits on the wall clock, once per loop.

    A loop ends where its camera's next one begins: what a stop of the camera cut off never happened.
    """
    ends: dict[str, float] = {}
    for loop in reversed(list(loops)):
        script = scripts.get(loop["camera_id"])
        end = ends.get(loop["camera_id"], math.inf)
        ends[loop["camera_id"]] = loop["wall_start"]
        for visit in script["visits"] if script else ():
            if loop["wall_start"] + visit["start_s"] >= end:
                continue
            yield Visit(
                camera_id=loop["camera_id"],
                visit_id=visit["visit_id"],
                loop=loop["loop"],
                subject=visit["subject"],
                role=visit["role"],
                start=loop["wall_start"] + visit["start_s"],
                end=loop["wall_start"] + visit["end_s"],
            )
