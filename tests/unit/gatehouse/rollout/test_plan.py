"""Planning twice plans nothing; a plan that no longer fits is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.exceptions import PlanError
from gatehouse.office.config import load_company
from gatehouse.rollout.plan import OfficePlan, check_still_fits, plan_hash, plan_office
from gatehouse.rollout.resources import (
    DesiredOffice,
    EventMapping,
    ObservedCamera,
    ObservedOffice,
    Processor,
    RecordStream,
    VideoStream,
    desired_office,
)

DESIRED = desired_office(load_company(Path(__file__).parents[4] / "config"), "berlin")
LOBBY, GARAGE, LAB = DESIRED.cameras
EMPTY = ObservedOffice()


def right_mapping(desired: DesiredOffice) -> EventMapping:
    return EventMapping(
        uuid="u",
        enabled=True,
        bisects=True,
        reports_item_failures=True,
        failure_destination=desired.failure_destination,
        **desired.mapping.model_dump(),
    )


def right_processor(desired: DesiredOffice, camera_id: str, video_arn: str) -> Processor:
    return Processor(
        status="RUNNING",
        video_arn=video_arn,
        record_arn=desired.record_stream_arn(camera_id),
        collection=desired.collection,
        threshold=desired.threshold,
        role_arn=desired.role_arn,
    )


def act(desired: DesiredOffice, observed: ObservedOffice, plan: OfficePlan) -> ObservedOffice:
    """Model what AWS looks like after a plan was carried out."""
    for action in plan.actions:
        camera_id = action.camera_id
        found = observed.camera(camera_id)
        if action.kind == "create_collection":
            observed = replace(observed, collection_exists=True)
            continue
        if action.kind == "create_video_stream":
            video = VideoStream(f"arn:new:{camera_id}", "ACTIVE", desired.retention_hours)
            found = replace(found, video=video)
        elif action.kind == "change_retention" and found.video:
            found = replace(found, video=replace(found.video, retention_hours=desired.retention_hours))
        elif action.kind == "create_record_stream":
            records = RecordStream(desired.record_stream_arn(camera_id), "ACTIVE")
            found = replace(found, records=records)
        elif action.kind in {"create_mapping", "change_mapping"}:
            found = replace(found, mapping=right_mapping(desired))
        elif found.video:
            found = replace(found, processor=right_processor(desired, camera_id, found.video.arn))
        observed = replace(observed, cameras={**observed.cameras, camera_id: found})
    return observed


def some(right: object, wrong: object) -> st.SearchStrategy[object]:
    return st.sampled_from([None, right, wrong])


def any_camera(camera_id: str) -> st.SearchStrategy[ObservedCamera]:
    mapping = right_mapping(DESIRED)
    processor = right_processor(DESIRED, camera_id, "arn:a")
    return st.builds(
        ObservedCamera,
        video=some(VideoStream("arn:a", "ACTIVE", 24), VideoStream("arn:b", "ACTIVE", 2)),
        records=some(RecordStream("arn:r", "ACTIVE"), RecordStream("arn:r", "CREATING")),
        mapping=some(mapping, replace(mapping, enabled=False, batch_size=1)),
        processor=some(processor, replace(processor, threshold=99.0)),
    )


any_office = st.builds(
    ObservedOffice,
    collection_exists=st.booleans(),
    cameras=st.fixed_dictionaries({}, optional={camera: any_camera(camera) for camera in DESIRED.cameras}),
)


@given(any_office)
def test_after_acting_on_any_plan_the_next_plan_is_empty(observed: ObservedOffice) -> None:
    plan = plan_office(DESIRED, observed)
    again = plan_office(DESIRED, act(DESIRED, observed, plan))
    assert again.actions == ()
    assert again.kept == 1 + 4 * len(DESIRED.cameras)


@given(any_office, st.data())
def test_an_interrupted_plan_can_always_be_taken_up(observed: ObservedOffice, data: st.DataObject) -> None:
    plan = plan_office(DESIRED, observed)
    done = data.draw(st.integers(0, len(plan.actions)))
    partly = act(DESIRED, observed, replace(plan, actions=plan.actions[:done]))
    check_still_fits(plan, plan_office(DESIRED, partly))


def test_an_empty_account_gets_everything_in_order_of_dependence() -> None:
    plan = plan_office(DESIRED, EMPTY)
    assert [action.kind for action in plan.actions[:5]] == [
        "create_collection",
        "create_video_stream",
        "create_record_stream",
        "create_mapping",
        "create_processor",
    ]
    assert len(plan.actions) == 1 + 4 * 3


def test_frame_search_needs_no_processor() -> None:
    plan = plan_office(replace(DESIRED, engine="frame_search"), EMPTY)
    assert "create_processor" not in {action.kind for action in plan.actions}


def test_a_processor_of_a_recreated_video_stream_is_replaced() -> None:
    right = act(DESIRED, EMPTY, plan_office(DESIRED, EMPTY))
    lobby = replace(right.camera(LOBBY), video=VideoStream("arn:recreated", "ACTIVE", 24))
    plan = plan_office(DESIRED, replace(right, cameras={**right.cameras, LOBBY: lobby}))
    assert [(action.kind, action.reason) for action in plan.actions] == [
        ("replace_processor", "video stream differ")
    ]


def test_a_refused_camera_is_left_alone_and_the_rest_goes_on() -> None:
    plan = plan_office(DESIRED, EMPTY, {LAB: "its secret is missing"})
    assert {action.camera_id for action in plan.actions} == {"", LOBBY, GARAGE}
    assert plan.refused == {LAB: "its secret is missing"}


def test_live_state_that_moved_is_refused() -> None:
    right = act(DESIRED, EMPTY, plan_office(DESIRED, EMPTY))
    planned = plan_office(DESIRED, right)
    moved = plan_office(DESIRED, replace(right, collection_exists=False))
    with pytest.raises(PlanError, match="Office berlin moved since it was planned: create_collection"):
        check_still_fits(planned, moved)


def test_a_plan_survives_the_trip_through_json() -> None:
    plan = plan_office(DESIRED, EMPTY, {LAB: "no secret"})
    assert OfficePlan.from_json(plan.to_json()) == plan


def test_the_hash_names_the_plan() -> None:
    plan = plan_office(DESIRED, EMPTY)
    assert plan_hash({"berlin": plan}) == plan_hash({"berlin": OfficePlan.from_json(plan.to_json())})
    assert plan_hash({"berlin": plan}) != plan_hash({"berlin": plan_office(DESIRED, EMPTY, {LAB: "x"})})
