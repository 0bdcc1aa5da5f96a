"""Mark the tests that start servers or wait for real time: `make check` leaves them to `make test`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# Timings never gate a test.
settings.register_profile("gatehouse", deadline=None)
settings.load_profile("gatehouse")

HERE = Path(__file__).resolve().parent
SLOW = tuple(
    HERE / folder
    for folder in (
        "test_import_names.py",
        "unit/gatehouse/ledger/test_migrations.py",
        "unit/gatehouse/reconcile/test_camera_day.py",
        "unit/gatehouse_edge/office",
        "unit/gatehouse_frames/office",
        "unit/gatehouse_ingest/test_alerting.py",
        "unit/gatehouse_ingest/test_build.py",
        "unit/gatehouse_local/engine",
        "unit/gatehouse_local/kinesisvideo",
        "unit/gatehouse_local/lambda_/mappings/test_polling.py",
        "unit/gatehouse_local/moto/test_server.py",
        "unit/gatehouse_local/rekognition/test_real_photos.py",
        "unit/gatehouse_notify",
        "unit/gatehouse_provider/hooks",
        "unit/gatehouse_provider/links",
        "unit/gatehouse_provider/notifications",
        "unit/gatehouse_provider/operators",
        "unit/gatehouse_sample",
        "unit/gatehouse_stack/test_continuity.py",
        "unit/gatehouse_stack/test_foundation.py",
        "unit/gatehouse_stack/test_supervisor.py",
        "unit/gatehouse_ui",
        "unit/test_compose.py",
    )
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by folder: what a package needs to be tested is a property of the package."""
    for item in items:
        if any(item.path.is_relative_to(place) for place in SLOW):
            item.add_marker(pytest.mark.slow)
