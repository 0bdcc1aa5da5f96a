"""Read the Lambda service's settings from the local cloud's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold what AWS decides and a laptop must choose; all times in seconds.

    Each comes from the configuration key of its name under `lambda`. `concurrency` bounds the child
    processes of one function; a caller waits for a free one rather than being throttled.
    """

    concurrency: int = 2
    activation_seconds: float = 1.0
    init_seconds: float = 60.0
    queue_seconds: float = 60.0
    async_retry_seconds: tuple[float, ...] = field(default=(60.0, 120.0))
    mapping_settle_seconds: float = 1.0
    poll_seconds: float = 0.25
    idle_poll_seconds: float = 0.5
    shard_scan_seconds: float = 15.0
    retry_base_seconds: float = 0.25
    retry_cap_seconds: float = 10.0

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Settings:
        """Take the `lambda` section; an unknown key is an error naming it."""
        section = dict(config.get("lambda", {}))
        unknown = sorted(set(section) - {item.name for item in fields(cls)})
        if unknown:
            raise ValueError(f"unknown keys under `lambda` in the local cloud's configuration: {unknown}")
        if "async_retry_seconds" in section:
            section["async_retry_seconds"] = tuple(section["async_retry_seconds"])
        return cls(**section)
