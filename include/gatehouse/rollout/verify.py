"""Decide whether a camera's path works, from evidence newer than the change.

No data is not success. Whether a face must be among it is the plan's: where it probes cameras, a clip brings
the faces; where it doesn't, a camera that nobody passed stays unverified, with that reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["verified", "waiting", "failed"]
# A proxy tries a refusing camera again after some seconds: until then it repeats what was before the change.
REFUSAL_COUNTS_AFTER_S = 10.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Count what was seen of one camera since `since`; nothing older may be counted.

    `frames_analysed` counts those of probes too, `documents` only real people's.
    `edge_phase` and `edge_reason` are the office proxy's own words; empty where it hasn't reported since.
    `edge_after_s` tells how many seconds after `since` it said so.
    """

    fragments: int = 0
    frames_analysed: int = 0
    documents: int = 0
    processor_status: str = ""
    processor_message: str = ""
    edge_phase: str = ""
    edge_reason: str = ""
    edge_after_s: float = 0.0

    @property
    def refused(self) -> bool:
        """Tell whether the proxy still is refused, after a time in which it tried again."""
        return self.edge_phase == "refused" and self.edge_after_s >= REFUSAL_COUNTS_AFTER_S


@dataclass(frozen=True, slots=True)
class Verdict:
    """Tell how far one camera is; the reason names the first step that is missing."""

    camera_id: str
    outcome: Outcome
    reason: str

    @property
    def done(self) -> bool:
        """Tell whether waiting longer can't change the outcome."""
        return self.outcome != "waiting"


def judge_media(camera_id: str, evidence: Evidence, *, overdue: bool) -> Verdict:
    """Decide whether a camera's media flows; its processor may be started only then (aws.md §2.6)."""
    if evidence.fragments:
        return Verdict(camera_id, "verified", f"{evidence.fragments} fragments arrived")
    return _pending(camera_id, _why_no_media(evidence), overdue=overdue or evidence.refused)


def judge_processor(camera_id: str, evidence: Evidence, *, overdue: bool) -> Verdict:
    """Decide whether a started processor runs; starting it says nothing (aws.md §2.7)."""
    if evidence.processor_status == "RUNNING":
        return Verdict(camera_id, "verified", "its stream processor is RUNNING")
    if evidence.processor_status == "FAILED":
        return _failed_processor(camera_id, evidence)
    reason = f"its stream processor is {evidence.processor_status or 'gone'} instead of RUNNING"
    return _pending(camera_id, reason, overdue=overdue)


def judge_analysis(camera_id: str, evidence: Evidence, *, overdue: bool) -> Verdict:
    """Decide whether fragments arrive and are analysed; nobody need be in view.

    `overdue` turns waiting to failed. Whether a changed camera's faces arrive too is its probe's to say.
    """
    if evidence.processor_status == "FAILED":
        return _failed_processor(camera_id, evidence)
    if not evidence.fragments:
        return _pending(camera_id, _why_no_media(evidence), overdue=overdue)
    if not evidence.frames_analysed:
        reason = f"{evidence.fragments} fragments arrived, but no analysed frame is searchable"
        return _pending(camera_id, f"{reason}. See the ingest function's log", overdue=overdue)
    seen = f"{evidence.fragments} fragments, {evidence.frames_analysed} frames analysed"
    return Verdict(camera_id, "verified", seen)


def judge_camera(camera_id: str, evidence: Evidence, *, overdue: bool) -> Verdict:
    """Decide as `judge_analysis`, and whether somebody's face is searchable: here no probe proves that."""
    analysed = judge_analysis(camera_id, evidence, overdue=overdue)
    if analysed.outcome != "verified":
        return analysed
    if not evidence.documents:
        reason = (
            f"{evidence.frames_analysed} frames were analysed, but no face is searchable: nobody passed, "
            "or the camera sees no faces. Walk past it and run the rollout again"
        )
        return _pending(camera_id, reason, overdue=overdue)
    return Verdict(camera_id, "verified", f"{analysed.reason}, {evidence.documents} documents searchable")


def _failed_processor(camera_id: str, evidence: Evidence) -> Verdict:
    reason = (
        f"its stream processor FAILED: {evidence.processor_message or 'AWS gives no reason'}. "
        "Put right what AWS names and run the rollout again"
    )
    return Verdict(camera_id, "failed", reason)


def _why_no_media(evidence: Evidence) -> str:
    if not evidence.edge_phase:
        return "no fragment arrived and the office's proxy hasn't reported this camera since. Is it running?"
    says = f"{evidence.edge_phase}: {evidence.edge_reason}" if evidence.edge_reason else evidence.edge_phase
    return f"no fragment arrived; the office's proxy says '{says}'"


def _pending(camera_id: str, reason: str, *, overdue: bool) -> Verdict:
    return Verdict(camera_id, "failed" if overdue else "waiting", reason)
