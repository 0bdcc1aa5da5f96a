"""Send an alert to a channel: today a webhook, whose address comes from the environment."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from gatehouse.exceptions import ConfigError, GatehouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gatehouse.office.model import Channel

LOG = logging.getLogger(__name__)
TIMEOUT = httpx.Timeout(10.0, connect=3.0)
ATTEMPTS = 4
# Worth another try; any other 4xx will be the same next time.
RETRIABLE = frozenset({408, 425, 429})


class DeliveryError(GatehouseError):
    """Raise when a channel didn't take an alert; it stays queued."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """POST alerts to an address; `pause` waits so many seconds, or less if the notifier stops."""

    name: str
    url: str
    client: httpx.Client
    pause: Callable[[float], object]
    attempts: int = field(default=ATTEMPTS)

    def send(self, message: Mapping[str, Any]) -> None:
        """Deliver one alert, trying again while the receiver is away; raises DeliveryError.

        All attempts carry the alert's id as Idempotency-Key.
        """
        for attempt in range(1, self.attempts + 1):
            trouble = self._post(message)
            if not trouble:
                return
            LOG.warning("Channel %s, alert %s: %s", self.name, message["alert_id"], trouble)
            if attempt < self.attempts:
                self.pause(random.uniform(0.5, 1.0) * 0.5 * 2**attempt)  # noqa: S311 - spreads load
        msg = (
            f"Channel {self.name} didn't take alert {message['alert_id']} in {self.attempts} attempts "
            f"({trouble}). It stays queued and is tried again."
        )
        raise DeliveryError(msg)

    def _post(self, message: Mapping[str, Any]) -> str:
        """Return what went wrong, or an empty string."""
        headers = {"Idempotency-Key": str(message["alert_id"])}
        try:
            answer = self.client.post(self.url, json=dict(message), headers=headers, timeout=TIMEOUT)
        except httpx.TransportError as error:
            return type(error).__name__
        if answer.is_success:
            return ""
        if not answer.is_server_error and answer.status_code not in RETRIABLE:
            msg = (
                f"Channel {self.name} refused alert {message['alert_id']} with HTTP {answer.status_code}. "
                "It stays queued. Check the channel's address and what its receiver expects."
            )
            raise DeliveryError(msg)
        return f"HTTP {answer.status_code}"


def open_channels(
    channels: Mapping[str, Channel],
    environment: Mapping[str, str],
    client: httpx.Client,
    pause: Callable[[float], object],
) -> dict[str, Webhook]:
    """Return every configured channel; raises ConfigError naming addresses that aren't set."""
    missing = sorted(
        {entry.webhook_env for entry in channels.values() if not environment.get(entry.webhook_env)}
    )
    if missing:
        msg = (
            f"The notifier lacks the address of a channel: set {', '.join(missing)}. "
            "It has not started; alerts wait in their queues."
        )
        raise ConfigError(msg)
    return {
        name: Webhook(name, environment[entry.webhook_env], client, pause) for name, entry in channels.items()
    }
