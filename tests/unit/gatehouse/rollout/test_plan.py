"""Applying a plan to any state gives the desired one, and planning again gives nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.exceptions import PlanError
from gatehouse.office import naming
from gatehouse.office.config import load_company
from gatehouse.office.frames import FramesCamera, FramesDesired, FramesRates
from gatehouse.office.policy import Gate, GateLimits, Judgement, Probe, Tolerance
from gatehouse.rollout.action import Action
from gatehouse.rollout.apply import apply
from gatehouse.rollout.needs import worker_settings
from gatehouse.rollout.plan import OfficePlan, check_still_fits, plan_hash, plan_office
from gatehouse.rollout.resources import (
    DesiredOffice,
    EventMapping,
    ObservedCamera,
    ObservedOffice,
    Orphan,
    Processor,
    RecordStream,
    VideoStream,
    desired_office,
)

DESIRED = replace(
    desired_office(load_company(Path(__file__).parents[4] / "config"), "berlin"), engine="stream_processor"
)
SEARCHING = replace(DESIRED, engine="frame_search")
FASTER = FramesRates(detect_faces=100, search_faces_by_image=50)
LOBBY, GARAGE, LAB = DESIRED.cameras
EMPTY = ObservedOffice()
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
ENGINES = st.sampled_from([DESIRED, SEARCHING])


def act(desired: DesiredOffice, observed: ObservedOffice, plan: OfficePlan) -> ObservedOffice:
    return apply(desired, observed, plan.actions, AT)


def rolled_out(desired: DesiredOffice) -> ObservedOffice:
    """Return an office as a rollout leaves it: everything there, running, and known to ingest."""
    made = act(desired, EMPTY, plan_office(desired, EMPTY))
    running = {
        camera_id: replace(
            found,
            engine=desired.engine,
            processor=replace(found.processor, status="RUNNING") if found.processor else None,
        )
        for camera_id, found in made.cameras.items()
    }
    return replace(made, cameras=running)


def mapping(desired: DesiredOffice) -> EventMapping:
    return EventMapping(
        uuid="u",
        enabled=True,
        bisects=True,
        reports_item_failures=True,
        failure_destination=desired.failure_destination,
        **desired.mapping.model_dump(),
    )


def some(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from([None, *values])


MAPPINGS = some(mapping(DESIRED), replace(mapping(DESIRED), enabled=False, batch_size=1))
RECORDS = some(RecordStream("arn:r", "ACTIVE"), RecordStream("arn:r", "CREATING"))


def any_camera(camera_id: str) -> st.SearchStrategy[ObservedCamera]:
    processor = Processor(
        status="RUNNING",
        video_arn="arn:a",
        record_arn=DESIRED.record_stream_arn(camera_id),
        collection=DESIRED.collection,
        threshold=DESIRED.threshold,
        role_arn=DESIRED.role_arn,
    )
    return st.builds(
        ObservedCamera,
        video=some(VideoStream("arn:a", "ACTIVE", 24), VideoStream("arn:b", "ACTIVE", 2)),
        records=RECORDS,
        mapping=MAPPINGS,
        processor=some(processor, replace(processor, threshold=99.0), replace(processor, status="FAILED")),
        engine=st.sampled_from([None, "stream_processor", "frame_search"]),
    )


@st.composite
def any_frames(draw: st.DrawFn) -> FramesDesired:
    settings = worker_settings(SEARCHING)
    if draw(st.booleans()):
        settings |= {"fps": 5.0, "rates": FASTER}
    ids = draw(st.sets(st.sampled_from([*DESIRED.cameras, "CAM_GONE_001"])))
    entries = [
        FramesCamera(
            camera_id=camera_id,
            stream_name=draw(st.sampled_from([naming.video_stream(camera_id), "elsewhere"])),
            start_at=AT,
        )
        for camera_id in sorted(ids)
    ]
    return FramesDesired(office="berlin", version=3, cameras=tuple(entries), **settings)


any_office = st.builds(
    ObservedOffice,
    collection_exists=st.booleans(),
    cameras=st.fixed_dictionaries({}, optional={camera: any_camera(camera) for camera in DESIRED.cameras}),
    records=RECORDS,
    mapping=MAPPINGS,
    frames=st.none() | any_frames(),
)
any_refusals = st.dictionaries(st.sampled_from(DESIRED.cameras), st.just("its secret is missing"))


@given(ENGINES, any_office, any_refusals)
def test_after_acting_on_any_plan_the_next_plan_is_empty(
    desired: DesiredOffice, observed: ObservedOffice, refused: dict[str, str]
) -> None:
    plan = plan_office(desired, observed, refused)
    assert plan_office(desired, act(desired, observed, plan), refused).actions == ()


@given(ENGINES, any_office)
def test_acting_on_any_plan_gives_the_desired_state(desired: DesiredOffice, observed: ObservedOffice) -> None:
    after = act(desired, observed, plan_office(desired, observed))
    assert after.collection_exists
    searching = desired.engine == "frame_search"
    assert after.analysed & set(desired.cameras) == (set(desired.cameras) if searching else set())
    for camera_id in desired.cameras:
        found = after.camera(camera_id)
        assert found.video is not None
        assert found.video.retention_hours == desired.retention_hours
        assert found.engine in {None, desired.engine}
        own = (found.records, found.mapping, found.processor)
        assert all(part is None for part in own) if searching else all(own)
        if found.processor:
            assert found.processor.video_arn == found.video.arn
    if searching:
        assert after.records
        assert after.mapping


@given(ENGINES, any_office, st.data())
def test_an_interrupted_plan_can_always_be_taken_up(
    desired: DesiredOffice, observed: ObservedOffice, data: st.DataObject
) -> None:
    plan = plan_office(desired, observed)
    done = data.draw(st.integers(0, len(plan.actions)))
    partly = apply(desired, observed, plan.actions[:done], AT)
    check_still_fits(plan, plan_office(desired, partly))
    # A replacement is two calls: it may have been killed between them.
    if done < len(plan.actions) and plan.actions[done].kind == "replace_processor":
        camera_id = plan.actions[done].camera_id
        between = {**partly.cameras, camera_id: replace(partly.camera(camera_id), processor=None)}
        check_still_fits(plan, plan_office(desired, replace(partly, cameras=between)))


@given(ENGINES, any_office, any_refusals)
def test_a_refused_camera_is_left_exactly_as_it_is(
    desired: DesiredOffice, observed: ObservedOffice, refused: dict[str, str]
) -> None:
    plan = plan_office(desired, observed, refused)
    after = act(desired, observed, plan)
    for camera_id in refused:
        assert after.camera(camera_id) == observed.camera(camera_id)
        assert (camera_id in after.analysed) == (camera_id in observed.analysed)
    if observed.analysed & set(refused):
        assert (observed.records is None) or after.records


@given(ENGINES, any_office, st.data())
def test_parts_of_a_plan_add_up_to_it(
    desired: DesiredOffice, observed: ObservedOffice, data: st.DataObject
) -> None:
    plan = plan_office(desired, observed)
    first = data.draw(st.sets(st.sampled_from(desired.cameras)))
    parts = [plan.part(first, last=False), plan.part(set(desired.cameras) - first, last=True)]
    for actions in parts:
        observed = apply(desired, observed, actions, AT)
    assert plan_office(desired, observed).actions == ()


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
    assert plan.starts == 3


def test_frame_search_shares_one_record_stream_and_has_no_processor() -> None:
    plan = plan_office(SEARCHING, EMPTY)
    assert [(action.kind, action.camera_id) for action in plan.actions] == [
        ("create_collection", ""),
        ("create_record_stream", ""),
        ("create_mapping", ""),
        ("create_worker", ""),
        *[
            (kind, camera)
            for camera in DESIRED.cameras
            for kind in ("create_video_stream", "create_analysis")
        ],
    ]
    assert plan.actions[1].resource == "gatehouse-records-berlin"


@pytest.mark.parametrize(("old", "new"), [(DESIRED, SEARCHING), (SEARCHING, DESIRED)])
def test_a_changed_engine_is_built_then_switched_to_and_the_old_one_removed_last(
    old: DesiredOffice, new: DesiredOffice
) -> None:
    before = rolled_out(old)
    plan = plan_office(new, before)
    order = ["create", "switch", "remove"]
    verbs = [action.verb for action in plan.actions]
    assert verbs == sorted(verbs, key=order.index)
    assert verbs.count("switch") == 3
    assert {action.found for action in plan.actions if action.verb == "switch"} == {old.engine}
    assert "create_video_stream" not in {action.kind for action in plan.actions}
    after = act(new, before, plan)
    back = plan_office(old, after)
    assert [action.verb for action in back.actions].count("switch") == 3


def test_a_processor_of_a_recreated_video_stream_is_replaced() -> None:
    right = rolled_out(DESIRED)
    lobby = replace(right.camera(LOBBY), video=VideoStream("arn:recreated", "ACTIVE", 24))
    plan = plan_office(DESIRED, replace(right, cameras={**right.cameras, LOBBY: lobby}))
    assert [(action.kind, action.reason) for action in plan.actions] == [
        ("replace_processor", "video stream differ")
    ]


def test_what_is_right_is_counted_by_kind() -> None:
    plan = plan_office(DESIRED, rolled_out(DESIRED))
    assert plan.kept == {
        "collection": 1, "video_stream": 3, "record_stream": 3, "mapping": 3, "processor": 3,
    }  # fmt: skip
    assert (plan.right, plan.starts) == (13, 0)


def test_a_worker_whose_rates_arent_its_share_of_the_quota_is_changed() -> None:
    right = rolled_out(SEARCHING)
    faster = replace(SEARCHING, rates=FASTER)
    plan = plan_office(faster, right)
    assert [(action.kind, action.reason) for action in plan.actions] == [("change_worker", "rates differ")]
    assert '"search_faces_by_image": 5.0' in plan.actions[0].found
    after = act(faster, right, plan).frames
    assert after is not None
    assert after.rates == FASTER


def test_a_camera_that_comes_or_goes_leaves_the_workers_rates_alone() -> None:
    right = rolled_out(replace(SEARCHING, rates=FASTER))
    lacking = replace(SEARCHING, rates=FASTER, cameras=(LOBBY, GARAGE))
    missing = rolled_out(lacking)
    healed = apply(SEARCHING, missing, [Action("create_analysis", "x", "it is missing", LAB)], AT)
    removed = apply(SEARCHING, right, [Action("remove_analysis", "x", "it goes", LAB)], AT)
    assert [each.frames.rates for each in (healed, removed) if each.frames] == [FASTER, FASTER]


def test_rates_that_moved_since_planning_are_refused_by_name() -> None:
    planned = plan_office(SEARCHING, EMPTY)
    with pytest.raises(PlanError, match="the configuration's rates"):
        check_still_fits(planned, plan_office(replace(SEARCHING, rates=FASTER), EMPTY))


def test_an_analysis_of_a_camera_outside_the_manifest_is_an_orphan() -> None:
    right = rolled_out(SEARCHING)
    plan = plan_office(replace(SEARCHING, cameras=(LOBBY, GARAGE)), right)
    assert plan.orphans == (Orphan("analysis", f"frames/berlin/desired.json#{LAB}", LAB),)
    assert plan.actions == ()


def test_live_state_that_moved_is_refused() -> None:
    right = rolled_out(DESIRED)
    planned = plan_office(DESIRED, right)
    moved = plan_office(DESIRED, replace(right, collection_exists=False))
    with pytest.raises(PlanError, match="Office berlin moved since it was planned: create_collection"):
        check_still_fits(planned, moved)


def test_a_planned_change_of_something_that_changed_again_is_refused() -> None:
    right = rolled_out(DESIRED)

    def keeping(hours: int) -> OfficePlan:
        lobby = replace(right.camera(LOBBY), video=VideoStream("arn:x", "ACTIVE", hours), processor=None)
        return plan_office(DESIRED, replace(right, cameras={**right.cameras, LOBBY: lobby}))

    with pytest.raises(PlanError, match="found 48 h instead of 2 h"):
        check_still_fits(keeping(2), keeping(48))


def test_a_configuration_that_changed_since_is_refused_by_name() -> None:
    planned = plan_office(DESIRED, EMPTY)
    with pytest.raises(PlanError, match=r"the configuration's threshold \(80.0 → 95.0\)"):
        check_still_fits(planned, plan_office(replace(DESIRED, threshold=95.0), EMPTY))


@given(ENGINES, any_office, any_refusals)
def test_a_plan_survives_the_trip_through_json(
    desired: DesiredOffice, observed: ObservedOffice, refused: dict[str, str]
) -> None:
    plan = plan_office(desired, observed, refused)
    assert OfficePlan.from_json(plan.to_json()) == plan
    assert plan_hash({"berlin": plan}) == plan_hash({"berlin": OfficePlan.from_json(plan.to_json())})


def test_the_hash_covers_what_is_acted_on_and_no_more() -> None:
    plan = plan_office(DESIRED, EMPTY)
    digest = plan_hash({"berlin": plan})
    assert digest != plan_hash({"berlin": plan_office(DESIRED, EMPTY, {LAB: "x"})})
    assert digest != plan_hash({"berlin": plan_office(replace(DESIRED, manifest="other"), EMPTY)})
    assert digest != plan_hash({"berlin": plan}, {"tokyo": "bad manifest"})
    assert digest == plan_hash({"berlin": replace(plan, orphans=(Orphan("processor", "p"),), starts=9)})


@pytest.mark.parametrize(
    "judgement",
    [
        Judgement(probe=Probe(enabled=False)),
        Judgement(gate=Gate(minimum_samples=1)),
        Judgement(gate=Gate(limits=GateLimits(latency_seconds=600))),
        Judgement(tolerance=Tolerance(percent=100)),
    ],
)
def test_the_hash_covers_by_what_cameras_are_judged(judgement: Judgement) -> None:
    plans = {"berlin": plan_office(DESIRED, EMPTY)}
    assert plan_hash(plans, judgement=judgement) != plan_hash(plans, judgement=Judgement())
    assert Judgement.model_validate_json(judgement.model_dump_json()) == judgement


def test_an_office_is_left_alone_only_if_all_is_there_and_runs() -> None:
    done = rolled_out(DESIRED)
    assert plan_office(DESIRED, done).leaves_alone(DESIRED.cameras)
    camera = done.camera(LOBBY)
    assert camera.processor is not None
    stopped = replace(camera, processor=replace(camera.processor, status="STOPPED"))
    idle = replace(done, cameras={**done.cameras, LOBBY: stopped})
    assert not plan_office(DESIRED, idle).leaves_alone(DESIRED.cameras)
    lacking = replace(done, cameras={**done.cameras, LAB: replace(done.camera(LAB), mapping=None)})
    assert not plan_office(DESIRED, lacking).leaves_alone([LAB])
    assert plan_office(DESIRED, lacking).leaves_alone([LOBBY])
