from __future__ import annotations

from typing import Any

import pytest

from gatehouse.alerts.message import alert_message
from gatehouse.alerts.state import MOVE
from gatehouse_notify.sweep import Sweep


class PendingAlerts:
    """Answer the sweep's two requests from one list of hits, and keep what it asked."""

    def __init__(self, *alerts: dict[str, Any]) -> None:
        self.hits = [
            {"_index": "gatehouse-alerts-2026.11", "_id": one["alert_id"], "_source": one} for one in alerts
        ]
        self.queries: list[dict[str, Any]] = []
        self.updates: list[tuple[str, dict[str, Any]]] = []

    def search(self, *, index: str, body: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        assert index == "gatehouse-alerts-*"
        self.queries.append(body)
        return {"hits": {"hits": self.hits}}

    def update(self, *, index: str, id: str, body: dict[str, Any], params: dict[str, str]) -> None:
        self.updates.append((id, body))


@pytest.fixture
def alert(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "state": "pending", "hits": ["e"], "s3_location": "s3://bucket/frame"}


def test_stuck_alert_is_delivered_from_its_document_and_noted(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any]
) -> None:
    search = PendingAlerts(alert)
    Sweep(search, new_delivery("one"), metrics, clock, lambda: False).serve()  # type: ignore[arg-type]
    assert sink.accepted == [alert["alert_id"]]
    assert sink.asked[0].read() == sink.asked[0].content
    ((updated, request),) = search.updates
    assert updated == alert["alert_id"]
    assert request["script"]["source"] == MOVE
    assert request["script"]["params"]["to"] == "sent"
    assert metrics.value("swept") == 1


def test_only_what_is_pending_for_a_minute_is_swept(new_delivery: Any, clock: Any, metrics: Any) -> None:
    search = PendingAlerts()
    Sweep(search, new_delivery("one"), metrics, clock, lambda: False).serve()  # type: ignore[arg-type]
    state, age = search.queries[0]["query"]["bool"]["filter"]
    assert state == {"term": {"state": "pending"}}
    assert age == {"range": {"pending_at": {"lt": "2026-11-23T11:59:00+00:00"}}}


def test_alert_that_was_told_over_the_queue_is_only_noted(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any]
) -> None:
    delivery = new_delivery("one")
    delivery.deliver(alert_message(alert))
    search = PendingAlerts(alert)
    Sweep(search, delivery, metrics, clock, lambda: False).serve()  # type: ignore[arg-type]
    assert sink.accepted == [alert["alert_id"]]
    assert len(search.updates) == 1


def test_alert_that_can_t_be_delivered_stays_pending(
    new_delivery: Any, sink: Any, clock: Any, metrics: Any, alert: dict[str, Any]
) -> None:
    sink.answers = [410]
    search = PendingAlerts(alert)
    Sweep(search, new_delivery("one"), metrics, clock, lambda: False).serve()  # type: ignore[arg-type]
    assert search.updates == []
