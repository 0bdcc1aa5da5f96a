"""What an office's proxy said before a change is no evidence of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gatehouse.office.edge import EdgeObserved, ObservedCamera
from gatehouse.rollout.verify import Evidence
from gatehouse_provider.hooks.evidence import proxy_says

SINCE = datetime(2026, 11, 23, 12, tzinfo=UTC)


def report(after_s: float) -> EdgeObserved:
    return EdgeObserved(
        office="berlin",
        at=SINCE + timedelta(seconds=after_s),
        started_at=SINCE - timedelta(days=1),
        version_applied=1,
        cameras=(ObservedCamera(camera_id="CAM_1", phase="refused", reason="wrong password"),),
    )


def test_a_report_older_than_the_change_says_nothing() -> None:
    assert proxy_says(report(-1), SINCE) == {}
    assert proxy_says(None, SINCE) == {}


def test_a_report_tells_how_long_after_the_change_it_was_made() -> None:
    expected = Evidence(edge_phase="refused", edge_reason="wrong password", edge_after_s=12.0)
    assert proxy_says(report(12), SINCE) == {"CAM_1": expected}
