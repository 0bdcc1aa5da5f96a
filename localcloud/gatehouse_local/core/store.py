"""Keep the local cloud's state in one SQLite file, per service, account and Region."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
    service TEXT NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL,
    key TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (service, kind, account, region, key)
)
"""
_SAME = "service = ? AND kind = ? AND account = ? AND region = ?"
_BYTES = "$bytes"
_LAST = "\U0010ffff"

Body = dict[str, Any]


class Store:
    """Hold every service's tables; safe to use from any thread.

    Each call is durable against a killed process when it returns (WAL; a power cut may lose the last
    ones). Services keep large data in files under their own folder beside the database.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        # One connection under one lock: handlers wait for each other for microseconds, and a
        # transaction needs no retry on SQLITE_BUSY.
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(_SCHEMA)

    def table(self, service: str, kind: str) -> Table:
        """Open the table of one kind of thing (`rekognition`, `collection`); it needs no creation."""
        return Table(self, service, kind)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the calls inside one atomic step; others wait. Nesting joins the outer step."""
        with self._lock:
            outermost = self._depth == 0
            if outermost:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if outermost:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if outermost:
                self._db.execute("COMMIT")

    def execute(self, sql: str, args: tuple[str, ...] = ()) -> tuple[list[Any], int]:
        """Run one statement and return its rows and how many it changed."""
        with self._lock:
            cursor = self._db.execute(sql, args)
            return cursor.fetchall(), cursor.rowcount

    def wipe(self, keep: frozenset[str] = frozenset()) -> None:
        """Forget everything, the services' files included; names in `keep` stay.

        Only before services are built: they may hold open what this deletes.
        """
        self.execute("DELETE FROM item")
        for path in self.path.parent.iterdir():
            if path.name.startswith(self.path.name) or path.name in keep:
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        with self._lock:
            self._db.close()


class Table:
    """Read and write the bodies of one kind; keys are unique per account and Region."""

    def __init__(self, store: Store, service: str, kind: str) -> None:
        self._store = store
        self._name = (service, kind)

    def get(self, account: str, region: str, key: str) -> Body | None:
        """Return a fresh copy of the body, or None."""
        sql = f"SELECT body FROM item WHERE {_SAME} AND key = ?"  # noqa: S608
        rows, _ = self._store.execute(sql, (*self._name, account, region, key))
        return decode(rows[0][0]) if rows else None

    def put(self, account: str, region: str, key: str, body: Body) -> None:
        """Write the body whether or not the key exists."""
        sql = "INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?)"
        self._store.execute(sql, (*self._name, account, region, key, encode(body)))

    def insert(self, account: str, region: str, key: str, body: Body) -> bool:
        """Write the body unless the key exists; say whether it was written."""
        sql = "INSERT OR IGNORE INTO item VALUES (?, ?, ?, ?, ?, ?)"
        _, changed = self._store.execute(sql, (*self._name, account, region, key, encode(body)))
        return changed == 1

    def delete(self, account: str, region: str, key: str) -> bool:
        """Remove the key; say whether it was there."""
        sql = f"DELETE FROM item WHERE {_SAME} AND key = ?"  # noqa: S608
        _, changed = self._store.execute(sql, (*self._name, account, region, key))
        return changed == 1

    def list(
        self, account: str, region: str, prefix: str = "", after: str = ""
    ) -> Iterator[tuple[str, Body]]:
        """Yield (key, body) in key order (by code point), as they were when called; `after` is left out."""
        sql = (
            f"SELECT key, body FROM item WHERE {_SAME}"  # noqa: S608
            " AND key >= ? AND key < ? AND key > ? ORDER BY key"
        )
        rows, _ = self._store.execute(sql, (*self._name, account, region, prefix, prefix + _LAST, after))
        return ((key, decode(body)) for key, body in rows)

    def count(self, account: str, region: str) -> int:
        """Count the keys without reading a body."""
        sql = f"SELECT COUNT(*) FROM item WHERE {_SAME}"  # noqa: S608
        rows, _ = self._store.execute(sql, (*self._name, account, region))
        return int(rows[0][0])

    def member(self, account: str, region: str, name: str) -> Sequence[tuple[str, Any]]:
        """Return (key, value) of one top-level member in key order; SQLite reads it, not we."""
        sql = f"SELECT key, json_extract(body, ?) FROM item WHERE {_SAME} ORDER BY key"  # noqa: S608
        rows, _ = self._store.execute(sql, (f"$.{name}", *self._name, account, region))
        return rows

    def having(self, account: str, region: str, name: str, value: str) -> Sequence[str]:
        """Return the keys of the bodies whose top-level member has this value."""
        sql = f"SELECT key FROM item WHERE {_SAME} AND json_extract(body, ?) = ? ORDER BY key"  # noqa: S608
        rows, _ = self._store.execute(sql, (*self._name, account, region, f"$.{name}", value))
        return [key for (key,) in rows]

    def all(self) -> Iterator[tuple[str, str, str, Body]]:
        """Yield (account, region, key, body) of every account and Region, in that order."""
        sql = (
            "SELECT account, region, key, body FROM item"
            " WHERE service = ? AND kind = ? ORDER BY account, region, key"
        )
        rows, _ = self._store.execute(sql, self._name)
        return ((account, region, key, decode(body)) for account, region, key, body in rows)


def encode(body: Body) -> str:
    """Write a body as JSON; bytes at any depth become `{"$bytes": base64}`."""
    return json.dumps(body, default=_tag_bytes, separators=(",", ":"))


def decode(text: str) -> Body:
    """Read back what `encode` wrote."""
    body: Body = json.loads(text, object_hook=_untag_bytes if _BYTES in text else None)
    return body


def _tag_bytes(value: object) -> dict[str, str]:
    if isinstance(value, bytes | bytearray | memoryview):
        return {_BYTES: base64.b64encode(value).decode("ascii")}
    raise TypeError(
        f"the store keeps JSON values and bytes, not {type(value).__name__}; "
        "write a datetime as epoch seconds and a set as a sorted list"
    )


def _untag_bytes(value: dict[str, Any]) -> Any:
    if value.keys() == {_BYTES}:
        return base64.b64decode(value[_BYTES])
    return value
