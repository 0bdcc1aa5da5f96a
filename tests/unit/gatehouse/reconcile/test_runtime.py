"""A camera is silent where its proxy says so, and only there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gatehouse.office.config import load_company
from gatehouse.office.edge import EdgeObserved, ObservedCamera
from gatehouse.reconcile.policy import Heal
from gatehouse.reconcile.runtime import Scene, silent_cameras
from gatehouse.reconcile.sweep import Documents
from gatehouse.rollout.resources import ObservedOffice, desired_office

COMPANY = load_company(Path(__file__).parents[4] / "config")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LIMITS = Heal(silent_after_seconds=120)


def scene(report: EdgeObserved | None) -> Scene:
    return Scene(
        NOW,
        COMPANY.office("berlin"),
        desired_office(COMPANY, "berlin"),
        ObservedOffice(),
        Documents(edge_observed=report),
        {},
        LIMITS,
    )


def camera(name: str, persisted: datetime | None) -> ObservedCamera:
    return ObservedCamera(camera_id=name, phase="streaming", last_persisted_at=persisted)


REPORT = EdgeObserved(
    office="berlin",
    at=NOW - SECOND,
    started_at=NOW - timedelta(days=1),
    version_applied=1,
    cameras=(
        camera("WELL", NOW - 2 * SECOND),
        camera("LATE", NOW - 121 * SECOND),
        camera("GONE", NOW - 122 * SECOND),
        camera("NEVER", None),
    ),
)


def test_a_camera_without_media_for_too_long_or_ever_is_silent() -> None:
    assert silent_cameras(scene(REPORT)) == {"GONE", "NEVER"}


def test_a_proxy_that_is_silent_or_never_reported_says_nothing_of_its_cameras() -> None:
    assert silent_cameras(scene(None)) == set()
    old = REPORT.model_copy(update={"at": NOW - 121 * SECOND})
    assert silent_cameras(scene(old)) == set()
