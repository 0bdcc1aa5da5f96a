"""Measure one camera at one moment of its bake, against what a healthy camera shows.

A sample counts what came between `since` and `at`; what couldn't be asked is None, and why stands in
`errors`. Zero is an answer, None is not.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatehouse.office.policy import Gate, GateLimits

Mark = Literal["good", "bad", "idle", "missing", "error"]
Metric = Literal["fragments", "ack_errors", "lag", "frames", "documents", "latency", "processor"]
METRICS: tuple[Metric, ...] = (
    "fragments",
    "ack_errors",
    "lag",
    "frames",
    "documents",
    "latency",
    "processor",
)


@dataclass(frozen=True, slots=True)
class CameraSample:
    """Hold what was seen of one camera; seconds and counts.

    `processor` is the state of what analyses the camera, in Rekognition's words for either engine;
    `starting_seconds` tells how long it has been STARTING. `lag_seconds` is how far the last persisted
    fragment is behind, `latency_seconds` how long a frame took to become searchable, both None where
    there was nothing to measure them by. `errors` tells by metric why it couldn't be asked.
    """

    camera_id: str
    since: datetime
    at: datetime
    fragments: int | None = None
    ack_errors: int | None = None
    lag_seconds: float | None = None
    frames: int | None = None
    face_frames: int | None = None
    documents: int | None = None
    latency_seconds: float | None = None
    processor: str | None = None
    processor_message: str = ""
    starting_seconds: float = 0.0
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def minutes(self) -> float:
        """Return how many minutes the counts cover."""
        return (self.at - self.since).total_seconds() / 60

    def to_json(self) -> dict[str, Any]:
        """Return the sample as plain data."""
        return {**asdict(self), "since": self.since.isoformat(), "at": self.at.isoformat()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CameraSample:
        """Restore a sample from plain data."""
        times = {name: datetime.fromisoformat(data[name]) for name in ("since", "at")}
        return cls(**{**data, **times})


@dataclass(frozen=True, slots=True)
class Reading:
    """Mark one metric of one sample; `says` tells the value and its bound where it isn't good."""

    mark: Mark
    says: str = ""


def read(sample: CameraSample, metric: Metric, gate: Gate) -> Reading:
    """Mark one metric of a sample."""
    if metric in sample.errors:
        return Reading("error", f"{metric} can't be asked: {sample.errors[metric]}")
    if metric == "processor":
        return _processor(sample)
    if metric == "documents":
        return _documents(sample, gate.limits)
    if metric == "latency":
        return _at_most("s from frame to search", sample.latency_seconds, gate.limits.latency_seconds, "idle")
    if metric == "lag":
        return _at_most("s behind", sample.lag_seconds, gate.limits.lag_seconds, "missing")
    if metric == "ack_errors":
        errors = _rate(sample.ack_errors, sample.minutes)
        return _at_most("refused fragments a minute", errors, gate.limits.ack_errors_per_minute, "missing")
    if metric == "fragments":
        return _at_least("fragments", sample.fragments, sample.minutes, gate.limits.fragments_per_minute)
    return _at_least("analysed frames", sample.frames, sample.minutes, gate.limits.frames_per_minute)


def stuck(sample: CameraSample, gate: Gate) -> str:
    """Say why waiting for this camera's processor is useless, or nothing if it isn't (aws.md §2.7)."""
    if sample.processor == "FAILED":
        return f"its processor FAILED: {sample.processor_message or 'AWS gives no reason'}"
    if sample.processor == "STARTING" and sample.starting_seconds > gate.starting_limit_seconds:
        return f"its processor is STARTING for {sample.starting_seconds:.0f} s. Delete and create it again"
    return ""


def _processor(sample: CameraSample) -> Reading:
    if sample.processor is None:
        return Reading("missing", "nothing is known of its processor")
    if sample.processor == "RUNNING":
        return Reading("good")
    return Reading("bad", f"its processor is {sample.processor or 'gone'} instead of RUNNING")


def _documents(sample: CameraSample, limits: GateLimits) -> Reading:
    if sample.documents is None or sample.face_frames is None:
        return Reading("missing", "no count of searchable documents")
    if not sample.face_frames:
        return Reading("idle", "nobody was seen")
    if sample.documents >= limits.documents_per_face_frame * sample.face_frames:
        return Reading("good")
    return Reading(
        "bad", f"{sample.documents} documents are searchable of {sample.face_frames} frames with faces"
    )


def _rate(count: int | None, minutes: float) -> float | None:
    return None if count is None or minutes <= 0 else count / minutes


def _at_least(what: str, count: int | None, minutes: float, least: float) -> Reading:
    rate = _rate(count, minutes)
    if rate is None:
        return Reading("missing", f"no count of {what}")
    return (
        Reading("good")
        if rate >= least
        else Reading("bad", f"{rate:.1f} {what} a minute, {least:g} expected")
    )


def _at_most(what: str, value: float | None, most: float, without: Mark) -> Reading:
    if value is None:
        return Reading(without, f"nothing to measure {what} by")
    return (
        Reading("good") if value <= most else Reading("bad", f"{value:.1f} {what}, at most {most:g} expected")
    )
