"""The sweeper goes on whatever one stream's media does."""

from __future__ import annotations

import sqlite3
from typing import Any

from gatehouse_local.kinesisvideo.retention import Sweeper


class Media:
    """Two streams, of which the first can't be pruned: the disk is full."""

    def __init__(self) -> None:
        self.pruned: list[str] = []

    def all(self) -> list[Any]:
        return [Named("full"), Named("fine")]

    def prune(self, stream: Any) -> None:
        if stream.name == "full":
            raise sqlite3.OperationalError("database or disk is full")
        self.pruned.append(stream.name)


class Named:
    """As much of a stream as the log needs."""

    region = "eu-central-1"

    def __init__(self, name: str) -> None:
        self.name = name


def test_a_stream_that_cant_be_pruned_holds_up_no_other() -> None:
    media: Any = Media()
    Sweeper(media, media, 1.0).sweep()
    assert media.pruned == ["fine"]
