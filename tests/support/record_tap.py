"""Read every record that engines write, from their data streams, while streams come and go."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

# GetRecords may be called five times a second and shard, and ingest calls it as well.
POLL_SECONDS = 1.0
Face = tuple[float, float, float | None]


@dataclass(frozen=True, slots=True)
class Written:
    """One record, by who wrote it and which frame it is of; a face is where it is and its best match."""

    engine: str
    camera: str
    at_ms: int
    faces: tuple[Face, ...]


@dataclass(slots=True)
class RecordTap:
    """Follow data streams, `{name: engine that writes there}`; those that aren't there are looked for.

    A stream is read from its oldest record on whenever it is found again, which repeats, but loses nothing.
    """

    kinesis: Any
    engines: Mapping[str, str]
    _records: dict[tuple[str, str, int], Written] = field(default_factory=dict)
    _iterators: dict[str, list[str]] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Read within the block."""
        thread = threading.Thread(target=self._follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def of(self, camera: str) -> list[Written]:
        """Return a camera's records so far, in order of frame time; one that was written twice is one."""
        mine = [record for record in list(self._records.values()) if record.camera == camera]
        return sorted(mine, key=lambda record: (record.at_ms, record.engine))

    def _follow(self) -> None:
        while not self._over.wait(POLL_SECONDS):
            for name in self.engines:
                try:
                    self._read(name)
                except (ClientError, BotoCoreError):
                    # Gone, not there yet, expired or throttled: it is opened anew.
                    self._iterators.pop(name, None)

    def _read(self, name: str) -> None:
        iterators = self._iterators.get(name) or self._open(name)
        following = []
        for iterator in iterators:
            answer = self.kinesis.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                self._note(self.engines[name], record["Data"])
            following.append(answer["NextShardIterator"])
        self._iterators[name] = following

    def _open(self, name: str) -> list[str]:
        shards = self.kinesis.list_shards(StreamName=name)["Shards"]
        place = {"StreamName": name, "ShardIteratorType": "TRIM_HORIZON"}
        return [
            self.kinesis.get_shard_iterator(ShardId=shard["ShardId"], **place)["ShardIterator"]
            for shard in shards
        ]

    def _note(self, engine: str, data: bytes) -> None:
        try:
            record = json.loads(data)
            video = record["InputInformation"]["KinesisVideo"]
        except (ValueError, KeyError):
            return  # another test's poison
        at_ms = round((video["ProducerTimestamp"] + video["FrameOffsetInSeconds"]) * 1000)
        camera = video["StreamArn"].split("/")[1].removeprefix("gatehouse-")
        faces = tuple(sorted((_face(one) for one in record.get("FaceSearchResponse", [])), key=in_order))
        self._records.setdefault((engine, camera, at_ms), Written(engine, camera, at_ms, faces))


def in_order(face: Face) -> tuple[float, float, float]:
    """Sort faces by this: nobody's similarity is none."""
    left, top, similarity = face
    return left, top, similarity or 0.0


def _face(found: Mapping[str, Any]) -> Face:
    box, matches = found["DetectedFace"]["BoundingBox"], found.get("MatchedFaces") or []
    return box["Left"], box["Top"], max((match["Similarity"] for match in matches), default=None)
