from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

import pytest

from gatehouse.alerts.hits import Window
from gatehouse.alerts.message import alert_message
from gatehouse_notify import sweep
from gatehouse_notify.sweep import Sweep

INDEX = "gatehouse-alerts-2026.11"
WINDOW = Window("CAM_A", "non_employee", "unknown", 1_795_442_040_000, 15_000)


class Alerts:
    """Hold the alerts' index: answers the sweep's queries and runs its steps, and keeps both."""

    def __init__(self, *alerts: dict[str, Any]) -> None:
        self.documents = {one["alert_id"]: one for one in alerts}
        self.queries: list[dict[str, Any]] = []
        self.updates: list[str] = []

    def search(self, *, index: str, body: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        assert index == "gatehouse-alerts-*"
        self.queries.append(body)
        state, probe, age = body["query"]["bool"]["filter"]
        ((entered, span),) = age["range"].items()
        found = [
            one
            for one in self.documents.values()
            if one["state"] == state["term"]["state"]
            and one["probe"] == probe["term"]["probe"]
            and _within(one.get(entered), span)
        ]
        keys = {one["alert_id"]: [one[entered], one["alert_id"]] for one in found}
        found.sort(key=lambda one: keys[one["alert_id"]])
        after = body.get("search_after", ["", ""])
        hits = [
            {"_index": INDEX, "_id": one["alert_id"], "_source": dict(one), "sort": keys[one["alert_id"]]}
            for one in found
            if keys[one["alert_id"]] > after
        ]
        return {"hits": {"hits": hits[: body["size"]]}}

    def update(self, *, index: str, id: str, body: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        assert index == INDEX
        self.updates.append(id)
        alert = self.documents.setdefault(id, copy.deepcopy(body.get("upsert", {})))
        step = body["script"]["params"]
        if alert["state"] in step["from"]:
            alert.update(state=step["to"], **step["fields"])
        return {"get": {"_source": dict(alert)}}


def _within(at: str | None, span: dict[str, str]) -> bool:
    if at is None:
        return False
    wanted = {name: datetime.fromisoformat(bound) for name, bound in span.items()}
    moment = datetime.fromisoformat(at)
    return moment < wanted["lt"] and moment >= wanted.get("gte", moment)


@pytest.fixture
def alert(message: dict[str, Any]) -> dict[str, Any]:
    place = {"rule": "non_employee", "subject": "unknown", "office": "o", "camera_id": "CAM_A"}
    return {
        **message,
        **place,
        "alert_id": WINDOW.alert_id,
        "state": "pending",
        "floor": "0",
        "zone": "z",
        "time_zone": "UTC",
        "window_start": "2026-11-23T13:54:00.000Z",
        "window_seconds": 15,
        "probe": False,
        "pending_at": "2026-11-23T11:58:59.000Z",
        "hits": ["e"],
        "s3_location": "s3://bucket/frame",
    }


def _firing(alert: dict[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in alert.items() if name != "pending_at"}
    return known | {"state": "firing", "firing_at": "2026-11-23T11:58:59.000Z"}


def _sweep(search: Alerts, delivery: Any, metrics: Any, clock: Any) -> Sweep:
    return Sweep(search, delivery, metrics, clock, lambda: False)  # type: ignore[arg-type]


def test_stuck_alert_is_delivered_from_its_document_and_noted(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any]
) -> None:
    search = Alerts(alert)
    _sweep(search, new_delivery("one"), metrics, clock).serve()
    assert sink.accepted == [alert["alert_id"]]
    assert sink.asked[0].read() == sink.asked[0].content
    assert search.updates == [alert["alert_id"]]
    assert alert["state"] == "sent"
    assert metrics.value("swept") == 1


@pytest.mark.parametrize(("state", "entered"), [("pending", "pending_at"), ("firing", "firing_at")])
def test_what_got_there_within_the_minute_is_left_to_the_ingest_function(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any], state: str, entered: str
) -> None:
    search = Alerts(alert | {"state": state, entered: "2026-11-23T11:59:00.000Z"})
    _sweep(search, new_delivery("one"), metrics, clock).serve()
    assert (sink.accepted, search.updates) == ([], [])


def test_alert_left_firing_is_told_and_silences_the_window_after_it(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any]
) -> None:
    stuck = _firing(alert)
    search = Alerts(stuck)
    _sweep(search, new_delivery("one"), metrics, clock).serve()
    assert sink.accepted == [WINDOW.alert_id]
    assert (stuck["state"], stuck["pending_at"]) == ("sent", "2026-11-23T12:00:00+00:00")
    later = search.documents[WINDOW.shifted(1).alert_id]
    assert (later["state"], later["window_start"]) == ("suppressed", "2026-11-23T13:54:15.000Z")
    assert (later["camera_id"], later["channel"], later["hits"]) == ("CAM_A", "security", [])


def test_alert_left_firing_gives_way_to_the_window_after_it_if_that_was_told(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any]
) -> None:
    stuck = _firing(alert)
    later = alert | {"alert_id": WINDOW.shifted(1).alert_id, "state": "sent"}
    search = Alerts(stuck, later)
    _sweep(search, new_delivery("one"), metrics, clock).serve()
    assert sink.accepted == []
    assert (stuck["state"], later["state"]) == ("suppressed", "sent")


