"""Tell a person about an alert once: claim, send, complete."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from threading import Condition
from typing import TYPE_CHECKING, Any

from gatehouse_notify.channels import DeliveryError
from gatehouse_notify.claims import Claim

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gatehouse_notify.channels import Webhook
    from gatehouse_notify.claims import Claims
    from gatehouse_notify.metrics import Metrics

LOG = logging.getLogger(__name__)


class Outcome(Enum):
    """Say what became of an alert; only DONE lets its message go."""

    DONE = "done"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Deliver alerts to their channels."""

    claims: Claims
    channels: Mapping[str, Webhook]
    metrics: Metrics
    _in_hand: set[str] = field(default_factory=set)
    _changed: Condition = field(default_factory=Condition)

    def drain(self, seconds: float) -> bool:
        """Wait until no alert is in hand; False if one still is after so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._in_hand, seconds)

    def deliver(self, message: Mapping[str, Any]) -> Outcome:
        """Deliver one alert unless that was done, or is being done, by anybody."""
        alert_id, name = message["alert_id"], message["channel"]
        channel = self.channels.get(name)
        if channel is None:
            LOG.error("Alert %s names channel %s, which config/rules.yaml lacks. Add it", alert_id, name)
            self.metrics.count("failed")
            return Outcome.LATER
        claim = self.claims.claim(alert_id, name)
        if claim is Claim.MINE:
            with self._holding(alert_id):
                return self._send(channel, message)
        self.metrics.count("duplicates" if claim is Claim.DELIVERED else "taken")
        return Outcome.DONE if claim is Claim.DELIVERED else Outcome.LATER

    def delivered(self, alert_ids: Iterable[str]) -> set[tuple[str, str]]:
        """Return which of these alerts some channel has accepted, with the channel's name."""
        return self.claims.delivered(alert_ids)

    @contextmanager
    def _holding(self, alert_id: str) -> Iterator[None]:
        with self._changed:
            self._in_hand.add(alert_id)
        try:
            yield
        finally:
            with self._changed:
                self._in_hand.discard(alert_id)
                self._changed.notify_all()

    def _send(self, channel: Webhook, message: Mapping[str, Any]) -> Outcome:
        alert_id = message["alert_id"]
        try:
            channel.send(message)
        except DeliveryError as error:
            self.claims.release(alert_id, channel.name)
            self.metrics.count("failed")
            LOG.error("%s", error)  # noqa: TRY400 - the message says it all
            return Outcome.LATER
        # A crash right here is the one window in which a person can be told twice (claims.py).
        self.claims.complete(alert_id, channel.name)
        self.metrics.count("delivered")
        LOG.info("Alert %s delivered to %s", alert_id, channel.name)
        return Outcome.DONE
