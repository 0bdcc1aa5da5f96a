"""Put the parts of a local stack together: what each runs, where, and after what."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Collection

import httpx

from gatehouse_stack import account, airflow, company, continuity, foundation, opensearch, postgres
from gatehouse_stack.airflow_api import AirflowApi, AirflowError
from gatehouse_stack.graph import Graph, Job, Service
from gatehouse_stack.layout import ACCOUNT, MARKER, Layout

DAGS = ("hr_face_sync", "office_rollout", "office_reconcile", "office_decommission")


def environment(layout: Layout) -> dict[str, str]:
    """Return what every part gets; tools of the person who starts it (PATH, HOME, locale) included."""
    own = {
        MARKER: str(layout.run),
        "GATEHOUSE_RUN": str(layout.run),
        "GATEHOUSE_PORT_BASE": str(layout.base),
        "GATEHOUSE_CONFIG": str(layout.config),
        "GATEHOUSE_WEBHOOK_URL": layout.url("sink") + "/alerts",
        "AWS_ENDPOINT_URL": layout.url("cloud"),
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "OPENSEARCH_URL": layout.url("opensearch"),
        "DATABASE_URL": layout.database_url,
        "AIRFLOW_URL": layout.url("airflow"),
        "TMPDIR": str(layout.run / "tmp"),
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    passed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    return passed | own


def build(layout: Layout, only: Collection[str] = ()) -> Graph:
    """Return the stack as a graph: the whole of it, or `only` these parts."""
    graph = Graph()
    _stores(graph, layout)
    _cloud(graph, layout)
    _company(graph, layout)
    _airflow(graph, layout)
    _people(graph, layout)
    return graph.only(only) if only else graph


def _stores(graph: Graph, layout: Layout) -> None:
    user = account.unprivileged()
    owner = (user.pw_uid, user.pw_gid) if user else None
    graph.add(Job("opensearch-home", "OpenSearch from Maven", lambda: _opensearch_home(layout)))
    graph.add(
        Service(
            "opensearch",
            f"OpenSearch {opensearch.VERSION}",
            lambda: opensearch.command(layout),
            lambda: _answers(f"{layout.url('opensearch')}/_cluster/health?wait_for_status=yellow&timeout=1s"),
            after=("opensearch-home",),
            folder=opensearch.data(layout),
            account=owner,
            grace_seconds=20,
        )
    )
    graph.add(Job("postgres-cluster", "Postgres cluster", lambda: _postgres_cluster(layout)))
    graph.add(
        Service(
            "postgres",
            "Postgres 18",
            lambda: postgres.command(layout),
            lambda: _accepts(layout),
            after=("postgres-cluster",),
            folder=postgres.data(layout),
            account=owner,
            stop_signal=signal.SIGINT,  # SIGTERM waits for clients to leave by themselves
        )
    )
    graph.add(Job("databases", "Databases and ledger schema", lambda: _databases(layout), ("postgres",)))


def _cloud(graph: Graph, layout: Layout) -> None:
    graph.add(
        Service(
            "moto",
            "moto_server",
            lambda: [
                str(layout.python),
                *("-m", "gatehouse_local.moto.server", "--port", str(layout.port("moto"))),
                *("--snapshot", str(layout.moto_snapshot)),
            ],
            lambda: _answers(f"{layout.url('moto')}/moto-api/data.json"),
            # It reads its state before it answers, and writes it once the calls under way have ended.
            ready_seconds=300,
            grace_seconds=90,
        )
    )
    graph.add(
        Service(
            "cloud",
            "Local cloud (AWS)",
            lambda: [
                str(layout.python),
                *("-m", "gatehouse_local", "--port", str(layout.port("cloud"))),
                *("--state", str(layout.state), "--moto-endpoint", layout.url("moto")),
                *("--config", str(layout.run / "cloud.json")),
            ],
            lambda: _cloud_ready(layout),
            after=("moto",),
        )
    )


def _company(graph: Graph, layout: Layout) -> None:
    graph.add(Job("company", "Sample company: people and videos", lambda: _sample(layout)))
    graph.add(Job("lambda-zip", "Ingest function's zip", lambda: _lambda_zip(layout)))
    graph.add(
        Service(
            "cameras",
            "RTSP cameras",
            lambda: [
                str(layout.python),
                *("-m", "gatehouse_sample.cameras", "--port", str(layout.port("cameras"))),
                *("--company", str(layout.company), "--loops", str(layout.run / "loops.jsonl")),
                *("--faults", str(layout.camera_faults)),
            ],
            lambda: _listens(layout.port("cameras")),
            after=("company",),
        )
    )
    graph.add(
        Job(
            "foundation",
            "Buckets, topics, roles, function, roster",
            lambda: _foundation(layout),
            after=("cloud", "company", "lambda-zip", "opensearch", "databases"),
        )
    )
    for index, office in enumerate(company.offices(layout.config)):
        _office(graph, layout, index, office)


def _office(graph: Graph, layout: Layout, index: int, office: company.Office) -> None:
    _, regions = company.regions(layout.config)
    bucket = next((region.bucket for region in regions if region.name == office.region), None)
    if bucket is None:
        return
    _edge(graph, layout, index, office, bucket)
    if office.searches_frames:
        _frames(graph, layout, index, office, bucket)


def _edge(graph: Graph, layout: Layout, index: int, office: company.Office, bucket: str) -> None:
    port = layout.port("edge", index)
    command = [
        str(layout.python),
        *("-m", "gatehouse_edge", "--office", office.name, "--bucket", bucket),
        *("--region", office.region, "--health-port", str(port)),
        *("--spool", str(layout.run / "spool" / office.name)),
    ]
    graph.add(
        Service(
            f"edge-{office.name}",
            f"Edge proxy, {office.name}",
            lambda: command,
            lambda: _answers(f"http://127.0.0.1:{port}/healthz"),
            after=("foundation", "cameras"),
        )
    )


def _frames(graph: Graph, layout: Layout, index: int, office: company.Office, bucket: str) -> None:
    port = layout.port("frames", index)
    command = [
        str(layout.python),
        *("-m", "gatehouse_frames", "--office", office.name, "--bucket", bucket),
        *("--region", office.region, "--health-port", str(port)),
    ]
    graph.add(
        Service(
            f"frames-{office.name}",
            f"Frame search, {office.name}",
            lambda: command,
            lambda: _answers(f"http://127.0.0.1:{port}/healthz"),
            after=("foundation",),
            # It drains what it has sampled: 20 s at most, then the records in hand.
            grace_seconds=30,
        )
    )


def _airflow(graph: Graph, layout: Layout) -> None:
    graph.add(
        Job("airflow-database", "Airflow's database", lambda: _airflow_database(layout), ("databases",))
    )
    for name in airflow.COMPONENTS:
        graph.add(
            Service(
                name,
                f"Airflow {name.removeprefix('airflow-')}",
                lambda name=name: airflow.command(layout, name),  # type: ignore[misc]
                lambda name=name: _airflow_ready(layout, name),  # type: ignore[misc]
                after=("airflow-database",),
                environment=lambda: airflow.environment(layout),
                ready_seconds=180,
            )
        )
    graph.add(
        Job("dags", "DAGs parsed and switched on", lambda: _unpause(layout), after=tuple(airflow.COMPONENTS))
    )


def _people(graph: Graph, layout: Layout) -> None:
    graph.add(
        Service(
            "sink",
            "Webhook sink",
            lambda: [
                str(layout.python),
                *("-m", "gatehouse_stack.sink", "--port", str(layout.port("sink"))),
                *("--file", str(layout.run / "delivered.jsonl")),
            ],
            lambda: _answers(f"{layout.url('sink')}/healthz"),
        )
    )
    graph.add(
        Service(
            "notify",
            "Notifier",
            lambda: [
                str(layout.python),
                *("-m", "gatehouse_notify", "--config", str(layout.config)),
                *("--health-port", str(layout.port("notify"))),
            ],
            lambda: _answers(f"{layout.url('notify')}/healthz"),
            after=("foundation", "sink"),
        )
    )


def _cloud_ready(layout: Layout) -> bool:
    health = httpx.get(f"{layout.url('cloud')}/_gatehouse/health", timeout=5)
    reset = health.json()["reset"]
    if reset:
        # It came back empty beside a ledger and an index that remember more.
        raise RuntimeError(f"{reset}. Start everything anew: make down && make up")
    return health.status_code == 200


def _answers(url: str) -> bool:
    return httpx.get(url, timeout=5).status_code == 200


def _listens(port: int) -> bool:
    import socket

    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def _accepts(layout: Layout) -> bool:
    import psycopg

    url = layout.database_url.replace("+psycopg", "").rsplit("/", 1)[0] + "/postgres"
    with psycopg.connect(url, connect_timeout=2):
        return True


def _opensearch_home(layout: Layout) -> None:
    user = account.unprivileged()
    opensearch.build_home(layout)
    opensearch.prepare(layout, user.pw_uid if user else None, keep=continuity.goes_on(layout))


def _postgres_cluster(layout: Layout) -> None:
    airflow.prepare(layout)
    if postgres.prepare(layout, account.unprivileged()):
        (layout.airflow_home / "migrated").unlink(missing_ok=True)


def _databases(layout: Layout) -> None:
    # A ledger that remembered the faces and streams of a cloud that begins empty would be a mixture.
    fresh = () if continuity.goes_on(layout) else ("gatehouse",)
    postgres.create_databases(layout, fresh=fresh)
    _run(layout, [str(layout.python), "-m", "alembic", "upgrade", "head"])


def _foundation(layout: Layout) -> None:
    health = httpx.get(f"{layout.url('cloud')}/_gatehouse/health", timeout=10).json()
    continuity.record(layout, health["moto"]["epoch"])
    foundation.make(layout)


def _airflow_database(layout: Layout) -> None:
    airflow.migrate(layout, environment(layout) | airflow.environment(layout))


def _airflow_ready(layout: Layout, component: str) -> bool:
    health = httpx.get(f"{layout.url('airflow')}/api/v2/monitor/health", timeout=5)
    if component == "airflow-api":
        return health.status_code == 200
    name = {"scheduler": "scheduler", "dags": "dag_processor", "triggerer": "triggerer"}
    part = health.json()[name[component.removeprefix("airflow-")]]
    return bool(part["status"] == "healthy")


def _unpause(layout: Layout) -> None:
    import time

    api, deadline = AirflowApi(layout), time.monotonic() + 120
    for dag in DAGS:
        while True:
            try:
                api.unpause(dag)
                break
            except AirflowError as missing:
                if time.monotonic() > deadline:
                    errors = "\n".join(api.import_errors()) or "no import error"
                    raise TimeoutError(f"{dag} is not parsed after 120 s: {errors}") from missing
                time.sleep(1)


def _sample(layout: Layout) -> None:
    command = [str(layout.python), "-m", "gatehouse_sample.company", "--out", str(layout.company)]
    faces = os.environ.get("GATEHOUSE_FACES")
    if faces:
        command += ["--faces", faces]
    _run(layout, command)


def _lambda_zip(layout: Layout) -> None:
    uv = shutil.which("uv") or str(layout.root / ".tools" / "uv" / "bin" / "uv")
    build = layout.root / "lambdas" / "ingest" / "build.py"
    _run(layout, [str(layout.python), str(build)], GATEHOUSE_UV=uv)


def _run(layout: Layout, command: list[str], **extra: str) -> None:
    done = subprocess.run(
        command,
        cwd=layout.root,
        env=os.environ | environment(layout) | extra,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:4])} failed:\n{(done.stdout + done.stderr)[-3000:]}")
