"""Wait until every ordered probe of a unit is judged, or the rollout is called off."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async
from sqlalchemy.exc import OperationalError

from gatehouse.exceptions import GatehouseError
from gatehouse.rollout.probe import ClipTruth
from gatehouse_provider.hooks.probes import ProbeHook
from gatehouse_provider.settings import AWS_CONNECTION, LEDGER_CONNECTION, OPENSEARCH_CONNECTION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence


class ProbesTrigger(BaseTrigger):
    """Trigger when every probe has a verdict; each has a deadline of its own, in the ledger.

    The office's lease is kept meanwhile. A pause doesn't end this wait: looking changes nothing.

    :param rollout_id: the waiting rollout.
    :param office: whose cameras are probed.
    :param probes: ids of the ordered probes.
    :param truth: the fields of what the clip shows.
    :param poll_seconds: seconds between looks.
    """

    def __init__(
        self,
        *,
        rollout_id: str,
        office: str,
        probes: Sequence[str],
        truth: Mapping[str, Any],
        poll_seconds: float = 1.0,
        aws_conn_id: str | None = AWS_CONNECTION,
        opensearch_conn_id: str = OPENSEARCH_CONNECTION,
        ledger_conn_id: str = LEDGER_CONNECTION,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rollout_id = rollout_id
        self.office = office
        self.probes = list(probes)
        self.truth = dict(truth)
        self.poll_seconds = poll_seconds
        self.aws_conn_id = aws_conn_id
        self.opensearch_conn_id = opensearch_conn_id
        self.ledger_conn_id = ledger_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return classpath and arguments, from which a triggerer builds this trigger again."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "rollout_id": self.rollout_id,
            "office": self.office,
            "probes": self.probes,
            "truth": self.truth,
            "poll_seconds": self.poll_seconds,
            "aws_conn_id": self.aws_conn_id,
            "opensearch_conn_id": self.opensearch_conn_id,
            "ledger_conn_id": self.ledger_conn_id,
        }

    def hook(self) -> ProbeHook:
        """Build the hook that looks."""
        return ProbeHook(
            self.rollout_id,
            self.office,
            self.probes,
            ClipTruth.from_json(self.truth),
            self.aws_conn_id,
            self.opensearch_conn_id,
            self.ledger_conn_id,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: the verdicts by probe, or stopped with the reason."""
        hook = self.hook()
        # Connections may only be asked for from here; the looking then needs a thread, not this loop.
        await sync_to_async(hook.connect)()
        while True:
            event = await asyncio.to_thread(self.look, hook)
            if event is not None:
                yield TriggerEvent(event)
                return
            await asyncio.sleep(self.poll_seconds)

    def look(self, hook: ProbeHook) -> dict[str, Any] | None:
        """Look once; None while proof may still arrive. A ledger that doesn't answer is asked again."""
        try:
            hook.steering.renew()
            if reason := hook.steering.called_off():
                return {"status": "stopped", "message": reason}
            verdicts = hook.look()
        except GatehouseError as error:
            return {"status": "stopped", "message": str(error)}
        except OperationalError as error:
            self.log.warning("The ledger doesn't answer, and is asked again: %s", error)
            return None
        if len(verdicts) < len(self.probes):
            return None
        return {
            "status": "success",
            "verdicts": {probe_id: asdict(verdict) for probe_id, verdict in verdicts.items()},
        }
