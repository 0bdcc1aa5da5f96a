"""Read the stream processors' settings from the local cloud's configuration."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_FPS = 1.0
FACE_SEARCH_REGIONS = frozenset({"us-east-1", "us-west-2", "ap-northeast-1", "eu-central-1", "eu-west-1"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold what AWS doesn't publish and a laptop must choose; all times in seconds.

    Each comes from the configuration key of its name under `processors`; `processor_fps` at the top
    sets `fps`, the analysed frames per second of the stream's own time. A processor that is more than
    `max_lag_seconds` behind skips frames.
    """

    fps: float = DEFAULT_FPS
    start_seconds: float = 1.5
    stop_seconds: float = 0.5
    check_seconds: float = 5.0
    max_lag_seconds: float = 5.0
    reconnect_seconds: float = 0.5
    reconnect_cap_seconds: float = 10.0
    name_hold_seconds: float = 1.0
    max_matches: int = 10

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Settings:
        """Take the `processors` section; an unknown key is an error naming it."""
        section = dict(config.get("processors", {}))
        section.setdefault("fps", config.get("processor_fps", DEFAULT_FPS))
        unknown = sorted(set(section) - {item.name for item in fields(cls)})
        if unknown:
            raise ValueError(f"unknown keys under `processors` in the local cloud's configuration: {unknown}")
        if not 0 < float(section["fps"]) <= 30:
            raise ValueError(f"processor_fps is above 0 and at most 30, not {section['fps']}")
        return cls(**section)
