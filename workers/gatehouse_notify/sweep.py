"""Deliver alerts that somebody dropped on their way, from their documents.

The ingest function takes an alert from `firing` over `pending` to `sent`, which is when SNS has it. What
is firing or pending for longer than a minute fell between: its batch comes no more, or SNS was away. What
is sent and by no claim delivered a quarter of an hour later may lie in a dead-letter queue. All of it is
taken on by the same steps, and delivered under the same claim as everything else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gatehouse.alerts.message import alert_message
from gatehouse.alerts.state import AlertState, confirm, move, silence_next
from gatehouse.office.naming import ALERTS_PREFIX
from gatehouse_notify.deliver import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from opensearchpy import OpenSearch

    from gatehouse_notify.deliver import Delivery
    from gatehouse_notify.metrics import Metrics

AT_ONCE = 100
PAGES = 10
# A dead channel takes seconds an alert: after so long the other states get their turn.
ROUND = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Stuck:
    """Say which alerts are stuck: those that entered a state, by `entered`, so long ago and no longer."""

    state: AlertState
    entered: str
    after: timedelta
    at_most: timedelta | None = None


# Firing comes first, because what it leaves is pending.
LOOKS = (
    Stuck(AlertState.FIRING, "firing_at", timedelta(minutes=1)),
    Stuck(AlertState.PENDING, "pending_at", timedelta(minutes=1)),
    # All alerts end as sent; so far back, and no further, a dead-letter queue holds what it was given.
    Stuck(AlertState.SENT, "sent_at", timedelta(minutes=15), timedelta(days=14)),
)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Look for stuck alerts; `now` gives the time in UTC.

    A round goes on where the last one ended and begins again at the oldest once it has seen all, so that
    alerts that nobody takes don't stand before younger ones.
    """

    search: OpenSearch
    delivery: Delivery
    metrics: Metrics
    now: Callable[[], datetime]
    stopping: Callable[[], bool]
    _seen: dict[AlertState, list[Any]] = field(default_factory=dict)

    def serve(self) -> None:
        """Deliver what has been stuck for too long, oldest first: of each state PAGES times AT_ONCE."""
        for look in LOOKS:
            until = self.now() + ROUND
            for hit in self._stuck(look):
                if self.stopping() or self.now() > until:
                    break
                self._serve(hit)
                self._seen[look.state] = hit["sort"]

    def _serve(self, hit: dict[str, Any]) -> None:
        alert = hit["_source"]
        if alert["state"] == AlertState.FIRING:
            alert = self._confirm(hit)
        if alert["state"] not in (AlertState.PENDING, AlertState.SENT):
            return  # it gave way to the window after it
        if self.delivery.deliver(alert_message(alert)) is Outcome.DONE:
            if alert["state"] == AlertState.PENDING:
                self._note_sent(hit)
            self.metrics.count("swept")

    def _confirm(self, hit: dict[str, Any]) -> dict[str, Any]:
        """Take an alert out of `firing` as the ingest function would have, and return it."""
        later, request = silence_next(hit["_source"])
        neighbour = self._update(later.index, later.alert_id, request)
        return self._update(hit["_index"], hit["_id"], confirm(neighbour, self.now().isoformat()))

    def _stuck(self, look: Stuck) -> Iterator[dict[str, Any]]:
        """Yield stuck alerts after those already seen; only a page's end forgets what was seen."""
        for _ in range(PAGES):
            page = self._page(look)
            told = self._told(page) if look.state is AlertState.SENT else set()
            yield from (hit for hit in page if hit["_id"] not in told)
            if len(page) < AT_ONCE:
                self._seen.pop(look.state, None)
                return
            self._seen[look.state] = page[-1]["sort"]

    def _page(self, look: Stuck) -> list[dict[str, Any]]:
        now = self.now()
        span = {"lt": (now - look.after).isoformat()}
        if look.at_most:
            span["gte"] = (now - look.at_most).isoformat()
        # A probe's alert is told to no person; its receipt is looked for by the rollout that ordered it.
        filters: list[dict[str, Any]] = [
            {"term": {"state": look.state}},
            {"term": {"probe": False}},
            {"range": {look.entered: span}},
        ]
        body: dict[str, Any] = {
            "query": {"bool": {"filter": filters}},
            # Where no alert has fired since an upgrade, the field isn't known yet.
            "sort": [{look.entered: {"unmapped_type": "date"}}, "alert_id"],
            "size": AT_ONCE,
        }
        if look.state in self._seen:
            body["search_after"] = self._seen[look.state]
        params = {"ignore_unavailable": "true", "allow_no_indices": "true"}
        answer = self.search.search(index=f"{ALERTS_PREFIX}*", body=body, params=params)
        found: list[dict[str, Any]] = answer["hits"]["hits"]
        return found

    def _told(self, page: list[dict[str, Any]]) -> set[str]:
        channels = {hit["_id"]: hit["_source"]["channel"] for hit in page}
        return {
            alert_id for alert_id, name in self.delivery.delivered(channels) if channels[alert_id] == name
        }

    def _note_sent(self, hit: dict[str, Any]) -> None:
        step = move(AlertState.SENT, AlertState.PENDING, sent_at=self.now().isoformat())
        self._update(hit["_index"], hit["_id"], step)

    def _update(self, index: str, doc_id: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run a scripted update and return the document as it is afterwards, changed or not."""
        params = {"_source": "true", "retry_on_conflict": "5"}
        answer = self.search.update(index=index, id=doc_id, body=request, params=params)
        source: dict[str, Any] = answer["get"]["_source"]
        return source
