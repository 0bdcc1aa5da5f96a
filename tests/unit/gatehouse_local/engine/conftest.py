"""Real faces where the machine has them, and one warm engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gatehouse_local.engine.faces import FaceEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHECKOUT = Path(__file__).parents[4]


@pytest.fixture(scope="session")
def real_faces() -> Path:
    """Return the folder of real faces, DIR/<person>/<n>.jpg."""
    folder = Path(os.environ.get("GATEHOUSE_TEST_FACES", _CHECKOUT.parent / "shared" / "faces"))
    if not folder.is_dir():
        pytest.skip("no real faces on this machine: set GATEHOUSE_TEST_FACES to DIR/<person>/<n>.jpg")
    return folder


@pytest.fixture(scope="session")
def engine() -> Iterator[FaceEngine]:
    """Return a warm engine of one process."""
    engine = FaceEngine()
    engine.warm()
    yield engine
    engine.close()
