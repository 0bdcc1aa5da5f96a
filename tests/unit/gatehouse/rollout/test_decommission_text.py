"""Whoever approves a decommissioning reads what goes, what stays and why, and what can't be undone."""

from __future__ import annotations

from datetime import UTC, datetime

from gatehouse.rollout.action import Action
from gatehouse.rollout.decommission import Decommission, Kept, Terms
from gatehouse.rollout.decommission_text import Facts, render_decommission
from gatehouse.rollout.plan import OfficePlan

TERMS = Terms(datetime(2026, 11, 23, tzinfo=UTC), region="eu-central-1")


def plan(*actions: Action, kept: tuple[Kept, ...] = ()) -> Decommission:
    return Decommission(OfficePlan("berlin", actions), kept)


def test_steps_are_counted_in_order_and_kept_things_have_their_reason() -> None:
    streams = [Action("remove_video_stream", f"gatehouse-CAM_{n}", "it goes", f"CAM_{n}") for n in range(6)]
    found = plan(
        Action("remove_mapping", "gatehouse-records-CAM_0", "it goes"),
        *streams,
        Action("remove_collection", "gatehouse-berlin-g1", "it goes"),
        kept=(Kept("video_stream", "gatehouse-CAM_9", "its video is under legal hold"),),
    )
    facts = Facts(faces=7, people=3, listed=("berlin",), live_cameras=1)
    text = render_decommission(found, TERMS, facts, digest="0123456789abcdef", dry_run=False)
    assert text.startswith("Decommissioning of berlin · 0123456789ab\n")
    assert "Office berlin in eu-central-1, the whole office: 8 steps, 1 kept" in text
    assert "remove video stream      6 × gatehouse-CAM_0, " in text
    assert "gatehouse-CAM_3 and 2 more" in text
    assert "video stream gatehouse-CAM_9: its video is under legal hold" in text
    assert "! The collection holds 7 faces of 3 people; with it they are deleted for good" in text
    assert "lists berlin: office_rollout would bring it back, and the next hr_face_sync makes its" in text
    assert "! 1 camera sent video within the last minutes" in text


def test_a_dry_run_with_nothing_to_do_says_just_that() -> None:
    text = render_decommission(plan(), TERMS, Facts(), digest="0" * 64, dry_run=True)
    assert text == (
        "Dry run: nothing is changed · 000000000000\n"
        "Office berlin in eu-central-1, the whole office: nothing to do, 0 kept"
    )


def test_a_listed_camera_is_named_and_no_faces_are_not_lamented() -> None:
    found = plan(Action("remove_collection", "gatehouse-berlin-g1", "it goes"))
    text = render_decommission(found, TERMS, Facts(listed=("CAM_1",)), digest="0" * 64, dry_run=False)
    assert "! A manifest still lists CAM_1: office_rollout would bring it back. Take it out" in text
    assert "faces" not in text
