"""After any part of a rollout, rolling back gives exactly the state before."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.exceptions import PlanError
from gatehouse.ingest.snapshot import EngineSpan, IngestSnapshot, SnapshotStream
from gatehouse.office import naming
from gatehouse.office.config import load_company
from gatehouse.office.edge import DesiredCamera, EdgeDesired
from gatehouse.office.frames import FramesCamera, FramesDesired
from gatehouse.office.model import Engine
from gatehouse.rollout.action import ActionKind
from gatehouse.rollout.resources import (
    EventMapping,
    ObservedCamera,
    ObservedOffice,
    Processor,
    RecordStream,
    VideoStream,
    desired_office,
)
from gatehouse.rollout.rollback import (
    Call,
    Undo,
    document_restored,
    frames_restored,
    plan_rollback,
    snapshot_restored,
    touched,
)
from gatehouse.rollout.state import (
    Key,
    Resource,
    State,
    document_state,
    key_of,
    snapshot_state,
    state_from_json,
    state_of,
)

COMPANY = load_company(Path(__file__).parents[4] / "config")
DESIRED = desired_office(COMPANY, "berlin")
CAMERAS = DESIRED.cameras
EDGE, SNAPSHOT = naming.edge_desired_key("berlin"), naming.SNAPSHOT_KEY


def wanted(camera_id: str, *, running: bool) -> list[Resource]:
    """Return what a rollout makes of a camera."""
    video, records = naming.video_stream(camera_id), naming.record_stream(camera_id)
    return [
        Resource("video_stream", video, camera_id, {"retention_hours": 24}),
        Resource("record_stream", records, camera_id),
        Resource("mapping", records, camera_id, {"enabled": True, "batch_size": 100}),
        Resource(
            "processor",
            naming.stream_processor(camera_id),
            camera_id,
            {"threshold": 80.0, "running": running},
        ),
    ]


SHARED = [
    Resource("collection", DESIRED.collection),
    Resource("snapshot", SNAPSHOT, settings={"streams": {"new": {}}}),
    Resource("edge_document", EDGE, settings={"cameras": list(CAMERAS)}),
]
# One (action, resource as it is afterwards) after the other, as the operators do it.
FORWARD: list[tuple[str, Resource]] = [
    ("create_collection", SHARED[0]),
    *((f"create_{item.kind}", item) for camera in CAMERAS for item in wanted(camera, running=False)),
    ("write_snapshot", SHARED[1]),
    ("write_edge_document", SHARED[2]),
    *(("start_processor", wanted(camera, running=True)[3]) for camera in CAMERAS),
]


def variants(resource: Resource) -> st.SearchStrategy[Resource | None]:
    """Return what may have been there before: nothing, the same, or something set otherwise."""
    settings = [resource.settings]
    if resource.kind == "processor":
        settings = [{"threshold": limit, "running": on} for limit in (80.0, 99.0) for on in (True, False)]
    elif resource.settings:
        settings.append({name: "old" for name in resource.settings})
    return st.sampled_from([None, *(replace(resource, settings=item) for item in settings)])


@st.composite
def offices(draw: st.DrawFn) -> State:
    found = [
        draw(variants(resource)) for resource in dict.fromkeys(item.key for _, item in FORWARD) and _all()
    ]
    return {resource.key: resource for resource in found if resource}


def _all() -> list[Resource]:
    return [*SHARED, *(item for camera in CAMERAS for item in wanted(camera, running=False))]


def forward(before: State, steps: int, *, lost: bool) -> tuple[State, list[Call]]:
    """Do the first steps of a rollout; of the last one it may be unknown whether it was carried out."""
    live, calls = dict(before), []
    for at, (action, resource) in enumerate(FORWARD[:steps]):
        was = live.get(resource.key)
        if was and was.fixed == resource.fixed and was.running >= resource.running:
            continue  # Already right.
        last = at == steps - 1
        calls.append(Call(action, resource.name, "calling" if last else "done"))
        if not (last and lost):
            live[resource.key] = resource
    return live, calls


def back(live: State, steps: tuple[Undo, ...]) -> State:
    """Carry out a roll-back as AWS would: what makes no sense there fails."""
    live = dict(live)
    for undo in steps:
        key = undo.resource.key
        if undo.op == "create":
            assert key not in live
            live[key] = _running(undo.resource, on=False)
        elif undo.op == "delete":
            assert not live[key].running
            del live[key]
        elif undo.op == "update":
            assert undo.resource.kind != "processor"
            assert key in live
            live[key] = undo.resource
        else:
            assert live[key].running == (undo.op == "stop")
            live[key] = _running(live[key], on=undo.op == "start")
    return live


def _running(resource: Resource, *, on: bool) -> Resource:
    if resource.kind != "processor":
        return resource
    return replace(resource, settings={**resource.settings, "running": on})


@given(offices(), st.integers(0, len(FORWARD)), st.booleans())
def test_rolling_back_any_part_of_a_rollout_gives_the_state_before(
    before: State, steps: int, lost: bool
) -> None:
    live, calls = forward(before, steps, lost=lost)
    plan = plan_rollback(before, live, touched(calls))
    assert back(live, plan) == before
    assert plan_rollback(before, before, touched(calls)) == ()


@given(offices(), st.integers(0, len(FORWARD)), st.integers(0, 60))
def test_an_interrupted_roll_back_is_taken_up(before: State, steps: int, done: int) -> None:
    live, calls = forward(before, steps, lost=False)
    halfway = back(live, plan_rollback(before, live, touched(calls))[:done])
    assert back(halfway, plan_rollback(before, halfway, touched(calls))) == before


@given(offices())
def test_what_somebody_else_made_meanwhile_stays(before: State) -> None:
    live, calls = forward(before, len(FORWARD), lost=False)
    other = Resource("video_stream", "gatehouse-CAM_OTHER", "CAM_OTHER")
    plan = plan_rollback(before, {**live, other.key: other}, touched(calls))
    assert other.key not in {undo.resource.key for undo in plan}


@given(offices())
def test_one_camera_is_rolled_back_alone(before: State) -> None:
    live, calls = forward(before, len(FORWARD), lost=False)
    after = back(live, plan_rollback(before, live, touched(calls), cameras=[CAMERAS[0]]))

    def of(state: State, *, first: bool) -> State:
        return {key: item for key, item in state.items() if (item.camera_id == CAMERAS[0]) == first}

    assert of(after, first=True) == of(before, first=True)
    assert of(after, first=False) == of(live, first=False)


def test_a_replaced_processor_makes_way_for_the_old_one() -> None:
    new = wanted(CAMERAS[0], running=True)[3]
    old = replace(new, settings={"threshold": 99.0, "running": True})
    plan = plan_rollback({old.key: old}, {new.key: new}, [new.key])
    assert [(undo.op, undo.resource) for undo in plan] == [
        ("stop", new),
        ("delete", new),
        ("create", old),
        ("start", old),
    ]


def test_streams_go_last_and_a_collection_only_if_nobody_was_enrolled() -> None:
    live, calls = forward({}, len(FORWARD), lost=False)
    plan = plan_rollback({}, live, touched(calls))
    kinds = list(dict.fromkeys(undo.resource.kind for undo in plan))
    assert kinds == [
        "processor",
        "mapping",
        "snapshot",
        "edge_document",
        "record_stream",
        "video_stream",
        "collection",
    ]
    assert [undo.only_if_empty for undo in plan if undo.op == "delete"][-2:] == [False, True]


def test_a_planned_call_touched_nothing() -> None:
    assert touched([Call("create_mapping", "x", "planned")]) == frozenset()
    assert touched([Call("change_retention", "x", "failed")]) == {("video_stream", "x")}


def test_an_unknown_call_stops_the_roll_back() -> None:
    with pytest.raises(PlanError, match="Call 'create_moon' on x names none of"):
        key_of("create_moon", "x")


def test_an_observed_office_becomes_a_state_that_json_keeps() -> None:
    mapping = EventMapping("u", True, 1, 1, 1, 1, 1, True, True, "d")
    processor = Processor("STARTING", "v", "r", "c", 80.0, "role")
    camera = ObservedCamera(VideoStream("v", "ACTIVE", 24), RecordStream("r", "ACTIVE"), mapping, processor)
    state = state_of(DESIRED, ObservedOffice(True, {CAMERAS[0]: camera}))
    assert [key[0] for key in state] == [
        "collection",
        "video_stream",
        "record_stream",
        "mapping",
        "processor",
    ]
    assert "uuid" not in state["mapping", naming.record_stream(CAMERAS[0])].settings
    assert state["processor", naming.stream_processor(CAMERAS[0])].running
    kept = json.loads(json.dumps([resource.to_json() for resource in state.values()]))
    assert state_from_json(kept) == state


def edge(version: int, *cameras: str, secret: str) -> EdgeDesired:
    told = tuple(DesiredCamera(camera_id=name, stream_name=name, rtsp_secret=secret) for name in cameras)
    return EdgeDesired(office="berlin", region="eu-central-1", version=version, cameras=told)


def test_the_proxy_is_told_what_it_was_told_before_under_a_new_version() -> None:
    before, stored = edge(3, "B", "A", secret="s"), edge(5, "A", "B", "C", secret="t")
    assert document_restored(stored, before) == edge(6, "B", "A", secret="s")
    again = edge(6, "B", "A", secret="s")
    assert document_restored(again, before) is again


def test_a_proxy_that_was_told_nothing_carries_nothing() -> None:
    assert document_restored(edge(1, "A", secret="s"), None) == edge(2, secret="s")


def test_one_camera_goes_back_in_the_proxys_document() -> None:
    stored = edge(5, "A", "B", "C", secret="t")
    alone = document_restored(stored, edge(3, "A", secret="s"), ["A", "C"])
    assert [(camera.camera_id, camera.rtsp_secret) for camera in alone.cameras] == [("A", "s"), ("B", "t")]


def stream(office: str, engine: Engine = "frame_search", *engines: EngineSpan) -> SnapshotStream:
    return SnapshotStream(
        camera_id="C",
        office=office,
        floor="1",
        zone="z",
        time_zone="UTC",
        engine=engine,
        engines=engines,
        rules=(),
    )


def snapshot(version: int, **streams: SnapshotStream) -> IngestSnapshot:
    rules = COMPANY.rules.rules
    return IngestSnapshot(
        version=version, region="r", evidence="all", streams=streams, people={}, rules=rules
    )


def streams_of(stored: IngestSnapshot) -> dict[str, Any]:
    return dict(snapshot_state("berlin", stored)["snapshot", SNAPSHOT].settings)["streams"]


def test_the_snapshot_gets_the_offices_streams_back_and_keeps_the_others() -> None:
    before = streams_of(snapshot(1, mine=stream("berlin")))
    now = snapshot(7, new=stream("berlin"), theirs=stream("tokyo"))
    restored = snapshot_restored(now, "berlin", before)
    assert restored == snapshot(8, theirs=stream("tokyo"), mine=stream("berlin"))
    assert snapshot_restored(restored, "berlin", before) is restored
    assert snapshot_state("berlin", None) == {}


def test_a_documents_version_is_no_part_of_its_state() -> None:
    key: Key = ("edge_document", EDGE)
    assert document_state(*key, edge(1, "A", secret="s")) == document_state(*key, edge(2, "A", secret="s"))
    assert document_state(*key, None) == {}


def test_an_engine_goes_back_at_a_recorded_time_and_no_frame_counts_twice() -> None:
    before = streams_of(snapshot(1, mine=stream("berlin", "stream_processor")))
    spans = (EngineSpan(engine="stream_processor", from_ms=0), EngineSpan(engine="frame_search", from_ms=500))
    now = snapshot(2, mine=stream("berlin", "frame_search", *spans))
    with pytest.raises(PlanError, match="goes back from frame_search to stream_processor, and no time"):
        snapshot_restored(now, "berlin", before)
    restored = snapshot_restored(now, "berlin", before, 900)
    last = EngineSpan(engine="stream_processor", from_ms=900)
    assert restored == snapshot(3, mine=stream("berlin", "stream_processor", *spans, last))
    assert snapshot_restored(restored, "berlin", before, 999) is restored


def test_a_worker_takes_a_camera_up_again_where_its_engine_comes_back() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)

    def frames(version: int, **cameras: datetime) -> FramesDesired:
        told = tuple(
            FramesCamera(camera_id=name, stream_name=name, start_at=at) for name, at in cameras.items()
        )
        return FramesDesired(
            office="berlin",
            region="r",
            version=version,
            fps=1,
            collection="c",
            threshold=80,
            record_stream="s",
            cameras=told,
        )

    restored = frames_restored(frames(4, A=early), frames(2, A=early, B=early), late)
    assert restored == frames(5, A=early, B=late)
    assert frames_restored(restored, None, late).cameras == ()


@pytest.mark.parametrize(
    ("action", "resource", "key"),
    [
        (
            "create_analysis",
            "frames/berlin/desired.json#CAM_1",
            ("frames_document", "frames/berlin/desired.json"),
        ),
        ("change_worker", "frames/berlin/desired.json", ("frames_document", "frames/berlin/desired.json")),
        ("switch_engine", "gatehouse-CAM_1", ("snapshot", SNAPSHOT)),
        ("remove_record_stream", "gatehouse-records-CAM_1", ("record_stream", "gatehouse-records-CAM_1")),
    ],
)
def test_every_planned_action_touches_a_known_resource(action: str, resource: str, key: Key) -> None:
    assert key_of(action, resource) == key


def test_every_kind_of_action_can_be_rolled_back() -> None:
    for kind in get_args(ActionKind):
        assert key_of(kind, "x")
