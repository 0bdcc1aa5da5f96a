"""Wait for a person's answer, or for somebody to call the rollout off."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.triggers.hitl import HITLTrigger
from airflow.triggers.base import TriggerEvent
from asgiref.sync import sync_to_async
from sqlalchemy.exc import OperationalError

from gatehouse_provider.hooks.steering import SteeringHook
from gatehouse_provider.settings import LEDGER_CONNECTION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class PlanApprovalTrigger(HITLTrigger):
    """Trigger when a plan is answered, nobody answered in time, or the rollout is called off.

    :param rollout_id: the rollout whose plan waits.
    :param timeout_datetime: when the default answer is given, in ISO format.
    """

    def __init__(
        self,
        *,
        rollout_id: str,
        timeout_datetime: str,
        ledger_conn_id: str = LEDGER_CONNECTION,
        **kwargs: Any,
    ) -> None:
        super().__init__(timeout_datetime=datetime.fromisoformat(timeout_datetime), **kwargs)
        self.rollout_id = rollout_id
        self.until = timeout_datetime
        self.ledger_conn_id = ledger_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return classpath and arguments, from which a triggerer builds this trigger again."""
        _, arguments = super().serialize()
        own = {
            "rollout_id": self.rollout_id,
            "timeout_datetime": self.until,
            "ledger_conn_id": self.ledger_conn_id,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments | own

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: Airflow's own for an answer, or `called_off` with the reason."""
        answered = asyncio.ensure_future(anext(super().run()))
        called_off = asyncio.ensure_future(self._called_off())
        try:
            done, _ = await asyncio.wait({answered, called_off}, return_when=asyncio.FIRST_COMPLETED)
            yield (called_off if called_off in done else answered).result()
        finally:
            answered.cancel()
            called_off.cancel()

    async def _called_off(self) -> TriggerEvent:
        hook = SteeringHook(self.rollout_id, [], self.ledger_conn_id)
        # Connections may only be asked for from here; the looking then needs a thread, not this loop.
        await sync_to_async(hook.connect)()
        while True:
            if why := await asyncio.to_thread(self._look, hook):
                return TriggerEvent({"called_off": why})
            await asyncio.sleep(self.poke_interval)

    def _look(self, hook: SteeringHook) -> str:
        try:
            return hook.called_off()
        except OperationalError as error:
            self.log.warning("The ledger doesn't answer, and is asked again: %s", error)
            return ""
