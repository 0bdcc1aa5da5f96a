"""Look at a baking wave until its gate, or a person, decides."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async
from sqlalchemy.exc import OperationalError

from gatehouse.exceptions import GatehouseError
from gatehouse_provider.hooks.gate import Look, WaveGateHook
from gatehouse_provider.settings import AWS_CONNECTION, LEDGER_CONNECTION, OPENSEARCH_CONNECTION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


class WaveBakeTrigger(BaseTrigger):
    """Trigger when a wave passes or fails its gate, is promoted, or the rollout is called off.

    A paused wave is looked at all the same. What was seen before a restart is in the ledger, so the wait
    may be taken up anywhere.

    :param rollout_id: the baking rollout.
    :param wave: name of the wave.
    :param cameras: the wave's cameras.
    :param sample_every_seconds: seconds between looks.
    """

    def __init__(
        self,
        *,
        rollout_id: str,
        wave: str,
        cameras: Sequence[str],
        sample_every_seconds: float,
        aws_conn_id: str | None = AWS_CONNECTION,
        opensearch_conn_id: str = OPENSEARCH_CONNECTION,
        ledger_conn_id: str = LEDGER_CONNECTION,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rollout_id = rollout_id
        self.wave = wave
        self.cameras = list(cameras)
        self.sample_every_seconds = sample_every_seconds
        self.aws_conn_id = aws_conn_id
        self.opensearch_conn_id = opensearch_conn_id
        self.ledger_conn_id = ledger_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return classpath and arguments, from which a triggerer builds this trigger again."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "rollout_id": self.rollout_id,
            "wave": self.wave,
            "cameras": self.cameras,
            "sample_every_seconds": self.sample_every_seconds,
            "aws_conn_id": self.aws_conn_id,
            "opensearch_conn_id": self.opensearch_conn_id,
            "ledger_conn_id": self.ledger_conn_id,
        }

    def hook(self) -> WaveGateHook:
        """Build the hook that looks."""
        return WaveGateHook(
            self.rollout_id,
            self.wave,
            self.cameras,
            self.aws_conn_id,
            self.opensearch_conn_id,
            self.ledger_conn_id,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: what to do, why, and which cameras are bad."""
        hook = self.hook()
        # Connections may only be asked for from here; the looking then needs a thread, not this loop.
        await sync_to_async(hook.connect)()
        while True:
            look = await asyncio.to_thread(self.look, hook)
            if look.do != "wait":
                yield TriggerEvent(look.to_json())
                return
            await asyncio.sleep(self.sample_every_seconds)

    def look(self, hook: WaveGateHook) -> Look:
        """Look once; a ledger that doesn't answer is asked again."""
        try:
            return hook.look()
        except GatehouseError as error:
            return Look("stop", str(error), {})
        except OperationalError as error:
            self.log.warning("The ledger doesn't answer, and is asked again: %s", error)
            return Look("wait", "the ledger doesn't answer", {})
