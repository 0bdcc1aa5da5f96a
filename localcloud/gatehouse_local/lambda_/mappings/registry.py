"""Keep event source mappings and tell the state each is in now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gatehouse_local.lambda_ import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gatehouse_local.core.store import Store

Record = dict[str, Any]
SETTLING = {"Enabled": "Enabling", "Disabled": "Disabling"}
NO_RECORDS = "No records processed"


class Registry:
    """Store mappings.

    A record holds `configuration` (AWS's members), `target` (Enabled, Disabled or Deleted), `via` (the
    state shown until `changed_at` plus the settling time), `created_at`, `revision` and `tags`.
    """

    def __init__(self, store: Store, clock: Callable[[], float], settle_seconds: float) -> None:
        self._store = store
        self._table = store.table("lambda", "mapping")
        self._results = store.table("lambda", "mapping_result")
        self._clock = clock
        self._settle = settle_seconds

    def create(
        self, account: str, region: str, configuration: Record, enabled: bool, tags: dict[str, str]
    ) -> Record:
        """Write a new mapping, unless the function already reads this stream."""
        uuid = configuration["UUID"]
        with self._store.transaction():
            for key, other in self._table.list(account, region):
                if _same_pair(other["configuration"], configuration):
                    function = configuration["FunctionArn"].rpartition(":")[2]
                    raise errors.mapping_exists(configuration["EventSourceArn"], function, key)
            now = self._clock()
            record = {
                "configuration": configuration,
                "target": "Enabled" if enabled else "Disabled",
                "via": "Creating",
                "changed_at": now,
                "created_at": now,
                "revision": 1,
                "tags": tags,
            }
            self._table.put(account, region, uuid, record)
        return self._view(record, NO_RECORDS)

    def update(self, account: str, region: str, uuid: str, changes: Record, enabled: bool | None) -> Record:
        """Change a settled mapping; its worker starts anew from the checkpoint."""
        with self._store.transaction():
            record = self.settled(account, region, uuid, "update")
            target = record["target"] if enabled is None else ("Enabled" if enabled else "Disabled")
            record["via"] = "Updating" if target == record["target"] else SETTLING[target]
            record.update(target=target, changed_at=self._clock(), revision=record["revision"] + 1)
            record["configuration"] = {**record["configuration"], **changes}
            self._table.put(account, region, uuid, record)
        return self.view(account, region, uuid)

    def retag(self, account: str, region: str, uuid: str, tags: dict[str, str]) -> None:
        """Replace a mapping's tags; polling goes on undisturbed."""
        with self._store.transaction():
            self._table.put(account, region, uuid, {**self.get(account, region, uuid), "tags": tags})

    def delete(self, account: str, region: str, uuid: str) -> Record:
        """Begin to delete a settled mapping; `purge` ends it once its worker has ended."""
        with self._store.transaction():
            record = self.settled(account, region, uuid, "delete")
            record.update(target="Deleted", via="Deleting", changed_at=self._clock())
            self._table.put(account, region, uuid, record)
        return self.view(account, region, uuid)

    def purge(self, account: str, region: str, uuid: str) -> None:
        """Remove a deleted mapping for good."""
        self._table.delete(account, region, uuid)
        self._results.delete(account, region, uuid)

    def get(self, account: str, region: str, uuid: str) -> Record:
        """Return the stored record, or raise AWS's ResourceNotFoundException."""
        record = self._table.get(account, region, uuid)
        if record is None:
            raise errors.resource_not_found()
        return record

    def settled(self, account: str, region: str, uuid: str, verb: str) -> Record:
        """Return the record of a mapping that may be changed now, or raise AWS's ResourceInUse."""
        record = self.get(account, region, uuid)
        if self.is_settling(record) or record["target"] == "Deleted":
            raise errors.mapping_in_use(verb)
        return record

    def is_settling(self, record: Record) -> bool:
        """Tell whether the mapping is on its way to its target state."""
        return self._clock() < float(record["changed_at"]) + self._settle

    def view(self, account: str, region: str, uuid: str) -> Record:
        """Return a mapping as AWS shows it."""
        return self._view(self.get(account, region, uuid), self._result(account, region, uuid))

    def list(self, account: str, region: str) -> Iterator[Record]:
        """Yield mappings as AWS shows them, by UUID."""
        for uuid, record in self._table.list(account, region):
            yield self._view(record, self._result(account, region, uuid))

    def all(self) -> Iterator[tuple[str, str, str, Record]]:
        """Yield the stored records of every account and Region."""
        return self._table.all()

    def report(self, account: str, region: str, uuid: str, result: str) -> None:
        """Note the last result of a mapping's polling, if it differs from the one before."""
        if self._result(account, region, uuid) != result:
            self._results.put(account, region, uuid, {"result": result})

    def _result(self, account: str, region: str, uuid: str) -> str:
        noted = self._results.get(account, region, uuid)
        return noted["result"] if noted else NO_RECORDS

    def _view(self, record: Record, result: str) -> Record:
        settling = self.is_settling(record) or record["target"] == "Deleted"
        return {
            **record["configuration"],
            "State": record["via"] if settling else record["target"],
            "StateTransitionReason": "User action",
            "LastProcessingResult": result,
            "LastModified": datetime.fromtimestamp(record["changed_at"], UTC),
        }


def _same_pair(one: Record, other: Record) -> bool:
    return all(one[name] == other[name] for name in ("EventSourceArn", "FunctionArn"))
