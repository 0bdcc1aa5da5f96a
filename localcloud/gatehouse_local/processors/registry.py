"""Keep stream processors in the store, one state change at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse_local.core.errors import AwsError
from gatehouse_local.processors.processor import Processor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from gatehouse_local.core.store import Store
    from gatehouse_local.processors.processor import Status

SERVICE = "rekognition"


class Registry:
    """Store processors by account, Region and name.

    The table's name is known to `rekognition.tags`, which tags processors too.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._table = store.table(SERVICE, "processor")
        self._tags = store.table(SERVICE, "tag")
        self._deleted = store.table(SERVICE, "processor_deleted")
        self._clock = clock

    def add(self, processor: Processor, tags: dict[str, str], name_hold: float) -> None:
        """Write a new processor unless its name or one of its streams is taken."""
        where = (processor.account, processor.region)
        with self._store.transaction():
            deleted = self._deleted.get(*where, processor.name)
            held = deleted is not None and self._clock() < deleted["at"] + name_hold
            if held or self._table.get(*where, processor.name) is not None:
                raise AwsError("ResourceInUseException", "Stream processor name already in use.")
            self._refuse_shared(processor)
            self._table.put(*where, processor.name, processor.to_body())
            if tags:
                self._tags.put(*where, processor.arn, {"tags": tags})

    def get(self, account: str, region: str, name: str) -> Processor:
        """Return a processor, or raise AWS's ResourceNotFoundException."""
        found = self.find(account, region, name)
        if found is None:
            raise AwsError("ResourceNotFoundException", "Stream processor not found.")
        return found

    def find(self, account: str, region: str, name: str) -> Processor | None:
        """Return a processor, or None."""
        body = self._table.get(account, region, name)
        return None if body is None else Processor.from_body(body)

    def states(self, account: str, region: str) -> Sequence[tuple[str, str]]:
        """Return (name, status) of the Region's processors by name."""
        return self._table.member(account, region, "status")

    def all(self) -> Iterator[Processor]:
        """Yield every processor."""
        return (Processor.from_body(body) for _, _, _, body in self._table.all())

    def write(self, processor: Processor) -> None:
        """Replace a processor that exists."""
        self._table.put(processor.account, processor.region, processor.name, processor.to_body())

    def move(self, processor: Processor, status: Status, message: str = "") -> bool:
        """Change a session's state; False, and nothing written, when that session is over."""
        with self._store.transaction():
            current = self.find(processor.account, processor.region, processor.name)
            if current is None or current.session != processor.session:
                return False
            self.write(current.moved(status, self._clock(), message))
            return True

    def delete(self, processor: Processor) -> None:
        """Remove a processor with its tags; its name stays taken for a moment, as in AWS."""
        where = (processor.account, processor.region)
        with self._store.transaction():
            self._table.delete(*where, processor.name)
            self._tags.delete(*where, processor.arn)
            self._deleted.put(*where, processor.name, {"at": self._clock()})

    def transaction(self) -> AbstractContextManager[None]:
        """Join several steps; see `Store.transaction`."""
        return self._store.transaction()

    def _refuse_shared(self, new: Processor) -> None:
        # AWS documents that neither stream can be shared (limits.html); the error's wording is ours.
        for member, arn in (("video_arn", new.video_arn), ("data_arn", new.data_arn)):
            taken = self._table.having(new.account, new.region, member, arn)
            if taken:
                message = f"{arn} is already used by stream processor {taken[0]}."
                raise AwsError("ResourceInUseException", message)
