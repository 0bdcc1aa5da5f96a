"""Judge a baking wave from samples taken after its change: the health gate.

A camera's result is the worst of its metrics, a wave's the worst of its cameras. Only evidence newer
than a camera's own change counts, and no data is Inconclusive: it pauses the wave and never passes it,
and a wave that stays inconclusive fails when its stage's time is up. Judging again with the same
samples gives the same answer, so a wait may be resumed anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from gatehouse.rollout.phases import AnalysisResult, worst_result
from gatehouse.rollout.sample import METRICS, CameraSample, Mark, Metric, read, stuck
from gatehouse.rollout.tolerance import too_many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gatehouse.office.policy import Gate, Tolerance

# Where there was nobody to see, there is nothing to find or to measure by.
MAY_BE_IDLE: frozenset[Metric] = frozenset({"documents", "latency"})


@dataclass(frozen=True, slots=True)
class Bake:
    """Hold the times of a wave's bake.

    `changed_at` tells by camera from when on evidence counts; every camera of the wave is in it.
    `overdue` tells that the stage's working time is used up (`waves.StageClock`).
    """

    changed_at: Mapping[str, datetime]
    until: datetime
    now: datetime
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class CameraResult:
    """Tell how one camera stands; `final` results don't get better by waiting."""

    result: AnalysisResult
    reason: str
    samples: int = 0
    final: bool = False


@dataclass(frozen=True, slots=True)
class Analysis:
    """Tell how a wave stands, and what to do: go on baking, pass, pause or fail.

    `result` is what the evidence says now, whatever the time. `quarantined` are the few bad cameras
    that the policy lets be set aside; the result is that of the others.
    """

    result: AnalysisResult
    decision: Literal["bake", "pass", "pause", "fail"]
    reason: str
    cameras: Mapping[str, CameraResult]
    quarantined: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as plain data."""
        cameras = {
            camera_id: {"result": found.result, "reason": found.reason, "samples": found.samples}
            for camera_id, found in sorted(self.cameras.items())
        }
        return {
            "result": self.result,
            "decision": self.decision,
            "reason": self.reason,
            "cameras": cameras,
            "quarantined": list(self.quarantined),
        }


def judge_wave(samples: Sequence[CameraSample], bake: Bake, gate: Gate, tolerance: Tolerance) -> Analysis:
    """Judge a wave: the answer doesn't depend on the order or repetition of samples."""
    mine: dict[str, list[CameraSample]] = {camera_id: [] for camera_id in bake.changed_at}
    for sample in samples:
        if sample.camera_id in mine:
            mine[sample.camera_id].append(sample)
    cameras = {
        camera_id: judge_camera(found, bake.changed_at[camera_id], gate) for camera_id, found in mine.items()
    }
    bad = sorted(camera_id for camera_id, found in cameras.items() if found.result == "Failed")
    judged = sum(found.result in {"Failed", "Successful"} for found in cameras.values())
    if stop := too_many(len(bad), judged, len(cameras), tolerance):
        return Analysis("Failed", "fail", f"{stop}. {_name(bad, cameras)}", cameras)
    aside = bad if tolerance.quarantine else []
    rest = {camera_id: found for camera_id, found in cameras.items() if camera_id not in aside}
    result = worst_result(found.result for found in rest.values())
    decision, reason = _decide(result, rest, bake)
    if aside:
        reason = f"{reason}. Set aside: {_name(aside, cameras)}"
    return Analysis(result, decision, reason, cameras, tuple(aside))


def _decide(
    result: AnalysisResult, cameras: Mapping[str, CameraResult], bake: Bake
) -> tuple[Literal["bake", "pass", "pause", "fail"], str]:
    baked = bake.now >= bake.until
    if result == "Successful":
        if baked:
            return "pass", f"all of {len(cameras)} cameras are healthy"
        return "bake", f"all of {len(cameras)} cameras are healthy so far"
    worst = sorted(camera_id for camera_id, found in cameras.items() if found.result == result)
    reason = f"{len(worst)} of {len(cameras)} cameras are {result}: {_name(worst, cameras)}"
    if not cameras:
        reason = "no camera is left to judge"
    if bake.overdue:
        return "fail", f"{reason}. The stage's time is up"
    if result == "Error":
        # Whoever can't see doesn't go on; it may be the looking that is broken, so nothing is undone.
        return "pause", reason
    if not baked:
        return "bake", reason
    return ("fail" if result == "Failed" else "pause"), reason


def _name(ids: Sequence[str], cameras: Mapping[str, CameraResult], most: int = 3) -> str:
    named = "; ".join(f"{camera_id}: {cameras[camera_id].reason}" for camera_id in ids[:most])
    return f"{named}; and {len(ids) - most} more" if len(ids) > most else named


def judge_camera(samples: Sequence[CameraSample], changed_at: datetime, gate: Gate) -> CameraResult:
    """Judge one camera from those of its samples that count nothing from before its change."""
    fresh = sorted({sample.at: sample for sample in samples if sample.since >= changed_at}.items())
    settled_at = changed_at + timedelta(seconds=gate.settle_seconds)
    counting = [sample for at, sample in fresh if at >= settled_at]
    # A processor that can't come up any more needn't settle.
    if fresh and (reason := stuck(fresh[-1][1], gate)):
        return CameraResult("Failed", reason, len(counting), final=True)
    verdicts = [_judge_metric(counting, metric, gate) for metric in METRICS]
    result = worst_result(verdict for verdict, _ in verdicts)
    reason = "; ".join(says for verdict, says in verdicts if verdict == result and says)
    return CameraResult(result, reason, len(counting), final=result == "Failed")


def _judge_metric(samples: Sequence[CameraSample], metric: Metric, gate: Gate) -> tuple[AnalysisResult, str]:
    """Judge one metric: so many bad samples in a row fail it, whatever came after."""
    readings = [read(sample, metric, gate) for sample in samples]
    runs = [(mark, len(list(run))) for mark, run in groupby(reading.mark for reading in readings)]
    if any(mark == "bad" and length >= gate.failed_samples for mark, length in runs):
        last_bad = next(reading for reading in reversed(readings) if reading.mark == "bad")
        return "Failed", last_bad.says
    if runs and runs[-1][0] == "error" and runs[-1][1] >= gate.error_samples:
        return "Error", readings[-1].says
    return _judge_unfailed([(reading.mark, reading.says) for reading in readings], metric, gate)


def _judge_unfailed(
    readings: Sequence[tuple[Mark, str]], metric: Metric, gate: Gate
) -> tuple[AnalysisResult, str]:
    """Tell whether a metric that hasn't failed has shown enough."""
    fine: set[Mark] = {"good", "idle"} if metric in MAY_BE_IDLE else {"good"}
    count = sum(mark in fine for mark, _ in readings)
    if not readings or count < gate.minimum_samples:
        latest = next((says for mark, says in reversed(readings) if mark not in fine), "")
        few = f"{metric}: {count} of {gate.minimum_samples} samples are there"
        return "Inconclusive", f"{few} ({latest})" if latest else few
    if readings[-1][0] not in fine:
        return "Inconclusive", f"{metric}: not settled: {readings[-1][1]}"
    return "Successful", ""
