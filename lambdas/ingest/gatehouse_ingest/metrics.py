"""Write CloudWatch metrics as log lines (embedded metric format): no call, no permission, no latency."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatehouse.ingest.frame import Frame

NAMESPACE = "Gatehouse/Ingest"


def count_superseded(frames: Iterable[Frame], now_ms: int) -> None:
    """Count, per office, the records of an engine that wasn't in force at their frame's time.

    Expected for a while after an office changes its engine; for ever only if the old one wasn't stopped.
    """
    for office, count in Counter(frame.stream.office for frame in frames).items():
        _write(now_ms, "RecordsOfEngineNotInForce", count, office)


def _write(now_ms: int, name: str, count: int, office: str) -> None:
    metric = {"Name": name, "Unit": "Count"}
    declared = {"Namespace": NAMESPACE, "Dimensions": [["Office"]], "Metrics": [metric]}
    line = {"_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [declared]}, "Office": office, name: count}
    sys.stdout.write(json.dumps(line) + "\n")
