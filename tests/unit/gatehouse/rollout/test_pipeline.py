"""A unit's actions come in an order that AWS allows and that wastes none of its time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.office import naming
from gatehouse.office.config import load_company
from gatehouse.rollout.pipeline import LONGEST_REST, Do, Look, Pipeline, unfinished
from gatehouse.rollout.plan import OfficePlan, plan_office
from gatehouse.rollout.resources import (
    DesiredOffice,
    ObservedCamera,
    ObservedOffice,
    RecordStream,
    VideoStream,
    desired_office,
)

BERLIN = desired_office(load_company(Path(__file__).parents[4] / "config"), "berlin")
CALL_SECONDS = 0.04


def office(cameras: int, engine: str = "stream_processor") -> DesiredOffice:
    names = tuple(f"CAM_{number:03}" for number in range(cameras))
    return replace(BERLIN, engine=engine, cameras=names)  # type: ignore[arg-type]


def plan(desired: DesiredOffice, observed: ObservedOffice | None = None) -> OfficePlan:
    return plan_office(desired, observed or ObservedOffice())


@dataclass
class Cloud:
    """Make streams in their time, five data streams at once at most; the clock stands but for calls."""

    record_seconds: list[float]
    video_seconds: float = 1.5
    at_once: int = 5
    now: float = 1000.0
    ready: dict[str, float] = field(default_factory=dict)
    records: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    looks: int = 0
    rests: list[float] = field(default_factory=list)

    def run(self, pipeline: Pipeline) -> float:
        began = self.now
        while (step := pipeline.next(self.now)) is not None:
            if isinstance(step, Do):
                self.now += CALL_SECONDS
                self.carry_out(step.action.kind, step.action.resource, step.action.camera_id)
                pipeline.done(step.action, self.now)
            elif isinstance(step, Look):
                self.now += CALL_SECONDS
                self.looks += 1
                pipeline.seen(step.name, self.now, active=self.ready[step.name] <= self.now)
            else:
                self.rests.append(step.seconds)
                self.now += step.seconds
        return self.now - began

    def carry_out(self, kind: str, resource: str, camera_id: str) -> None:
        self.done.append(f"{kind} {resource}")
        if kind == "create_video_stream":
            self.ready[resource] = self.now + self.video_seconds
        if kind == "create_record_stream":
            creating = [name for name in self.records if self.ready[name] > self.now]
            assert len(creating) < self.at_once, "more in CREATING than AWS lets be"
            took = self.record_seconds[len(self.records) % len(self.record_seconds)]
            self.records.append(resource)
            self.ready[resource] = self.now + took
        if kind == "create_mapping":
            assert self.ready[resource] <= self.now, "a mapping before its stream"
        if kind == "create_processor":
            for name in (naming.video_stream(camera_id), naming.record_stream(camera_id)):
                assert self.ready[name] <= self.now, f"a processor before {name}"


def pipeline(desired: DesiredOffice, planned: OfficePlan, now: float = 1000.0) -> Pipeline:
    made = Pipeline(desired.engine, desired.office, creating_at_once=5, timeout=60)
    made.begin(planned.actions, (), now)
    return made


@settings(max_examples=40)
@given(st.integers(0, 40), st.lists(st.floats(2, 30), min_size=1, max_size=7))
def test_everything_is_done_once_and_nothing_before_what_it_needs(cameras: int, took: list[float]) -> None:
    desired = office(cameras)
    planned, cloud = plan(desired), Cloud(took)
    cloud.run(pipeline(desired, planned))
    assert sorted(cloud.done) == sorted(f"{one.kind} {one.resource}" for one in planned.actions)


@pytest.mark.parametrize("took", [10.0, 20.0, 30.0])
def test_it_takes_hardly_longer_than_the_streams_in_creating_allow(took: float) -> None:
    desired = office(100)
    cloud = Cloud([took])
    floor = 100 / 5 * took
    assert cloud.run(pipeline(desired, plan(desired))) < floor * 1.03


def test_once_it_knows_how_long_a_stream_takes_it_hardly_looks_before() -> None:
    desired = office(100)
    cloud = Cloud([20.0])
    cloud.run(pipeline(desired, plan(desired)))
    assert cloud.looks < 100 * (4 + 2) + 5 * 20 / 0.4  # data streams, video streams, and the first of all


def test_it_never_rests_so_long_that_nobody_could_stop_it() -> None:
    desired = office(12)
    cloud = Cloud([25.0])
    cloud.run(pipeline(desired, plan(desired)))
    assert max(cloud.rests) <= LONGEST_REST


def test_frame_search_waits_for_the_offices_stream_and_each_cameras_own() -> None:
    desired = office(3, "frame_search")
    planned, cloud = plan(desired), Cloud([5.0])
    cloud.run(pipeline(desired, planned))
    assert len(cloud.done) == len(planned.actions)
    shared = f"create_record_stream {naming.office_record_stream(desired.office)}"
    first = next(at for at, one in enumerate(cloud.done) if one.startswith("create_worker"))
    assert cloud.done.index(shared) < first
    assert [one for one in cloud.done[first:] if "analysis" in one] == cloud.done[first + 1 :]


def test_a_plan_without_actions_needs_no_time() -> None:
    desired = office(5)
    assert Pipeline(desired.engine, desired.office, 5, 60).next(0.0) is None


def test_streams_that_an_interrupted_run_made_are_waited_for_and_take_their_places() -> None:
    desired = office(1)
    name = naming.record_stream("CAM_000")
    video = VideoStream("arn:v", "ACTIVE", desired.retention_hours)
    there = ObservedOffice(
        collection_exists=True,
        cameras={"CAM_000": ObservedCamera(video=video, records=RecordStream("arn:r", "CREATING"))},
    )
    assert unfinished(desired, there, desired.cameras) == [("record_stream", name)]
    cloud = Cloud([5.0], ready={name: 1007.0, naming.video_stream("CAM_000"): 0.0})
    made = Pipeline(desired.engine, desired.office, 5, 60)
    made.begin(plan(desired, there).actions, unfinished(desired, there, desired.cameras), cloud.now)
    assert cloud.run(made) > 7
    assert [one.split()[0] for one in cloud.done] == ["create_mapping", "create_processor"]


def test_a_stream_that_never_gets_active_is_named() -> None:
    desired = office(1)
    made = pipeline(desired, plan(desired), now=0.0)
    while isinstance(step := made.next(0.0), Do):
        made.done(step.action, 0.0)
    assert made.overdue(30.0) == []
    assert naming.record_stream("CAM_000") in made.overdue(61.0)
