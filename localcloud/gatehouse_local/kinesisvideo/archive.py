"""Keep fragments: one file each, and an index of them in SQLite beside the files.

A file is written whole and renamed before its row is, and a row goes before its file does, so a killed
process leaves at worst a file that nobody knows, which the next start removes.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gatehouse_local.kinesisvideo.matroska import Cluster

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fragment (
    arn TEXT NOT NULL, number TEXT NOT NULL, folder TEXT NOT NULL,
    producer_ms INTEGER NOT NULL, server_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL,
    timecode_ms INTEGER NOT NULL, frames INTEGER NOT NULL, key_frame INTEGER NOT NULL,
    size INTEGER NOT NULL, cluster_at INTEGER NOT NULL, attached TEXT NOT NULL,
    PRIMARY KEY (arn, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_producer ON fragment (arn, producer_ms);
CREATE INDEX IF NOT EXISTS by_server ON fragment (arn, server_ms);
"""
_COLUMNS = (
    "arn, number, folder, producer_ms, server_ms, duration_ms, timecode_ms, frames, key_frame, size,"
    " cluster_at, attached"
)
# A fragment's number is 47 decimal digits: AWS's own prefix, microseconds and a random tail, so that
# whoever squeezes it into a float or 64 bits finds out here.
_NUMBER_PREFIX, _NUMBER_TAIL = "91343852333", 20


@dataclass(frozen=True, slots=True)
class Entry:
    """Describe one stored fragment; `producer_ms` and `server_ms` are epoch milliseconds of its start.

    `timecode_ms` is its cluster's timecode as sent, `cluster_at` where the cluster starts in the file.
    """

    arn: str
    number: str
    folder: str
    producer_ms: int
    server_ms: int
    duration_ms: int
    timecode_ms: int
    frames: int
    key_frame: bool
    size: int
    cluster_at: int
    attached: tuple[tuple[str, str], ...]

    def start_ms(self, clock: str) -> int:
        """Answer the start on the clock PRODUCER_TIMESTAMP or SERVER_TIMESTAMP."""
        return self.producer_ms if clock == "PRODUCER_TIMESTAMP" else self.server_ms


@dataclass(frozen=True, slots=True)
class Received:
    """Hold a fragment that came in whole and isn't stored yet."""

    number: str
    cluster: Cluster
    producer_ms: int
    server_ms: int
    attached: tuple[tuple[str, str], ...]


