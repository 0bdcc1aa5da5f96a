"""Keep function records and tell the state each is in now."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gatehouse_local.lambda_ import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gatehouse_local.core.store import Store
    from gatehouse_local.lambda_.naming import FunctionKey

Record = dict[str, Any]


class Catalogue:
    """Store functions.

    A record holds `configuration` (AWS's members), `tags`, and `created_at`/`changed_at` in epoch
    seconds; Pending and InProgress are not stored but follow from how long ago those were.
    """

    def __init__(self, store: Store, clock: Callable[[], float], activation_seconds: float) -> None:
        self._store = store
        self._table = store.table("lambda", "function")
        self._clock = clock
        self._activation = activation_seconds

    def create(self, key: FunctionKey, configuration: Record, tags: dict[str, str]) -> Record:
        """Write a new function; return its configuration as AWS shows it."""
        now = self._clock()
        record = {
            "configuration": self._stamp(configuration, now),
            "tags": tags,
            "created_at": now,
            "changed_at": now,
        }
        if not self._table.insert(key.account, key.region, key.name, record):
            raise errors.function_exists(key.name)
        return self.view(record)

    def update(self, key: FunctionKey, changes: Record, revision: str | None) -> Record:
        """Merge changes into a settled function; return its configuration as AWS shows it."""
        with self._store.transaction():
            record = self.settled(key)
            configuration = record["configuration"]
            if revision and revision != configuration["RevisionId"]:
                raise errors.revision_mismatch()
            record["changed_at"] = self._clock()
            record["configuration"] = self._stamp({**configuration, **changes}, record["changed_at"])
            self._table.put(key.account, key.region, key.name, record)
        return self.view(record)

    def retag(self, key: FunctionKey, tags: dict[str, str]) -> None:
        """Replace a function's tags; its revision stays."""
        with self._store.transaction():
            record = {**self.get(key), "tags": tags}
            self._table.put(key.account, key.region, key.name, record)

    def delete(self, key: FunctionKey) -> None:
        """Remove a function."""
        if not self._table.delete(key.account, key.region, key.name):
            raise errors.function_not_found(key.arn)

    def get(self, key: FunctionKey) -> Record:
        """Return the stored record, or raise AWS's ResourceNotFoundException."""
        record = self._table.get(key.account, key.region, key.name)
        if record is None:
            raise errors.function_not_found(key.arn)
        return record

    def settled(self, key: FunctionKey) -> Record:
        """Return the record of a function that may be changed now, or raise AWS's conflict."""
        record = self.get(key)
        if self._pending(record):
            raise errors.wrong_state("Pending")
        if self._in_progress(record):
            raise errors.update_in_progress(key.arn)
        return record

    def active(self, key: FunctionKey) -> Record:
        """Return the configuration of a function that may be invoked now."""
        record = self.get(key)
        if self._pending(record):
            raise errors.wrong_state("Pending")
        configuration: Record = record["configuration"]
        return configuration

    def list(self, account: str, region: str) -> Iterator[Record]:
        """Yield configurations as AWS shows them, by name."""
        return (self.view(record) for _, record in self._table.list(account, region))

    def digests(self) -> set[str]:
        """Return the CodeSha256 of every function of every account and Region."""
        return {record["configuration"]["CodeSha256"] for *_, record in self._table.all()}

    def view(self, record: Record) -> Record:
        """Return the configuration with the states that hold now."""
        if self._pending(record):
            reason = {"StateReason": "The function is being created.", "StateReasonCode": "Creating"}
            states = {"State": "Pending", **reason}
        else:
            states = {"State": "Active"}
        if self._in_progress(record):
            creating = self._pending(record)
            states["LastUpdateStatus"] = "InProgress"
            states["LastUpdateStatusReason"] = (
                "The function is being created." if creating else "The function is being updated."
            )
            states["LastUpdateStatusReasonCode"] = "Creating" if creating else "Updating"
        else:
            states["LastUpdateStatus"] = "Successful"
        return {**record["configuration"], **states}

    def _pending(self, record: Record) -> bool:
        return self._clock() < float(record["created_at"]) + self._activation

    def _in_progress(self, record: Record) -> bool:
        return self._clock() < float(record["changed_at"]) + self._activation

    @staticmethod
    def _stamp(configuration: Record, now: float) -> Record:
        modified = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        return {**configuration, "LastModified": f"{modified}+0000", "RevisionId": str(uuid.uuid4())}
