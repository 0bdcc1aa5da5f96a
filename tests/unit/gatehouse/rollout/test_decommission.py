"""Everything an office has is accounted for once, and nothing goes that might still be needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatehouse.exceptions import PlanError
from gatehouse.office import naming
from gatehouse.rollout.decommission import (
    Decommission,
    Holdings,
    Terms,
    fully_gone,
    items_of,
    plan_decommission,
)
from gatehouse.rollout.plan import check_still_fits, plan_hash
from gatehouse.rollout.resources import Orphan, What
from gatehouse.rollout.state import Resource, State

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CAMERAS = ["CAM_1", "CAM_2", "CAM_3"]
EDGE, FRAMES = naming.edge_desired_key("berlin"), naming.frames_desired_key("berlin")
SHARED = naming.office_record_stream("berlin")
LONG_AGO = dict.fromkeys(CAMERAS, NOW - timedelta(days=9))
TERMS = Terms(NOW)
# Timings never gate a test: on a busy machine, drawing a whole office takes its time.
UNHURRIED = settings(suppress_health_check=[HealthCheck.too_slow])
TOLD = Terms(NOW, delete_video=True, delete_faces=True, delete_orphans=True)


def state_of(*resources: Resource) -> State:
    return {resource.key: resource for resource in resources}


def camera_state(camera_id: str, **settings: Any) -> list[Resource]:
    records = naming.record_stream(camera_id)
    mapping = {"enabled": settings.get("enabled", True)}
    return [
        Resource("video_stream", naming.video_stream(camera_id), camera_id, {"retention_hours": 24}),
        Resource("record_stream", records, camera_id),
        Resource("mapping", records, camera_id, mapping),
        Resource("processor", naming.stream_processor(camera_id), camera_id, {"running": True}),
    ]


def documents(cameras: list[str]) -> list[Resource]:
    entries = [{"camera_id": camera_id} for camera_id in cameras]
    streams = {f"arn:{camera_id}": {"camera_id": camera_id} for camera_id in cameras}
    return [
        Resource("edge_document", EDGE, settings={"cameras": entries}),
        Resource("frames_document", FRAMES, settings={"cameras": entries}),
        Resource("snapshot", naming.SNAPSHOT_KEY, settings={"streams": streams}),
    ]


def whole(**parts: Any) -> Holdings:
    shared = [
        Resource("collection", "gatehouse-berlin-g1"),
        Resource("record_stream", SHARED),
        Resource("mapping", SHARED, settings={"enabled": parts.pop("enabled", True)}),
    ]
    own = [resource for camera_id in CAMERAS for resource in camera_state(camera_id)]
    given_parts = {"last_media": LONG_AGO, "faces": 0, **parts}
    return Holdings("berlin", state_of(*shared, *own, *documents(CAMERAS)), **given_parts)


def reasons(found: Decommission, kind: str) -> set[str]:
    return {kept.reason for kept in found.kept if kept.kind == kind}


def act(holdings: Holdings, found: Decommission) -> Holdings:
    """Return what is left after a plan was carried out."""
    gone = {
        (action.kind.partition("_")[2], action.resource)
        for action in found.plan.actions
        if action.verb == "remove"
    }
    state: State = {}
    for key, resource in holdings.state.items():
        if resource.kind in {"edge_document", "frames_document"}:
            kind = "analysis" if resource.kind == "frames_document" else resource.kind
            left = [
                one
                for one in resource.settings["cameras"]
                if (kind, f"{resource.name}#{one['camera_id']}") not in gone
            ]
            state[key] = replace(resource, settings={"cameras": left})
        elif resource.kind == "snapshot":
            streams = resource.settings["streams"].items()
            kept = {arn: one for arn, one in streams if ("snapshot", f"{resource.name}#{arn}") not in gone}
            state[key] = replace(resource, settings={"streams": kept})
        elif (resource.kind, resource.name) not in gone:
            state[key] = resource
    orphans = tuple(one for one in holdings.orphans if (one.what, one.name) not in gone)
    return replace(holdings, state=state, orphans=orphans)


def test_an_office_without_video_and_faces_goes_in_the_order_of_dependence() -> None:
    found = plan_decommission(whole(), TERMS)
    kinds = list(dict.fromkeys(action.kind for action in found.plan.actions))
    assert kinds == [
        "remove_edge_document",
        "stop_processor",
        "remove_processor",
        "remove_analysis",
        "drain_record_stream",
        "remove_mapping",
        "remove_record_stream",
        "remove_snapshot",
        "remove_video_stream",
        "remove_collection",
    ]
    assert {kept.resource for kept in found.kept} == {EDGE, FRAMES}
    left = plan_decommission(act(whole(), found), TERMS)
    assert fully_gone(left)
    assert not fully_gone(found)


def test_video_stays_until_its_retention_is_over_and_under_a_hold_for_ever() -> None:
    fresh = {"CAM_1": NOW - timedelta(hours=1), "CAM_2": NOW - timedelta(hours=24)}
    found = plan_decommission(whole(last_media=fresh), TERMS)
    removed = [action.camera_id for action in found.plan.actions if action.kind == "remove_video_stream"]
    assert removed == ["CAM_2"]
    assert reasons(found, "video_stream") == {
        "its video is kept until 2026-11-24 11:00 UTC. Run this again then",
        "it isn't known until when its video must be kept. Decommission with delete_video, or later",
    }
    for held in ("CAM_2", "berlin"):
        found = plan_decommission(whole(), replace(TOLD, holds=frozenset({held})))
        assert any(
            "legal hold. Its fragments expire 24 h after" in why for why in reasons(found, "video_stream")
        )
        removed = [action.camera_id for action in found.plan.actions if action.kind == "remove_video_stream"]
        assert removed == ([] if held == "berlin" else ["CAM_1", "CAM_3"])


@pytest.mark.parametrize(("faces", "why"), [(7, "it holds 7 faces"), (None, "it isn't known how many")])
def test_a_collection_goes_only_if_empty_or_told_so(faces: int | None, why: str) -> None:
    [reason] = reasons(plan_decommission(whole(faces=faces), TERMS), "collection")
    assert reason.startswith(why)
    told = plan_decommission(whole(faces=faces), TOLD)
    assert told.plan.actions[-1].kind == "remove_collection"
    assert told.plan.actions[-1].found == f"{faces} faces"


def test_nobody_under_legal_hold_is_forgotten() -> None:
    found = plan_decommission(whole(faces=7, held=2), TOLD)
    assert "remove_collection" not in {action.kind for action in found.plan.actions}
    assert reasons(found, "collection") == {
        "2 of its people are under legal hold. Decommission when it is released"
    }


def test_records_that_nothing_reads_keep_what_they_need() -> None:
    holdings = whole()
    stuck = state_of(*camera_state("CAM_1", enabled=False))
    found = plan_decommission(replace(holdings, state=holdings.state | stuck), TERMS)
    kept = {(kept.kind, kept.camera_id) for kept in found.kept if "Enable it" in kept.reason}
    assert kept == {("mapping", "CAM_1"), ("record_stream", "CAM_1"), ("snapshot", "CAM_1")}
    assert all(
        "Enable it" in why for why in reasons(plan_decommission(whole(enabled=False), TERMS), "snapshot")
    )


def test_an_orphan_goes_only_if_told_so() -> None:
    holdings = whole(orphans=(Orphan("processor", "gatehouse-CAM_9", "CAM_9"),))
    assert "in no manifest" in reasons(plan_decommission(holdings, TERMS), "processor").pop()
    told = plan_decommission(holdings, TOLD)
    assert "gatehouse-CAM_9" in {action.resource for action in told.plan.actions}
    assert {kept.kind for kept in told.kept} == {"document"}


def test_an_orphans_records_are_drained_too() -> None:
    name = naming.record_stream("CAM_9")
    orphans = (Orphan("record_stream", name, "CAM_9"), Orphan("mapping", name, "CAM_9"))
    found = plan_decommission(Holdings("berlin", {}, orphans), TOLD)
    kinds = [action.kind for action in found.plan.actions]
    assert kinds == ["drain_record_stream", "remove_mapping", "remove_record_stream"]


def test_of_single_cameras_the_shared_stays_and_is_drained_first() -> None:
    found = plan_decommission(whole(), Terms(NOW, cameras=frozenset({"CAM_1"})))
    assert {action.camera_id for action in found.plan.actions} == {"CAM_1", ""}
    assert [action.kind for action in found.plan.actions if not action.camera_id] == ["drain_record_stream"]
    assert reasons(found, "collection") == {"the office goes on with its other cameras"}


def test_the_plan_is_approved_and_checked_as_a_rollouts() -> None:
    found = plan_decommission(whole(), TERMS)
    again = Decommission.from_json(found.to_json())
    assert again == found
    assert Terms.of(found.plan) == TERMS
    other = plan_decommission(whole(), replace(TERMS, delete_faces=True))
    assert plan_hash({"berlin": found.plan}) == plan_hash({"berlin": again.plan})
    assert plan_hash({"berlin": found.plan}) != plan_hash({"berlin": other.plan})
    check_still_fits(found.plan, plan_decommission(act(whole(), found), TERMS).plan)
    with pytest.raises(PlanError, match="1 faces"):
        check_still_fits(plan_decommission(whole(), TOLD).plan, plan_decommission(whole(faces=1), TOLD).plan)


any_orphan = st.builds(
    Orphan,
    what=st.sampled_from([what for what in get_args(What) if what not in {"worker", "analysis"}]),
    name=st.sampled_from(["gatehouse-CAM_8", "gatehouse-CAM_9"]),
    camera_id=st.sampled_from(["CAM_8", "CAM_9"]),
)


@st.composite
def any_holdings(draw: st.DrawFn) -> Holdings:
    parts = list(whole().state.values())
    taken = draw(st.sets(st.sampled_from(range(len(parts)))))
    disabled = draw(st.sets(st.sampled_from([*CAMERAS, ""])))
    chosen = [
        replace(part, settings={"enabled": part.camera_id not in disabled})
        if part.kind == "mapping"
        else part
        for index, part in enumerate(parts)
        if index in taken
    ]
    ages = draw(st.dictionaries(st.sampled_from(CAMERAS), st.integers(0, 72)))
    return Holdings(
        "berlin",
        state_of(*chosen),
        orphans=tuple(draw(st.sets(any_orphan, max_size=3))),
        last_media={camera_id: NOW - timedelta(hours=hours) for camera_id, hours in ages.items()},
        faces=draw(st.sampled_from([None, 0, 3])),
    )


any_terms = st.builds(
    Terms,
    at=st.just(NOW),
    cameras=st.frozensets(st.sampled_from(CAMERAS)),
    holds=st.frozensets(st.sampled_from([*CAMERAS, "berlin"])),
    delete_video=st.booleans(),
    delete_faces=st.booleans(),
    delete_orphans=st.booleans(),
)


@UNHURRIED
@given(any_holdings(), any_terms)
def test_everything_is_removed_or_kept_and_the_second_plan_does_nothing(
    holdings: Holdings, terms: Terms
) -> None:
    found = plan_decommission(holdings, terms)
    removed = [
        (action.kind.partition("_")[2], action.resource)
        for action in found.plan.actions
        if action.verb == "remove"
    ]
    kept = [(one.kind, one.resource) for one in found.kept]
    assert sorted(removed + kept) == sorted((item.kind, item.name) for item in items_of(holdings))
    assert all(one.reason for one in found.kept)
    assert plan_decommission(act(holdings, found), terms).plan.actions == ()


@UNHURRIED
@given(any_holdings(), any_terms)
def test_nothing_goes_that_may_be_needed(holdings: Holdings, terms: Terms) -> None:
    actions = plan_decommission(holdings, terms).plan.actions
    kinds = [action.kind for action in actions]
    first = {kind: kinds.index(kind) for kind in set(kinds)}
    drained = max((at for at, kind in enumerate(kinds) if kind == "drain_record_stream"), default=-1)
    for kind in ("remove_mapping", "remove_record_stream", "remove_snapshot"):
        assert first.get(kind, len(kinds)) > drained
    for action in actions:
        if terms.cameras and action.verb != "drain":
            assert action.camera_id in terms.cameras
        if action.kind == "remove_video_stream":
            assert not terms.holds & {action.camera_id, "berlin"}
            old = holdings.last_media.get(action.camera_id, NOW) <= NOW - timedelta(hours=24)
            assert terms.delete_video or old
        if action.kind == "remove_collection":
            assert terms.delete_faces or holdings.faces == 0
