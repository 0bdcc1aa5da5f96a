"""Say how this Kinesis Video behaves where AWS gives a limit, a delay or a size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold the `kinesisvideo` part of the config file; the defaults are AWS's where it has published any.

    - `creating_s`, `updating_s`, `deleting_s`: how long a stream stays in the passing states.
    - `min_fragment_ms`: AWS documents 1 s; a tenth is allowed for the jitter of a 1 s group of pictures.
    - `fragments_per_s`, `read_bytes_per_s`: PutMedia reads no faster than this, so a sender is slowed
      down and never refused. `sent_bytes_per_s`: likewise for GetMedia.
    - `buffer_s`, `buffer_bytes`: what a stream without retention keeps.
    - `max_stream_bytes`: bounds the disk; AWS has no such limit, so reaching it is logged.
    """

    creating_s: float = 1.0
    updating_s: float = 0.2
    deleting_s: float = 1.0
    min_fragment_ms: int = 900
    max_fragment_ms: int = 20_000
    max_fragment_bytes: int = 50 << 20
    max_tracks: int = 3
    max_metadata_tags: int = 10
    idle_s: float = 30.0
    max_connection_s: float = 2700.0
    max_get_media_s: float = 3600.0
    fragments_per_s: float = 5.0
    read_bytes_per_s: float = 12.5e6
    sent_bytes_per_s: float = 25e6
    buffer_s: float = 300.0
    buffer_bytes: int = 200 << 20
    max_stream_bytes: int = 2 << 30
    sweep_s: float = 30.0

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Settings:
        """Read the part from the whole config; an unknown name is an error that lists the known ones."""
        part = dict(config.get("kinesisvideo", {}))
        known = {one.name: one for one in fields(cls)}
        if unknown := sorted(set(part) - set(known)):
            raise ValueError(f"config kinesisvideo: unknown {unknown}; known are {sorted(known)}")
        return cls(**part)
