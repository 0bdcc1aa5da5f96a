"""Deliver alerts that stayed pending: published never, or noted as published never.

The ingest function marks an alert `sent` once SNS has it. What is pending for longer than a minute fell
between; it is delivered from its document, under the same claim as everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gatehouse.alerts.message import alert_message
from gatehouse.alerts.state import AlertState, move
from gatehouse.office.naming import ALERTS_PREFIX
from gatehouse_notify.deliver import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from opensearchpy import OpenSearch

    from gatehouse_notify.deliver import Delivery
    from gatehouse_notify.metrics import Metrics

STUCK_AFTER = timedelta(seconds=60)
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Sweep:
    """Look for stuck alerts; `now` gives the time in UTC."""

    search: OpenSearch
    delivery: Delivery
    metrics: Metrics
    now: Callable[[], datetime]
    stopping: Callable[[], bool]

    def serve(self) -> None:
        """Deliver what has been pending for too long, oldest first, at most AT_ONCE a round."""
        for hit in self._stuck():
            if self.stopping():
                return
            if self.delivery.deliver(alert_message(hit["_source"])) is Outcome.DONE:
                self._note_sent(hit)
                self.metrics.count("swept")

    def _stuck(self) -> list[dict[str, Any]]:
        before = (self.now() - STUCK_AFTER).isoformat()
        pending = [{"term": {"state": AlertState.PENDING}}, {"range": {"pending_at": {"lt": before}}}]
        query = {"bool": {"filter": pending}}
        answer = self.search.search(
            index=f"{ALERTS_PREFIX}*",
            body={"query": query, "sort": ["pending_at"], "size": AT_ONCE},
            params={"ignore_unavailable": "true", "allow_no_indices": "true"},
        )
        found: list[dict[str, Any]] = answer["hits"]["hits"]
        return found

    def _note_sent(self, hit: dict[str, Any]) -> None:
        step = move(AlertState.SENT, AlertState.PENDING, sent_at=self.now().isoformat())
        self.search.update(index=hit["_index"], id=hit["_id"], body=step, params={"retry_on_conflict": "5"})
