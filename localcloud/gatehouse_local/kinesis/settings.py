"""Read the data streams' settings from the local cloud's configuration."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold the `kinesis` part of the config file.

    `creating_seconds` is how long a new stream is CREATING. AWS takes 10 to 30; the default spares
    whoever waits for one stream, so set it where the pace of creating many matters.
    """

    creating_seconds: float = 3.0

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Settings:
        """Take the `kinesis` section; an unknown key is an error naming it."""
        section = dict(config.get("kinesis", {}))
        unknown = sorted(set(section) - {item.name for item in fields(cls)})
        if unknown:
            raise ValueError(f"unknown keys under `kinesis` in the local cloud's configuration: {unknown}")
        return cls(**section)
