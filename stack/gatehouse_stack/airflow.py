"""Configure Airflow 3 on Postgres with LocalExecutor, as four processes of their own.

`airflow standalone` orphans its children on SIGTERM, so each component is a part of the supervisor.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess

from gatehouse_stack.layout import ACCOUNT, AIRFLOW_PASSWORD, AIRFLOW_USER, DATABASE_PASSWORD, Layout

COMPONENTS: dict[str, tuple[str, ...]] = {
    "airflow-api": ("api-server", "--host", "127.0.0.1"),
    "airflow-scheduler": ("scheduler", "--skip-serve-logs"),
    "airflow-dags": ("dag-processor",),
    "airflow-triggerer": ("triggerer", "--skip-serve-logs"),
}


def prepare(layout: Layout) -> None:
    """Make AIRFLOW_HOME with its password file and keys; keys are kept from run to run."""
    home = layout.airflow_home
    home.mkdir(parents=True, exist_ok=True)
    (home / "passwords.json").write_text(json.dumps({AIRFLOW_USER: AIRFLOW_PASSWORD, "viewer": "viewer"}))
    keys = home / "keys.json"
    if not keys.exists():
        keys.touch(mode=0o600)
        keys.write_text(json.dumps({name: _key() for name in ("jwt", "session", "fernet")}))


def _key() -> str:
    # 32 bytes, url-safe base64: what Fernet demands and enough for the other two.
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def command(layout: Layout, component: str) -> list[str]:
    """Return the command line of one component."""
    words = list(COMPONENTS[component])
    if component == "airflow-api":
        words += ["--port", str(layout.port("airflow"))]
    return [str(layout.python), "-m", "airflow", *words]


def environment(layout: Layout) -> dict[str, str]:
    """Return Airflow's settings and connections as environment variables."""
    keys = json.loads((layout.airflow_home / "keys.json").read_text())
    port = layout.port("airflow")
    settings = {
        "CORE__DAGS_FOLDER": str(layout.root / "dags"),
        "CORE__PLUGINS_FOLDER": str(layout.root / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "6",
        "CORE__FERNET_KEY": keys["fernet"],
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{AIRFLOW_USER}:admin,viewer:viewer",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(layout.airflow_home / "passwords.json"),
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "DATABASE__SQL_ALCHEMY_CONN": layout.airflow_database_url,
        "API__PORT": str(port),
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API__WORKERS": "1",
        "API__SECRET_KEY": keys["session"],
        "API_AUTH__JWT_SECRET": keys["jwt"] * 2,
        "LOGGING__BASE_LOG_FOLDER": str(layout.airflow_home / "logs"),
        "DAG_PROCESSOR__REFRESH_INTERVAL": "15",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        # What a killed process was doing is taken up within a minute or so, not within five.
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        "TRIGGERER__DEFAULT_CAPACITY": "200",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    connections = {
        "AIRFLOW_CONN_AWS_DEFAULT": {
            "conn_type": "aws",
            "login": ACCOUNT,
            "password": "local",
            "extra": {"endpoint_url": layout.url("cloud"), "region_name": "eu-central-1"},
        },
        "AIRFLOW_CONN_OPENSEARCH_DEFAULT": {
            "conn_type": "opensearch",
            "host": "127.0.0.1",
            "port": layout.port("opensearch"),
            "extra": {"use_ssl": False, "verify_certs": False},
        },
        "AIRFLOW_CONN_GATEHOUSE_LEDGER": {
            "conn_type": "postgres",
            "host": "127.0.0.1",
            "port": layout.port("postgres"),
            "schema": "gatehouse",
            "login": "gatehouse",
            "password": DATABASE_PASSWORD,
        },
    }
    return (
        {f"AIRFLOW__{name}": value for name, value in settings.items()}
        | {name: json.dumps(value) for name, value in connections.items()}
        | {"AIRFLOW_HOME": str(layout.airflow_home)}
    )


def migrate(layout: Layout, environment: dict[str, str]) -> None:
    """Bring Airflow's own database to the installed version, unless it is there already."""
    stamp = layout.airflow_home / "migrated"
    if stamp.exists():
        return
    done = subprocess.run(
        [str(layout.python), "-m", "airflow", "db", "migrate"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"airflow db migrate failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    stamp.touch()
