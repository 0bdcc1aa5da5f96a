"""Bound every wait of a trigger by time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow.providers.amazon.aws.triggers.base import AwsBaseWaiterTrigger
from airflow.triggers.base import TriggerEvent

from gatehouse_provider.hooks.base_aws import GatehouseAwsHook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class BoundedWaiterTrigger(AwsBaseWaiterTrigger):
    """Wait on a waiter, throttled attempts included, no longer than delay times attempts.

    The amazon provider doesn't count attempts that were throttled, so under constant throttling its
    triggers never end (9.39.0, utils/waiter_with_logging.py).
    """

    aws_hook_class = GatehouseAwsHook
    # Room for the calls themselves, beside the pauses between them.
    SLACK_SECONDS = 30

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: success, or error with AWS's own words."""
        limit = self.waiter_delay * self.attempts + self.SLACK_SECONDS
        try:
            async with asyncio.timeout(limit):
                async for event in super().run():
                    yield event
        except TimeoutError:
            yield TriggerEvent(
                {
                    "status": "error",
                    "message": f"{self.failure_message}: not within {limit} s",
                    self.return_key: self.return_value,
                }
            )
