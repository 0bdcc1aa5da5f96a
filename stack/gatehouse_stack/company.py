"""Read which offices, cameras and Regions the configuration names.

The stack only needs names to start parts; `gatehouse.office.config` is what judges the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gatehouse.office import naming


@dataclass(frozen=True, slots=True)
class Office:
    """Name an office, its Region, its cameras and the engine that its manifest says."""

    name: str
    region: str
    cameras: tuple[str, ...]
    engine: str = ""

    @property
    def searches_frames(self) -> bool:
        """Tell whether a worker of ours analyses its cameras, rather than Rekognition's processors."""
        return self.engine == "frame_search"


@dataclass(frozen=True, slots=True)
class Region:
    """Name what the foundation makes in one Region."""

    name: str
    bucket: str
    alert_topic: str
    notify_queue: str
    probe_topic: str
    probe_queue: str
    ingest_function: str
    processor_role: str
    ingest_role: str
    operations_topic: str = naming.OPERATIONS_TOPIC


def offices(config: Path) -> list[Office]:
    """Return the offices whose manifests can be read, sorted by name.

    A manifest that can't be read starts no proxy and no worker; the rollout reports it.
    """
    found = []
    for file in sorted((config / "offices").glob("*.yaml")):
        try:
            raw = yaml.safe_load(file.read_text())
            cameras = tuple(str(camera["id"]) for camera in raw["cameras"])
            engine = str(raw.get("engine", ""))
            found.append(Office(str(raw["office"]), str(raw["region"]), cameras, engine))
        except (yaml.YAMLError, KeyError, TypeError):
            continue
    return found


def regions(config: Path) -> tuple[str, list[Region]]:
    """Return the home Region's name and every Region."""
    raw = yaml.safe_load((config / "regions.yaml").read_text())
    return str(raw["home"]), [Region(name=name, **body) for name, body in raw["regions"].items()]


def cloud_settings(config: Path) -> dict[str, Any]:
    """Return the local cloud's settings in cloud.yaml, of which there mostly is none."""
    file = config / "cloud.yaml"
    return dict(yaml.safe_load(file.read_text()) or {}) if file.is_file() else {}
