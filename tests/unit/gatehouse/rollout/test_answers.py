"""Whether a camera answers is its proxy's word, as long as that is fresh."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gatehouse.office.edge import EdgeObserved, ObservedCamera
from gatehouse.rollout.answers import camera_answers

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def said(phase: str, *, at: datetime = NOW, reason: str = "") -> EdgeObserved:
    camera = ObservedCamera(camera_id="CAM_1", phase=phase, reason=reason)  # type: ignore[arg-type]
    return EdgeObserved(office="berlin", at=at, started_at=at, version_applied=1, cameras=(camera,))


@pytest.mark.parametrize(
    ("phase", "answer"),
    [
        ("streaming", "yes"),
        ("spooling", "yes"),
        ("refused", "no"),
        ("reconnecting", "no"),
        ("starting", "unknown"),
        ("stopped", "unknown"),
    ],
)
def test_a_phase_tells_whether_the_camera_answers(phase: str, answer: str) -> None:
    seen = camera_answers("berlin", said(phase, reason="because"), ["CAM_1"], NOW)["CAM_1"]
    assert seen.answer == answer
    assert answer == "yes" or seen.detail == f"{phase}: because"


def test_an_old_word_counts_for_nothing() -> None:
    old = said("streaming", at=NOW - timedelta(minutes=3))
    seen = camera_answers("berlin", old, ["CAM_1"], NOW)["CAM_1"]
    assert (seen.answer, "silent since 2026-11-23T08:57:00" in seen.detail) == ("unknown", True)


def test_a_new_office_or_camera_is_unknown() -> None:
    assert camera_answers("berlin", None, ["CAM_1"], NOW)["CAM_1"].answer == "unknown"
    assert (
        "doesn't carry it yet" in camera_answers("berlin", said("streaming"), ["CAM_2"], NOW)["CAM_2"].detail
    )
