"""Fixtures for unit tests of several packages."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, make_url

from gatehouse.ledger.tables import metadata
from gatehouse_stack import account, postgres
from gatehouse_stack.layout import DATABASE_PASSWORD, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def ledger_url() -> Iterator[str]:
    """Return the URL of a real Postgres with the ledger migrated into it, by a socket of its own.

    It lies outside pytest's own folders, which only their owner may enter: run by root, the server is
    another user.
    """
    owner = account.unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-pg-"))
    account.hand_over(folder, owner)
    folder.chmod(0o755)
    layout = Layout(ROOT, folder, base=0)
    postgres.prepare(layout, owner)
    sockets = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "port=5432"]
    with subprocess.Popen(
        [*postgres.command(layout), *sockets],
        cwd="/",
        stderr=subprocess.DEVNULL,
        user=owner.pw_uid if owner else None,
        group=owner.pw_gid if owner else None,
        extra_groups=[] if owner else None,
    ) as server:
        where = f"gatehouse:{DATABASE_PASSWORD}@/%s?host={folder}"
        url = "postgresql+psycopg://" + where % "gatehouse"
        try:
            _create_database(server, "postgresql://" + where % "postgres")
            _migrate(url)
            yield url
        finally:
            server.send_signal(signal.SIGINT)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ledger(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """Connect Airflow to an empty ledger, and return a connection that sees every commit.

    It is emptied again afterwards: other tests of this process share the server.
    """
    url = make_url(ledger_url)
    connection = {
        "conn_type": "postgres",
        "login": url.username,
        "password": url.password,
        "schema": url.database,
        "extra": dict(url.query),
    }
    monkeypatch.setenv("AIRFLOW_CONN_GATEHOUSE_LEDGER", json.dumps(connection))
    engine = create_engine(ledger_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as link:
        _empty(link)
        yield link
        _empty(link)
    engine.dispose()


def _empty(link: Connection) -> None:
    link.exec_driver_sql(f"TRUNCATE {', '.join(metadata.tables)} CASCADE")


def _create_database(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE DATABASE gatehouse")
        except psycopg.OperationalError:
            assert server.poll() is None, f"Postgres ended with {server.returncode} while it started"
            assert time.monotonic() < deadline, "Postgres didn't answer within a minute"
            time.sleep(0.1)
        else:
            return


def _migrate(url: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        check=True,
        capture_output=True,
    )
