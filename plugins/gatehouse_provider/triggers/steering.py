"""Wait until a paused, frozen or stopped rollout may go on, or is called off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async
from sqlalchemy.exc import OperationalError

from gatehouse.exceptions import GatehouseError
from gatehouse.rollout.control import Step
from gatehouse_provider.hooks.steering import SteeringHook
from gatehouse_provider.settings import LEDGER_CONNECTION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


class SteeringTrigger(BaseTrigger):
    """Trigger when the offices of a rollout may be changed again, or it is to stop.

    Without a time limit: only people, and the freeze calendar, end this wait. The leases are kept.

    :param rollout_id: the waiting rollout.
    :param offices: the offices that the waiting task changes.
    :param poll_seconds: seconds between looks.
    """

    def __init__(
        self,
        *,
        rollout_id: str,
        offices: Sequence[str],
        poll_seconds: float = 2.0,
        ledger_conn_id: str = LEDGER_CONNECTION,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rollout_id = rollout_id
        self.offices = list(offices)
        self.poll_seconds = poll_seconds
        self.ledger_conn_id = ledger_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return classpath and arguments, from which a triggerer builds this trigger again."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "rollout_id": self.rollout_id,
            "offices": self.offices,
            "poll_seconds": self.poll_seconds,
            "ledger_conn_id": self.ledger_conn_id,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event when waiting is over: what to do and why."""
        hook = SteeringHook(self.rollout_id, self.offices, self.ledger_conn_id)
        # Connections may only be asked for from here; the looking then needs a thread, not this loop.
        await sync_to_async(hook.connect)()
        while True:
            step = await asyncio.to_thread(self._look, hook)
            if step.do != "wait":
                yield TriggerEvent({"do": step.do, "reason": step.reason})
                return
            await asyncio.sleep(self.poll_seconds)

    def _look(self, hook: SteeringHook) -> Step:
        try:
            hook.renew()
            return hook.step()
        except GatehouseError as error:
            return Step("stop", str(error))
        except OperationalError as error:
            self.log.warning("The ledger doesn't answer, and is asked again: %s", error)
            return Step("wait")
