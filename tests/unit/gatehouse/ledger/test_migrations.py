"""A ledger of the first version is carried over, and back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[4]
OLD_ROWS = """
INSERT INTO rollout (rollout_id, plan, plan_hash, dry_run, phase, created_at) VALUES
  ('r1', '{}', 'h', false, 'verified', now()), ('r2', '{}', 'h', false, 'failed', now());
INSERT INTO wave (rollout_id, position, name, offices) VALUES ('r1', 0, 'pilot', '["berlin"]');
INSERT INTO camera_state (camera_id, office, rollout_id, phase, updated_at)
  VALUES ('CAM_1', 'berlin', 'r2', 'verified', '2026-11-23T12:00:00Z');
"""
OLDER_STATE = """
INSERT INTO camera_state (camera_id, office, rollout_id, phase, updated_at)
  VALUES ('CAM_1', 'berlin', 'r1', 'failed', '2026-11-22T12:00:00Z');
"""

BAKING = """
INSERT INTO rollout (rollout_id, plan, plan_hash, dry_run, phase, created_at)
  VALUES ('r1', '{}', 'h', false, 'Progressing', now());
INSERT INTO wave (rollout_id, position, name, offices, phase, started_at, bake_until)
  VALUES ('r1', 0, 'pilot', '["berlin"]', 'Progressing', now(), now()),
         ('r1', 1, 'rest', '["tokyo"]', 'Progressing', now(), null);
"""

PUT_OFF = """
INSERT INTO unreached (rollout_id, wave, office, cameras, given_up, reason, at)
  VALUES ('r1', 'pilot', 'tokyo', '["CAM_1"]', false, 'silent', now()),
         ('r1', 'rest', 'berlin', '["CAM_2"]', true, 'silent', now())
"""


@pytest.fixture
def scratch(engine: Engine) -> Iterator[str]:
    """Return the URL of an empty database of its own."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS migrated"))
        connection.execute(text("CREATE DATABASE migrated"))
    yield engine.url.set(database="migrated").render_as_string(hide_password=False)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE migrated WITH (FORCE)"))


def migrate(url: str, direction: str, revision: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "alembic", direction, revision],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        check=True,
        capture_output=True,
    )


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = create_engine(make_url(url))
    with engine.begin() as connection:
        found = _fetch(connection, statement)
    engine.dispose()
    return found


def _fetch(connection: Connection, statement: str) -> list[tuple[object, ...]]:
    result = connection.execute(text(statement))
    return [tuple(row) for row in result] if result.returns_rows else []


def test_rows_of_the_first_version_are_carried_over_and_back(scratch: str) -> None:
    migrate(scratch, "upgrade", "0001")
    for statement in OLD_ROWS.split(";")[:-1]:
        run(scratch, statement)
    migrate(scratch, "upgrade", "0002")
    phases = "SELECT rollout_id, phase FROM rollout ORDER BY 1"
    assert run(scratch, phases) == [("r1", "Healthy"), ("r2", "Degraded")]
    assert run(scratch, "SELECT name, phase, passed FROM wave") == [("pilot", "Pending", False)]
    run(scratch, OLDER_STATE)
    migrate(scratch, "downgrade", "0001")
    assert run(scratch, phases) == [("r1", "verified"), ("r2", "failed")]
    # The latest state of a camera is the one that is kept.
    assert run(scratch, "SELECT rollout_id, phase FROM camera_state") == [("r2", "verified")]


def test_what_reconciling_remembers_comes_and_goes_alone(scratch: str) -> None:
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    migrate(scratch, "upgrade", "0002")
    before = set(run(scratch, tables))
    migrate(scratch, "upgrade", "0003")
    assert set(run(scratch, tables)) - before == {("camera_day",), ("camera_health",), ("heal",)}
    migrate(scratch, "downgrade", "0002")
    assert set(run(scratch, tables)) == before


def test_what_operators_are_told_comes_and_goes_alone(scratch: str) -> None:
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    migrate(scratch, "upgrade", "0003")
    before = set(run(scratch, tables))
    migrate(scratch, "upgrade", "0004")
    assert set(run(scratch, tables)) - before == {("operations_message",)}
    migrate(scratch, "downgrade", "0003")
    assert set(run(scratch, tables)) == before


def test_waves_under_way_go_on_by_the_clock_they_had_and_back(scratch: str) -> None:
    migrate(scratch, "upgrade", "0004")
    for statement in BAKING.split(";")[:-1]:
        run(scratch, statement)
    migrate(scratch, "upgrade", "0005")
    clocks = "SELECT name, baking_since = started_at FROM wave ORDER BY 1"
    assert run(scratch, clocks) == [("pilot", True), ("rest", None)]
    run(scratch, PUT_OFF)
    migrate(scratch, "downgrade", "0004")
    assert run(scratch, "SELECT count(*) FROM wave") == [(2,)]
    assert run(scratch, "SELECT office, attempts, detail FROM office_state") == [("tokyo", 1, "silent")]
