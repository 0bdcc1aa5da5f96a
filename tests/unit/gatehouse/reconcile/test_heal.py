"""Nothing is healed that isn't safe, nothing too often, and what isn't healed is told with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.reconcile.causes import KINDS, Cause, failure_of
from gatehouse.reconcile.drift import Drift
from gatehouse.reconcile.heal import DAY, Healing, HealKind, Past, Standing, pending_of, plan_heals
from gatehouse.reconcile.policy import Heal
from gatehouse.rollout.resources import ObservedCamera, ObservedOffice, Processor, RecordStream, VideoStream

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FREE = Standing()
CAMERAS = [f"CAM_{number}" for number in range(6)]
CAMERA = CAMERAS[0]
PROCESSOR = Processor("FAILED", "arn:v", "arn:r", "c", 80.0, "role")
WELL = ObservedCamera(
    video=VideoStream("arn:v", "ACTIVE", 24), records=RecordStream("arn:r", "ACTIVE"), processor=PROCESSOR
)
THERE = ObservedOffice(collection_exists=True, cameras=dict.fromkeys(CAMERAS, WELL))
GONE = ObservedOffice()
LIMITS = Heal(per_camera_per_day=3, backoff_minutes=15, per_office_per_run=2)
MESSAGES = [
    "Access denied to Role",
    "Access denied to Kinesis Video",
    "Access denied to Kinesis Data",
    "Stream gatehouse-CAM_0 doesn't exist",
    "Collection not found",
    "Stream gatehouse-records-CAM_0 under account 123456789012 not found",
    "Internal error",
    "",
]


def failed(message: str, camera_id: str = CAMERA) -> Drift:
    return Drift("processor_failed", "processor", f"gatehouse-{camera_id}", message, camera_id)


def heal(
    *drifts: Drift,
    observed: ObservedOffice = THERE,
    history: list[Past] | None = None,
    standing: Standing = FREE,
    silent: tuple[str, ...] = (),
) -> Healing:
    return plan_heals(drifts, observed, history or [], standing, LIMITS, NOW, silent)


def kinds(healing: Healing) -> list[str]:
    return [mend.kind for mend in healing.mends]


def test_every_message_of_aws_is_known_by_its_cause() -> None:
    assert [failure_of(message) for message in MESSAGES] == [
        "role",
        "video_access",
        "data_access",
        "video_gone",
        "collection",
        "records_gone",
        "unclear",
        "unclear",
    ]


@pytest.mark.parametrize(
    ("message", "there", "gone"),
    list(
        zip(
            MESSAGES,
            [[], [], [], ["recreate_processor"], ["recreate_processor"], *[["start_processor"]] * 3],
            [[], [], [], [], [], [], ["start_processor"], ["start_processor"]],
            strict=True,
        )
    ),
)
def test_a_failed_processor_is_healed_by_its_cause_once_that_is_gone(
    message: str, there: list[str], gone: list[str]
) -> None:
    assert kinds(heal(failed(message))) == there
    left = heal(failed(message), observed=GONE)
    assert kinds(left) == gone
    assert gone or left.left[0].why


def test_a_processor_that_a_start_did_not_keep_alive_is_made_anew() -> None:
    history = [Past(CAMERA, "start_processor", NOW - 20 * MINUTE)]
    assert kinds(heal(failed("Internal error"), history=history)) == ["recreate_processor"]


def test_a_stopped_processor_starts_unless_it_stops_just_now_or_no_media_comes() -> None:
    stopped = Drift("processor_stopped", "processor", "p", "it is STOPPED", CAMERA)
    assert kinds(heal(stopped)) == ["start_processor"]
    assert "no media" in heal(stopped, silent=(CAMERA,)).left[0].why
    camera = replace(WELL, processor=replace(PROCESSOR, status="STOPPING"))
    stopping = replace(THERE, cameras={CAMERA: camera})
    assert "still stopping" in heal(stopped, observed=stopping).left[0].why


def test_an_office_that_a_run_holds_is_left_to_it() -> None:
    found = heal(failed(""), standing=Standing(busy="rollout run-7"))
    assert not found.mends
    assert "rollout run-7 holds" in found.left[0].why


def test_nothing_is_healed_towards_a_configuration_that_was_not_approved() -> None:
    pending = Standing(pending=("threshold",))
    mapping = Drift("mapping_disabled", "mapping", "m", "enabled differ", CAMERA)
    found = heal(mapping, failed("Internal error"), standing=pending)
    assert kinds(found) == ["start_processor"]
    assert "threshold changed since the last rollout" in found.left[0].why


def test_a_share_of_the_quota_that_moved_keeps_nothing_but_the_workers_document_from_being_healed() -> None:
    pending = Standing(pending=("rates",))
    mapping = Drift("mapping_disabled", "mapping", "m", "enabled differ", CAMERA)
    worker = Drift("worker_settings", "worker", "frames/berlin/desired.json", "rates differ")
    found = heal(mapping, worker, standing=pending)
    assert kinds(found) == ["correct_mapping"]
    assert "rates changed since the last rollout" in found.left[0].why


def test_each_heal_of_the_day_is_twice_as_far_from_the_one_before() -> None:
    history: list[Past] = []
    tried = []
    for minute in range(0, 1440, 15):
        at = NOW + minute * MINUTE
        if plan_heals([failed("")], THERE, history, Standing(), LIMITS, at).mends:
            history.append(Past(CAMERA, "start_processor", at))
            tried.append(minute)
    assert tried == [0, 15, 45]
    last = plan_heals([failed("")], THERE, history, Standing(), LIMITS, NOW + 12 * 60 * MINUTE)
    assert last.left[0].why == "healed 3 times within a day, and it didn't last. Look for the cause"
    assert plan_heals([failed("")], THERE, history, Standing(), LIMITS, NOW + DAY + MINUTE).mends


def test_what_is_fed_is_healed_before_what_feeds_it() -> None:
    found = heal(
        failed(""),
        Drift("edge_entry", "edge_document", "e", "", CAMERA),
        Drift("not_ingested", "snapshot", "s", "", CAMERA),
    )
    assert kinds(found) == ["publish_snapshot", "publish_edge", "start_processor"]


any_drift = st.builds(
    Drift,
    cause=st.sampled_from(get_args(Cause)),
    what=st.just("thing"),
    name=st.sampled_from(["a", "b"]),
    reason=st.sampled_from(MESSAGES),
    camera_id=st.sampled_from([*CAMERAS, ""]),
)
any_past = st.builds(
    Past,
    subject=st.sampled_from([*CAMERAS, "a"]),
    kind=st.sampled_from(get_args(HealKind)),
    at=st.integers(-2000, 0).map(lambda minutes: NOW + minutes * MINUTE),
)
any_standing = st.builds(
    Standing, busy=st.sampled_from(["", "run-1"]), pending=st.sampled_from([(), ("fps",)])
)


@given(
    st.lists(any_drift, unique=True, max_size=20),
    st.lists(any_past, max_size=8),
    any_standing,
    st.sampled_from([THERE, GONE]),
    st.sets(st.sampled_from(CAMERAS)),
)
def test_every_difference_is_either_healed_or_left_with_a_reason(
    drifts: list[Drift],
    history: list[Past],
    standing: Standing,
    observed: ObservedOffice,
    silent: set[str],
) -> None:
    found = plan_heals(drifts, observed, history, standing, LIMITS, NOW, silent)
    told = [mend.drift for mend in found.mends] + [left.drift for left in found.left]
    assert sorted(map(repr, told)) == sorted(map(repr, drifts))
    assert all(left.why for left in found.left)
    assert len({mend.subject for mend in found.mends}) <= LIMITS.per_office_per_run
    for mend in found.mends:
        assert not standing.busy
        assert KINDS[mend.drift.cause].kind != "unknown"
        runs = {past.at for past in history if past.subject == mend.subject and past.at > NOW - DAY}
        assert len(runs) < LIMITS.per_camera_per_day
        assert all(past <= NOW - LIMITS.backoff_minutes * MINUTE for past in runs)


def test_what_awaits_a_rollout_is_named() -> None:
    assert pending_of({"fps": "1", "shards": "1"}, {"fps": "2", "shards": "1"}) == ("fps",)
    assert pending_of({"fps": "1"}, {"fps": "1"}) == ()
    assert pending_of(None, {"fps": "1"}) == ("whole content",)