def test_alert_left_firing_that_can_t_be_delivered_is_pending(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any]
) -> None:
    sink.answers = [410]
    stuck = _firing(alert)
    _sweep(Alerts(stuck), new_delivery("one"), metrics, clock).serve()
    assert stuck["state"] == "pending"


def test_alert_that_was_told_over_the_queue_is_only_noted(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any]
) -> None:
    delivery = new_delivery("one")
    delivery.deliver(alert_message(alert))
    search = Alerts(alert)
    _sweep(search, delivery, metrics, clock).serve()
    assert sink.accepted == [alert["alert_id"]]
    assert len(search.updates) == 1


def test_alert_that_can_t_be_delivered_stays_pending(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any]
) -> None:
    sink.answers = [410]
    search = Alerts(alert)
    _sweep(search, new_delivery("one"), metrics, clock).serve()
    assert search.updates == []


def _sent(alert: dict[str, Any], at: str, **fields: Any) -> dict[str, Any]:
    return alert | {"state": "sent", "sent_at": at} | fields


def test_alert_that_was_sent_and_never_delivered_is_told_once(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any]
) -> None:
    search = Alerts(_sent(alert, "2026-11-23T11:44:59.000Z"))
    for owner in ("one", "two"):
        _sweep(search, new_delivery(owner), metrics, clock).serve()
    assert sink.accepted == [alert["alert_id"]]
    assert (search.updates, metrics.value("swept")) == ([], 1)


def test_alert_whose_delivery_was_claimed_and_not_completed_is_told(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any]
) -> None:
    delivery = new_delivery("one")
    delivery.claims.claim(alert["alert_id"], "security")
    clock.pass_(minutes=3)
    _sweep(Alerts(_sent(alert, "2026-11-23T11:44:59.000Z")), delivery, metrics, clock).serve()
    assert sink.accepted == [alert["alert_id"]]


@pytest.mark.parametrize("sent_at", ["2026-11-23T11:45:00.000Z", "2026-11-09T11:59:59.000Z"])
def test_queue_is_given_a_quarter_of_an_hour_and_old_times_are_let_rest(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any], sent_at: str
) -> None:
    _sweep(Alerts(_sent(alert, sent_at)), new_delivery("one"), metrics, clock).serve()
    assert sink.accepted == []


@pytest.mark.parametrize("state", ["pending", "sent"])
def test_alerts_of_an_unknown_channel_don_t_keep_a_younger_one_waiting(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any], state: str
) -> None:
    at = "2026-11-23T11:00:00.000Z"
    foreign = [
        alert | {"alert_id": f"{number:032x}", "channel": "gone", "state": state, f"{state}_at": at}
        for number in range(3 * sweep.AT_ONCE)
    ]
    younger = alert | {"state": state, f"{state}_at": "2026-11-23T11:00:01.000Z"}
    search = Alerts(*foreign, younger)
    _sweep(search, new_delivery("one"), metrics, clock).serve()
    assert sink.accepted == [younger["alert_id"]]


def test_round_that_can_t_see_all_is_gone_on_with_and_then_begun_again(
    new_delivery: Any,
    sink: Any,
    clock: Any,
    metrics: Any,
    alert: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep, "AT_ONCE", 2)
    monkeypatch.setattr(sweep, "PAGES", 1)
    sink.answers = [410, 410, 410]
    at = "2026-11-23T11:00:00.000Z"
    stuck = [_sent(alert, at, alert_id=f"{number:032x}") for number in range(3)]
    one = _sweep(Alerts(*stuck), new_delivery("one"), metrics, clock)
    asked = []
    for _ in range(3):
        one.serve()
        asked.append([request.headers["Idempotency-Key"][-1] for request in sink.asked])
        sink.asked.clear()
    assert asked == [["0", "1"], ["2"], ["0", "1"]]


def test_dead_channel_leaves_time_for_the_other_states(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any]
) -> None:
    pending = [alert | {"alert_id": f"{number:032x}"} for number in range(3)]
    sent = _sent(alert, "2026-11-23T11:00:00.000Z")
    delivery = new_delivery("one")
    deliver = delivery.deliver

    class Slow:
        delivered = delivery.delivered

        def deliver(self, message: dict[str, Any]) -> Any:
            clock.pass_(seconds=61)
            return deliver(message)

    _sweep(Alerts(*pending, sent), Slow(), metrics, clock).serve()
    assert sink.accepted == [pending[0]["alert_id"], sent["alert_id"]]


@pytest.mark.parametrize(
    ("state", "entered"), [("pending", "pending_at"), ("firing", "firing_at"), ("sent", "sent_at")]
)
def test_a_probe_s_alert_is_never_told_to_a_person(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any], state: str, entered: str
) -> None:
    probe = {"probe": True, "probe_id": "p1", "state": state, entered: "2026-11-23T11:30:00.000Z"}
    search = Alerts(alert | probe)
    _sweep(search, new_delivery("one"), metrics, clock).serve()
    assert (sink.accepted, search.updates) == ([], [])
