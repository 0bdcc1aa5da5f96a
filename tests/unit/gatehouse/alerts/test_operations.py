"""Operators are told what changed, in words that SNS takes, and each change has one id."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gatehouse.alerts.operations import (
    SHOWN,
    SINGLE_CAMERAS,
    SUBJECT_LENGTH,
    Message,
    approval_waits,
    camera_messages,
    rollout_degraded,
    rollout_paused,
)
from gatehouse.reconcile.alarms import Notice
from gatehouse.rollout.action import Action
from gatehouse.rollout.plan import OfficePlan

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HASH = "4f1d" * 16
BERLIN = OfficePlan(
    office="berlin",
    actions=(
        Action("create_collection", "c", "it doesn't exist"),
        Action("create_video_stream", "v", "it doesn't exist", "CAM_1"),
        Action("change_retention", "w", "keeps 2 h instead of 24 h", "CAM_2"),
    ),
)


def notice(camera: str, office: str = "berlin", **changes: Any) -> Notice:
    state = {"now": "blind", "before": "well", "reason": "no media came in 15 of 15 minutes"} | changes
    return Notice(camera, office, since=NOON - timedelta(minutes=30), at=NOON, **state)


def approval(forecast: dict[str, Any], plans: dict[str, OfficePlan] | None = None) -> Message:
    plans = {"berlin": BERLIN} if plans is None else plans
    day = NOON + timedelta(days=1)
    return approval_waits("run-1", "rollout", HASH, plans, forecast, NOON, day, "http://a/approve")


def test_a_blind_camera_is_told_with_place_time_and_reason() -> None:
    (told,) = camera_messages([notice("CAM_1")], "http://airflow/task")
    assert told.subject == "Gatehouse: CAM_1 (berlin) is blind"
    assert json.loads(json.dumps(told.body())) == {
        "id": "camera/CAM_1-blind-20261123T113000Z",
        "kind": "camera_alarm",
        "at": "2026-11-23T12:00:00+00:00",
        "office": "berlin",
        "camera": "CAM_1",
        "rollout": "",
        "text": "Camera CAM_1 of office berlin is blind, since 2026-11-23 11:30 UTC: "
        "no media came in 15 of 15 minutes.",
        "url": "http://airflow/task",
    }


def test_a_camera_that_is_well_again_is_told_with_what_it_was() -> None:
    (told,) = camera_messages([notice("CAM_1", now="well", before="frozen", reason="3 faces")])
    assert told.kind == "camera_well"
    assert "is well again after it was frozen" in told.text


def test_a_mis_tuned_camera_is_an_alarm_as_others_are() -> None:
    (told,) = camera_messages([notice("CAM_1", now="mis_tuned", reason="3 of 40 faces matched")])
    assert told.kind == "camera_alarm"
    assert told.subject == "Gatehouse: CAM_1 (berlin) is mis-tuned"
    (cleared,) = camera_messages([notice("CAM_1", now="well", before="mis_tuned")])
    assert "is well again after it was mis-tuned" in cleared.text


def test_many_cameras_of_an_office_are_one_message_and_other_offices_their_own() -> None:
    blind = [notice(f"CAM_{number}") for number in range(SINGLE_CAMERAS + SHOWN)]
    told = list(camera_messages([*blind, notice("CAM_X", "tokyo")]))
    assert [(message.office, message.camera) for message in told] == [("berlin", ""), ("tokyo", "CAM_X")]
    assert told[0].subject == f"Gatehouse: {len(blind)} cameras of office berlin are blind"
    assert told[0].text.splitlines()[-1] == f"and {SINGLE_CAMERAS} more"
    few = list(camera_messages(blind[:SINGLE_CAMERAS]))
    assert [message.camera for message in few] == [f"CAM_{number}" for number in range(SINGLE_CAMERAS)]


def test_a_waiting_plan_is_told_with_hash_actions_cost_and_where_to_answer() -> None:
    told = approval({"usd_a_month": 1250, "usd_a_month_now": 1000})
    assert told.subject == "Gatehouse: rollout plan 4f1d4f1d4f1d waits for approval: 3 actions"
    assert told.text.splitlines() == [
        "The rollout plan of run run-1 waits for approval.",
        f"Plan: {HASH}",
        "Offices: berlin",
        "Actions: 3 (2 create, 1 change)",
        "Cost: $1,250 a month, +250 against today",
        "Without an answer until 2026-11-24 12:00 UTC it is rejected, and nothing is changed.",
    ]
    assert (told.office, told.rollout, told.url) == ("berlin", "run-1", "http://a/approve")


def test_a_plan_without_forecast_or_actions_is_told_all_the_same() -> None:
    told = approval(
        {"text": "3 steps"}, {"berlin": OfficePlan("berlin", ()), "tokyo": OfficePlan("tokyo", ())}
    )
    assert "Cost" not in told.text
    assert "Actions: 0 (nothing to do)" in told.text
    assert told.office == ""


def test_a_pause_is_the_same_for_one_wave_and_cause_until_it_is_planned_anew() -> None:
    def pause(
        *, cause: Any = "gate", where: str = "wave pilot", since: datetime = NOON, after: int = 0
    ) -> str:
        at = NOON + timedelta(minutes=after)
        return rollout_paused("run-1", where, cause, "no data.", since, at).id

    assert pause() == pause(after=5)
    others = {pause(cause="held"), pause(where="wave rest"), pause(since=NOON + timedelta(hours=1))}
    assert len({pause(), *others}) == 4
    told = rollout_paused("run-1", "wave pilot", "gate", "CAM_1: no data.", NOON, NOON)
    assert told.text == "Rollout run-1 is paused in wave pilot: CAM_1: no data."


def test_a_degraded_end_is_told_with_its_reasons_and_once_an_end() -> None:
    told = rollout_degraded("run-1", "rollout", ["CAM_1 (berlin) is failed: no media"], NOON)
    assert told.text.splitlines()[1:] == ["CAM_1 (berlin) is failed: no media"]
    assert told.id == rollout_degraded("run-1", "rollout", [], NOON).id
    assert told.id != rollout_degraded("run-1", "rollout", [], NOON + timedelta(minutes=1)).id


@given(st.text(max_size=300))
def test_a_subject_is_what_sns_takes_whatever_the_headline(headline: str) -> None:
    subject = Message("id", "camera_alarm", NOON, headline, "text").subject
    assert subject.startswith("Gatehouse:")
    assert len(subject) <= SUBJECT_LENGTH < 100
    assert subject.isascii()
    assert subject.isprintable()
