from __future__ import annotations

from gatehouse.alerts.hits import Window
from gatehouse.alerts.message import FIELDS, alert_message
from gatehouse.alerts.state import AlertState, hit_frames, move, new_alert
from gatehouse.ingest.snapshot import SnapshotRule, SnapshotStream

WINDOW = Window("CAM_A", "non_employee", "unknown", 1_795_442_055_000, 15_000)
RULE = SnapshotRule(kind="non_employee", k=3, n=10, window_seconds=15, similarity=80, channel="security")
STREAM = SnapshotStream(
    camera_id="CAM_A", office="berlin", floor="0", zone="lobby", time_zone="Europe/Berlin",
    engine="stream_processor", rules=("non_employee",),
)  # fmt: skip


def test_message_tells_what_the_contract_lists() -> None:
    message = alert_message(new_alert(WINDOW, RULE, STREAM))
    assert tuple(message) == FIELDS
    assert message["alert_id"] == WINDOW.alert_id
    assert message["window_start"] == "2026-11-23T13:54:15.000Z"
    assert message["s3_location"] is None


def test_message_keeps_hits_and_states_to_itself() -> None:
    assert not {"hits", "hit_frames", "state"} & alert_message(new_alert(WINDOW, RULE, STREAM)).keys()


def test_step_leaves_fields_without_a_value_alone() -> None:
    params = move(AlertState.SENT, AlertState.PENDING, sent_at="t", s3_location=None)["script"]["params"]
    assert params == {"to": "sent", "from": ["pending"], "fields": {"sent_at": "t"}}


def test_missing_alert_has_no_hits() -> None:
    assert hit_frames(None) == []
