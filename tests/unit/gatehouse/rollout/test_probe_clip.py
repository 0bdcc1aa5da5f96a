"""A clip says who is seen when, and a camera whose rules tell of nobody can't be proved by it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gatehouse.ingest.snapshot import SnapshotRule
from gatehouse.office import naming
from gatehouse.rollout.probe import ClipTruth
from gatehouse.rollout.probe_clip import ClipFile, truth_key, why_silent

TRUTH: dict[str, Any] = {
    "clip_sha256": "0" * 64,
    "duration_s": 11,
    "fps": 12,
    "enrolled": {"person_id": "E1519", "start_s": 0, "end_s": 5},
    "stranger": {"start_s": 5, "end_s": 11},
}
CLIP = ClipFile(**TRUTH)
RULE = SnapshotRule(kind="non_employee", k=3, n=10, window_seconds=15, similarity=80, channel="security")


def test_a_clips_truth_is_told_in_the_ledgers_words() -> None:
    assert CLIP.truth("p-7") == ClipTruth("p-7", (0, 5_000), (5_000, 11_000), 11_000)


def test_the_truth_lies_beside_the_clip() -> None:
    assert truth_key(naming.PROBE_CLIP_KEY) == naming.PROBE_TRUTH_KEY
    assert truth_key("clip.mp4") == "truth.json"


@pytest.mark.parametrize(
    "change",
    [
        {"duration_s": 10},
        {"stranger": {"start_s": 5, "end_s": 5}},
        {"clip_sha256": "abc"},
        {"enrolled": {"person_id": "", "start_s": 0, "end_s": 5}},
        {"colour": "red"},
    ],
)
def test_a_truth_that_cant_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ClipFile(**{**TRUTH, **change})


def test_a_camera_whose_rule_tells_of_strangers_can_be_proved() -> None:
    assert why_silent(["non_employee"], {"non_employee": RULE}, CLIP) == ""
    assert why_silent(["non_employee"], {"non_employee": RULE}, CLIP, 0.5) == ""


def test_a_camera_without_such_a_rule_cant_be_proved() -> None:
    why = why_silent(["other"], {"non_employee": RULE}, CLIP)
    assert why.startswith("none of its rules is of kind non_employee")


def test_a_camera_that_is_looked_at_too_rarely_cant_be_proved() -> None:
    why = why_silent(["non_employee"], {"non_employee": RULE}, CLIP, 0.4)
    assert why.startswith("its rules want 3 frames of the clip's stranger, who is seen for 6 s at 0.4")
