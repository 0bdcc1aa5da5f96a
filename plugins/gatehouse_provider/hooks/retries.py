"""Retry the throttling that botocore doesn't know as such."""

from __future__ import annotations

import random
from typing import Any

from botocore.retries.standard import DEFAULT_MAX_ATTEMPTS

# Kinesis Video's code for calls over their rate (aws.md §3). botocore's retry modes know the other services'
# codes, and raise this one at its first occurrence.
CODE = "ClientLimitExceededException"
LONGEST_SECONDS = 20.0


def retried(client: Any) -> Any:
    """Let a client slow down and try again when it is throttled by this code too; returns the client.

    As often as the client's own retries, and with their delays: exponential, with full jitter.
    """
    # A connection may name a mode and no number of attempts.
    most = client.meta.config.retries.get("total_max_attempts", DEFAULT_MAX_ATTEMPTS)

    def delay(response: Any, attempts: int, **_: Any) -> float | None:
        code = response[1].get("Error", {}).get("Code") if response else None
        if code != CODE or attempts >= most:
            return None
        return random.random() * min(LONGEST_SECONDS, 2.0 ** (attempts - 1))  # noqa: S311 - no secret

    client.meta.events.register(f"needs-retry.{client.meta.service_model.service_id.hyphenize()}", delay)
    return client