class Archive:
    """Store, find and remove fragments; safe to use from any thread, every call may touch the disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(root / "index.sqlite", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        self._last: dict[str, str] = {}

    def next_number(self, arn: str, now: float) -> str:
        """Give out the next fragment number of a stream: larger than any before, restarts included."""
        with self._lock:
            last = self._last.get(arn) or self.newest_number(arn)
            tail = secrets.randbelow(10**_NUMBER_TAIL)
            number = f"{_NUMBER_PREFIX}{int(now * 1e6):016d}{tail:0{_NUMBER_TAIL}d}"
            if number <= last:
                number = str(int(last) + 1)
            self._last[arn] = number
            return number

    def append(self, arn: str, folder: str, received: Received) -> Entry:
        """Store one fragment; it can be read once this returns."""
        cluster = received.cluster
        preamble = cluster.head.preamble()
        data = preamble + cluster.element()
        entry = Entry(
            arn=arn,
            number=received.number,
            folder=folder,
            producer_ms=received.producer_ms,
            server_ms=received.server_ms,
            duration_ms=cluster.duration_ms,
            timecode_ms=cluster.timecode_ms,
            frames=len(cluster.times),
            key_frame=cluster.starts_with_key,
            size=len(data),
            cluster_at=len(preamble),
            attached=received.attached,
        )
        path = self._path(entry)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(data)
        partial.replace(path)
        marks = ", ".join("?" * len(_COLUMNS.split(",")))
        self._run(f"INSERT INTO fragment ({_COLUMNS}) VALUES ({marks})", _row(entry))  # noqa: S608
        return entry

    def read(self, entry: Entry) -> bytes | None:
        """Read a fragment's document; None if it was removed since it was found."""
        try:
            return self._path(entry).read_bytes()
        except FileNotFoundError:
            return None

    def get(self, arn: str, number: str) -> Entry | None:
        """Find one fragment."""
        return next(self._select("arn = ? AND number = ?", (arn, number), 1), None)

    def newest_number(self, arn: str) -> str:
        """Answer the number of the newest stored fragment, or an empty string."""
        rows = self._run("SELECT max(number) FROM fragment WHERE arn = ?", (arn,))
        return rows[0][0] or ""

    def newest(self, arn: str) -> Entry | None:
        """Find the newest fragment."""
        return self.get(arn, self.newest_number(arn))

    def after(
        self, arn: str, number: str, since_ms: int, clock: str = "", ends_after_ms: int = 0
    ) -> Entry | None:
        """Find the first fragment after `number`, received since `since_ms`.

        With a clock, fragments that end by `ends_after_ms` on it are passed over.
        """
        where = "arn = ? AND number > ? AND server_ms >= ?"
        args: tuple[str | int, ...] = (arn, number, since_ms)
        if clock:
            where += f" AND {_column(clock)} + max(duration_ms, 1) > ?"
            args += (ends_after_ms,)
        return next(self._select(where, args, 1), None)

    def starting_in(
        self,
        arn: str,
        clock: str,
        first_ms: int,
        last_ms: int,
        since_ms: int,
        after: str = "",
        limit: int = -1,
    ) -> list[Entry]:
        """List fragments that start in an inclusive range, in the order of their numbers."""
        where = f"arn = ? AND server_ms >= ? AND number > ? AND {_column(clock)} BETWEEN ? AND ?"
        return list(self._select(where, (arn, since_ms, after, first_ms, last_ms), limit))

    def prune(self, arn: str, since_ms: int, max_bytes: int) -> int:
        """Remove what was received before `since_ms`, then the oldest over `max_bytes`.

        Answers how many bytes went because of `max_bytes` alone.
        """
        self._remove(self._select("arn = ? AND server_ms < ?", (arn, since_ms)))
        held = int(self._run("SELECT coalesce(sum(size), 0) FROM fragment WHERE arn = ?", (arn,))[0][0])
        over = held - max_bytes
        return self._remove(self._oldest(arn, over)) if over > 0 else 0

    def forget(self, arn: str, folder: str) -> None:
        """Remove everything of a stream."""
        self._run("DELETE FROM fragment WHERE arn = ?", (arn,))
        self._last.pop(arn, None)
        shutil.rmtree(self._root / folder, ignore_errors=True)

    def reconcile(self, folders: Iterable[str]) -> None:
        """At the start, remove streams that aren't among `folders` and files that no row names."""
        known = set(folders)
        for (folder,) in self._run("SELECT DISTINCT folder FROM fragment"):
            if folder not in known:
                self._run("DELETE FROM fragment WHERE folder = ?", (folder,))
        for path in self._root.glob("*/*/*"):
            folder = str(path.relative_to(self._root))
            if folder not in known:
                shutil.rmtree(path)
                continue
            rows = self._run("SELECT number FROM fragment WHERE folder = ?", (folder,))
            named = {f"{number}.mkv" for (number,) in rows}
            for file in path.iterdir():
                if file.name not in named:
                    file.unlink()

    def close(self) -> None:
        """Let go of the index."""
        with self._lock:
            self._db.close()

    def _oldest(self, arn: str, over: int) -> Iterator[Entry]:
        for entry in self._select("arn = ?", (arn,)):
            if over <= 0:
                return
            over -= entry.size
            yield entry

    def _remove(self, entries: Iterable[Entry]) -> int:
        gone = 0
        for entry in entries:
            self._run("DELETE FROM fragment WHERE arn = ? AND number = ?", (entry.arn, entry.number))
            self._path(entry).unlink(missing_ok=True)
            gone += entry.size
        return gone

    def _select(self, where: str, args: tuple[str | int, ...], limit: int = -1) -> Iterator[Entry]:
        sql = f"SELECT {_COLUMNS} FROM fragment WHERE {where} ORDER BY number LIMIT ?"  # noqa: S608
        return (_entry(row) for row in self._run(sql, (*args, limit)))

    def _run(self, sql: str, args: tuple[str | int, ...] = ()) -> list[tuple[str, ...]]:
        with self._lock:
            return self._db.execute(sql, args).fetchall()

    def _path(self, entry: Entry) -> Path:
        return self._root / entry.folder / f"{entry.number}.mkv"


def _column(clock: str) -> str:
    return "producer_ms" if clock == "PRODUCER_TIMESTAMP" else "server_ms"


def _row(entry: Entry) -> tuple[str | int, ...]:
    values = (getattr(entry, name.strip()) for name in _COLUMNS.split(","))
    return tuple(json.dumps(value) if isinstance(value, tuple) else value for value in values)


def _entry(row: tuple[str, ...]) -> Entry:
    fields = dict(zip((name.strip() for name in _COLUMNS.split(",")), row, strict=True))
    attached = tuple((name, value) for name, value in json.loads(fields.pop("attached")))
    return Entry(**fields, attached=attached)  # type: ignore[arg-type]  # SQLite gives back what went in
