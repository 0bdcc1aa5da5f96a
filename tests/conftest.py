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
    HERE / "unit" / folder
    for folder in (
        "gatehouse_edge/office",
        "gatehouse_frames/office",
        "gatehouse_ingest/test_alerting.py",
        "gatehouse_ingest/test_build.py",
        "gatehouse_local/engine",
        "gatehouse_local/kinesisvideo",
        "gatehouse_local/lambda_/mappings/test_polling.py",
        "gatehouse_local/moto/test_server.py",
        "gatehouse_notify",
        "gatehouse_provider/hooks/test_preflight.py",
        "gatehouse_provider/operators",
        "gatehouse_sample",
        "test_compose.py",
    )
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by folder: what a package needs to be tested is a property of the package."""
    for item in items:
        if any(item.path.is_relative_to(place) for place in SLOW):
            item.add_marker(pytest.mark.slow)
