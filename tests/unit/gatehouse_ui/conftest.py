"""The pages as a browser gets them: a real ledger, Airflow's auth manager, only the login pretended."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rollout_story import NOW

# Airflow reads these when it is first imported.
_HOME = tempfile.mkdtemp(prefix="airflow-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
for _name, _value in {
    "AIRFLOW_HOME": _HOME,
    "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME}/airflow.db",
}.items():
    os.environ.setdefault(_name, _value)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI
    from fastapi.testclient import TestClient
    from sqlalchemy import Connection

ROOT = Path(__file__).parents[3]


@pytest.fixture
def app(ledger: Connection) -> Iterator[FastAPI]:
    """Return the pages' app at the moment of the story."""
    from airflow.api_fastapi.app import create_auth_manager

    from gatehouse_provider.hooks.ledger import LedgerHook
    from gatehouse_ui.app import build
    from gatehouse_ui.press import Presses
    from gatehouse_ui.serving import Serving
    from gatehouse_ui.surroundings import CompanyReader

    del ledger
    create_auth_manager()
    hook = LedgerHook()
    yield build(Serving(hook, CompanyReader(lambda: ROOT / "config"), Presses("a secret"), lambda: NOW))
    hook.engine.dispose()


@pytest.fixture
def sign_in(app: FastAPI) -> Callable[..., TestClient]:
    """Return a way to browse as a user of a role; without one nobody is signed in."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi.testclient import TestClient

    def browse(role: str | None = "user", name: str = "ana") -> TestClient:
        if role:
            app.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username=name, role=role)
        return TestClient(app, follow_redirects=False)

    return browse
