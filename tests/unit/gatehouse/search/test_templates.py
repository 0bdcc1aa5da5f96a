from __future__ import annotations

import json
from typing import Any

from gatehouse.alerts.hits import Window
from gatehouse.alerts.state import new_alert
from gatehouse.ingest.minutes import CameraMinute
from gatehouse.ingest.snapshot import SnapshotRule, SnapshotStream
from gatehouse.search.templates import index_templates

STREAM = SnapshotStream(
    camera_id="C", office="o", floor="0", zone="z", time_zone="UTC", engine="frame_search", rules=()
)
RULE = SnapshotRule(kind="non_employee", k=3, n=10, window_seconds=15, similarity=80, channel="c")


def _fields(template: dict[str, Any]) -> set[str]:
    return set(template["template"]["mappings"]["properties"])


def test_there_is_one_template_for_each_kind_of_document() -> None:
    templates = index_templates()
    assert {name: body["index_patterns"] for name, body in templates.items()} == {
        "gatehouse-detections": ["gatehouse-detections"],
        "gatehouse-camera-minutes": ["gatehouse-camera-minutes-*"],
        "gatehouse-alerts": ["gatehouse-alerts-*"],
    }
    assert "data_stream" in templates["gatehouse-detections"]


def test_every_mapping_refuses_unplanned_fields() -> None:
    assert all(body["template"]["mappings"]["dynamic"] == "strict" for body in index_templates().values())


def test_shards_and_replicas_are_the_caller_s() -> None:
    for body in index_templates(shards=3, replicas=1).values():
        assert body["template"]["settings"]["index"]["number_of_shards"] == 3
        assert body["template"]["settings"]["index"]["number_of_replicas"] == 1


def test_alert_s_fields_are_mapped() -> None:
    alert = new_alert(Window("C", "r", "unknown", 0, 15_000), RULE, STREAM)
    grown = {"first_seen", "last_seen", "firing_at", "pending_at", "sent_at", "s3_location", "probe_id"}
    assert alert.keys() | grown == _fields(index_templates()["gatehouse-alerts"])


def test_camera_minute_s_fields_are_mapped() -> None:
    fields = CameraMinute("C", "o", 0).update()["upsert"].keys() | {"analysed", "with_faces", "probe_frames"}
    assert fields == _fields(index_templates()["gatehouse-camera-minutes"])


def test_templates_are_json() -> None:
    json.dumps(index_templates())
