"""Render the index templates, which live beside this file as data.

Mappings are strict: a field nobody planned is an error at the first document, not a surprise a month
later. Whoever sets OpenSearch up puts each as `_index_template/<name>` before the first document.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from gatehouse.office.naming import ALERTS_PREFIX, CAMERA_MINUTES, DETECTIONS

# A minute is counted up with every batch, and looked at when it is over.
_REFRESH = {CAMERA_MINUTES: "5s"}
_TEMPLATES = files("gatehouse.search").joinpath("templates")


def index_templates(*, shards: int = 1, replicas: int = 0) -> dict[str, dict[str, Any]]:
    """Return the body of every index template by its name.

    A single node can't hold replicas; in production ask for one.
    """
    patterns: dict[str, dict[str, Any]] = {
        DETECTIONS: {"index_patterns": [DETECTIONS], "data_stream": {}},
        CAMERA_MINUTES: {"index_patterns": [f"{CAMERA_MINUTES}-*"]},
        ALERTS_PREFIX.rstrip("-"): {"index_patterns": [f"{ALERTS_PREFIX}*"]},
    }
    settings = {"number_of_shards": shards, "number_of_replicas": replicas}
    return {
        name: {
            **pattern,
            "priority": 200,
            "template": _template(name, settings | {"refresh_interval": _REFRESH.get(name, "1s")}),
        }
        for name, pattern in patterns.items()
    }


def _template(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_TEMPLATES.joinpath(f"{name}.json").read_text())
    return {"settings": {"index": settings}, **content}
