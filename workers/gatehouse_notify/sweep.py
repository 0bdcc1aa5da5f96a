"""Deliver alerts that somebody dropped on their way, from their documents.

The ingest function takes an alert from `firing` over `pending` to `sent`, which is when SNS has it. What
is firing or pending for longer than a minute fell between: its batch comes no more, or SNS was away. It is
taken on by the same steps, and delivered under the same claim as everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gatehouse.alerts.message import alert_message
from gatehouse.alerts.state import AlertState, confirm, move, silence_next
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
# When an alert entered a state; firing first, because what it leaves is pending.
ENTERED = {AlertState.FIRING: "firing_at", AlertState.PENDING: "pending_at"}


@dataclass(frozen=True, slots=True)
class Sweep:
    """Look for stuck alerts; `now` gives the time in UTC."""

    search: OpenSearch
    delivery: Delivery
    metrics: Metrics
    now: Callable[[], datetime]
    stopping: Callable[[], bool]

    def serve(self) -> None:
        """Deliver what has been stuck for too long, oldest first, at most AT_ONCE of a state a round."""
        for state in ENTERED:
            for hit in self._stuck(state):
                if self.stopping():
                    return
                self._serve(hit)

    def _serve(self, hit: dict[str, Any]) -> None:
        alert = hit["_source"]
        if alert["state"] == AlertState.FIRING:
            alert = self._confirm(hit)
        if alert["state"] not in (AlertState.PENDING, AlertState.SENT):
            return  # it gave way to the window after it
        if self.delivery.deliver(alert_message(alert)) is Outcome.DONE:
            self._note_sent(hit)
            self.metrics.count("swept")

    def _confirm(self, hit: dict[str, Any]) -> dict[str, Any]:
        """Take an alert out of `firing` as the ingest function would have, and return it."""
        later, request = silence_next(hit["_source"])
        neighbour = self._update(later.index, later.alert_id, request)
        return self._update(hit["_index"], hit["_id"], confirm(neighbour, self.now().isoformat()))

    def _stuck(self, state: AlertState) -> list[dict[str, Any]]:
        before = (self.now() - STUCK_AFTER).isoformat()
        entered = ENTERED[state]
        query = {"bool": {"filter": [{"term": {"state": state}}, {"range": {entered: {"lt": before}}}]}}
        answer = self.search.search(
            index=f"{ALERTS_PREFIX}*",
            body={"query": query, "sort": [{entered: {"unmapped_type": "date"}}], "size": AT_ONCE},
            params={"ignore_unavailable": "true", "allow_no_indices": "true"},
        )
        found: list[dict[str, Any]] = answer["hits"]["hits"]
        return found

    def _note_sent(self, hit: dict[str, Any]) -> None:
        step = move(AlertState.SENT, AlertState.PENDING, sent_at=self.now().isoformat())
        self._update(hit["_index"], hit["_id"], step)

    def _update(self, index: str, doc_id: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run a scripted update and return the document as it is afterwards, changed or not."""
        params = {"_source": "true", "retry_on_conflict": "5"}
        answer = self.search.update(index=index, id=doc_id, body=request, params=params)
        source: dict[str, Any] = answer["get"]["_source"]
        return source
