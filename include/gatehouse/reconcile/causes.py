"""Name every way in which an office can differ from its manifest, how bad each is, and what to do.

What FAILED means is in the processor's own message (aws.md §2.7).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

DriftKind = Literal["missing", "changed", "unknown"]
Severity = Literal["critical", "warning", "note"]
Cause = Literal[
    "not_rolled_out",
    "missing",
    "retention",
    "mapping_disabled",
    "mapping_settings",
    "processor_settings",
    "processor_failed",
    "processor_stopped",
    "processor_stuck",
    "worker_settings",
    "analysis_missing",
    "analysis_settings",
    "other_engine",
    "left_over",
    "orphan",
    "stream_inactive",
    "edge_entry_missing",
    "edge_entry",
    "edge_entry_extra",
    "edge_behind",
    "edge_silent",
    "worker_behind",
    "worker_silent",
    "not_ingested",
]

_ROLL_OUT = "Run office_rollout"


@dataclass(frozen=True, slots=True)
class Kind:
    """Say which way a cause is off, how bad it is, and what a person does about it."""

    kind: DriftKind
    severity: Severity
    remedy: str


KINDS: dict[Cause, Kind] = {
    "not_rolled_out": Kind("missing", "note", _ROLL_OUT),
    "missing": Kind("missing", "critical", f"See in CloudTrail who removed it. {_ROLL_OUT}"),
    "retention": Kind("changed", "warning", _ROLL_OUT),
    "mapping_disabled": Kind("changed", "critical", "Enable it: its records wait, and expire after a day"),
    "mapping_settings": Kind("changed", "warning", _ROLL_OUT),
    "processor_settings": Kind("changed", "critical", f"{_ROLL_OUT}, which replaces it"),
    "processor_failed": Kind("changed", "critical", "Put right what AWS names, and start it"),
    "processor_stopped": Kind("changed", "critical", "Start it"),
    "processor_stuck": Kind("changed", "critical", "Delete it, create it again, then ask AWS Support"),
    "worker_settings": Kind("changed", "warning", _ROLL_OUT),
    "analysis_missing": Kind("missing", "critical", _ROLL_OUT),
    "analysis_settings": Kind("changed", "critical", _ROLL_OUT),
    "other_engine": Kind("changed", "warning", f"{_ROLL_OUT}, which hands over between the engines"),
    "left_over": Kind("unknown", "note", f"{_ROLL_OUT}, which removes it"),
    "orphan": Kind("unknown", "warning", "Run office_decommission, or put it into the manifest"),
    "stream_inactive": Kind("changed", "warning", "Wait until it is ACTIVE; then look who changes it"),
    "edge_entry_missing": Kind("missing", "critical", _ROLL_OUT),
    "edge_entry": Kind("changed", "critical", _ROLL_OUT),
    "edge_entry_extra": Kind("unknown", "warning", "Run office_decommission for this camera"),
    "edge_behind": Kind("changed", "warning", "Read the log of the office's proxy"),
    "edge_silent": Kind("changed", "critical", "Look whether the office's proxy and its line are up"),
    "worker_behind": Kind("changed", "warning", "Read the log of the office's frame-search worker"),
    "worker_silent": Kind("changed", "critical", "Look whether the office's frame-search worker is up"),
    "not_ingested": Kind("missing", "critical", f"{_ROLL_OUT}. Until then its records are refused"),
}

Failure = Literal[
    "role", "video_access", "data_access", "collection", "video_gone", "records_gone", "unclear"
]
_MESSAGES: tuple[tuple[Failure, re.Pattern[str]], ...] = (
    ("role", re.compile(r"access denied to role", re.IGNORECASE)),
    ("video_access", re.compile(r"access denied to kinesis ?video", re.IGNORECASE)),
    ("data_access", re.compile(r"access denied to kinesis ?data", re.IGNORECASE)),
    ("collection", re.compile(r"collection\b.*not found", re.IGNORECASE)),
    ("records_gone", re.compile(r"stream \S+ under account \S+ (was )?not found", re.IGNORECASE)),
    ("video_gone", re.compile(r"stream \S+ (doesn.?t|does not) exist", re.IGNORECASE)),
)


def failure_of(message: str) -> Failure:
    """Return what made a processor FAILED, by its StatusMessage."""
    return next((failure for failure, pattern in _MESSAGES if pattern.search(message)), "unclear")
