from __future__ import annotations

from gatehouse.alerts.hits import Window
from gatehouse.alerts.state import new_alert, silence, silence_next
from gatehouse.ingest.snapshot import SnapshotRule, SnapshotStream

STREAM = SnapshotStream(
    camera_id="C", office="o", floor="0", zone="z", time_zone="UTC", engine="frame_search", rules=()
)
RULE = SnapshotRule(kind="non_employee", k=3, n=10, window_seconds=15, similarity=80, channel="c")


def test_window_silenced_from_an_alert_alone_is_the_one_its_rule_and_camera_give() -> None:
    window = Window("C", "r", "unknown", 1_795_442_040_000, 15_000)
    alert = new_alert(window, RULE, STREAM) | {"state": "firing", "hits": ["e"], "faces": 1}
    later = window.shifted(1)
    assert silence_next(alert) == (later, silence(later, RULE, STREAM))
