"""Count what cameras take of a Region's quotas, per engine.

`stream_processor` gives every camera a video stream, a record stream, a mapping and a processor, none of
which can be shared (aws.md §0.3). `frame_search` gives every camera a video stream, and every office one
record stream and one mapping; its worker calls the Image API instead.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gatehouse.office.model import Engine

DETECT = "rekognition:DetectFaces"
SEARCH = "rekognition:SearchFacesByImage"


@dataclass(frozen=True, slots=True)
class Fleet:
    """Describe one Region's cameras that share an engine.

    `frames_per_second` is how often frame_search samples; 0 means as the assumptions say.
    """

    region: str
    engine: Engine
    cameras: int
    offices: int = 1
    shards: int = 1
    parallelization: int = 1
    retention_hours: int = 24
    faces_enrolled: int = 0
    frames_per_second: float = 0.0

    @property
    def record_streams(self) -> int:
        """Count the Kinesis data streams, and as many mappings."""
        return self.cameras if self.engine == "stream_processor" else self.offices


@dataclass(frozen=True, slots=True)
class Sampling:
    """Say how often frame_search looks, and how much of that reaches the Image API when it is busiest."""

    frames_per_second: float
    peak_motion_share: float
    peak_face_share: float
    faces_per_frame: float


@dataclass(frozen=True, slots=True)
class Demand:
    """Hold what one Region needs: `{quota key: amount}` per engine, on top of what is in use there."""

    region: str
    by_engine: Mapping[Engine, Mapping[str, float]] = field(default_factory=dict)

    def total(self) -> dict[str, float]:
        """Sum over the engines."""
        total: Counter[str] = Counter()
        for needs in self.by_engine.values():
            total.update(needs)
        return dict(total)

    def engines(self, key: str) -> tuple[Engine, ...]:
        """Name the engines that need something of a quota."""
        return tuple(sorted(engine for engine, needs in self.by_engine.items() if needs.get(key)))


def fleet_needs(fleet: Fleet, sampling: Sampling) -> dict[str, float]:
    """Return what a fleet takes of each quota once it runs."""
    shards = fleet.record_streams * fleet.shards
    needs: dict[str, float] = {
        "video_streams": fleet.cameras,
        "shards": shards,
        "lambda_concurrency": shards * fleet.parallelization,
    }
    if fleet.engine == "stream_processor":
        return needs | {"stream_processors": fleet.cameras, "face_search_processors": fleet.cameras}
    if fleet.frames_per_second:
        sampling = replace(sampling, frames_per_second=fleet.frames_per_second)
    return needs | image_calls(fleet.cameras, sampling)


def image_calls(cameras: int, sampling: Sampling) -> dict[str, float]:
    """Return the Image API's calls per second at the busiest time: one search per face (aws.md §0.6)."""
    detections = cameras * sampling.frames_per_second * sampling.peak_motion_share
    return {DETECT: detections, SEARCH: detections * sampling.peak_face_share * sampling.faces_per_frame}


def fleet_demand(fleets: Iterable[Fleet], sampling: Sampling) -> dict[str, Demand]:
    """Return the demand of every Region that the fleets are in."""
    sums: dict[str, dict[Engine, Counter[str]]] = {}
    for fleet in fleets:
        engines = sums.setdefault(fleet.region, {})
        engines.setdefault(fleet.engine, Counter()).update(fleet_needs(fleet, sampling))
    return {
        region: Demand(region, {engine: dict(needs) for engine, needs in engines.items()})
        for region, engines in sums.items()
    }
