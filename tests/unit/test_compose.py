"""docker-compose.yaml is checked for form, and for every path, port, variable and command in it."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatehouse_stack import company
from gatehouse_stack.layout import AIRFLOW_PASSWORD, AIRFLOW_USER, DEFAULT_PORT_BASE, Layout
from gatehouse_stack.parts import DAGS

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
LAYOUT = Layout(ROOT, ROOT / ".run", DEFAULT_PORT_BASE)
GENERATED = {"./build/ingest.zip"}
"""What `make lambda` makes."""
ALLOWED = {
    *("image", "build", "command", "environment", "volumes", "depends_on", "ports", "healthcheck"),
    "stop_grace_period",
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_an_image_and_only_known_keys(name: str) -> None:
    assert "image" in SERVICES[name]
    assert set(SERVICES[name]) <= ALLOWED


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_only_for_services_that_exist_and_can_reach_that_state(name: str) -> None:
    waits = SERVICES[name].get("depends_on", {})
    conditions = waits if isinstance(waits, dict) else {other: {} for other in waits}
    for other, how in conditions.items():
        assert other in SERVICES
        if how.get("condition") == "service_healthy":
            assert "healthcheck" in SERVICES[other]


def _before(name: str) -> set[str]:
    """Return what has ended well, or is well, when a service starts."""
    waits = SERVICES[name].get("depends_on", {})
    return set(waits).union(*(_before(other) for other in waits))


@pytest.mark.parametrize("name", ["scheduler", "dags", "triggerer", "worker"])
def test_a_dag_finds_its_foundation_and_ledger(name: str) -> None:
    assert {"foundation", "ledger", "airflow-migrate"} <= _before(f"airflow-{name}")


def test_the_clouds_two_halves_keep_their_state_together() -> None:
    snapshot = LAYOUT.moto_snapshot.relative_to(LAYOUT.run)
    state = LAYOUT.state.relative_to(LAYOUT.run)
    assert f"--snapshot=/run/gatehouse/{snapshot}" in SERVICES["moto"]["command"]
    assert f"--state=/run/gatehouse/{state}" in SERVICES["cloud"]["command"]
    for name in ("moto", "cloud"):
        assert "run:/run/gatehouse" in SERVICES[name]["volumes"]
    # A kill while it writes would lose one half.
    assert SERVICES["moto"]["stop_grace_period"] == "90s"
    assert SERVICES["cloud"]["depends_on"]["moto"] == {"condition": "service_healthy"}


def test_airflow_keeps_nothing_of_triggers_in_clear() -> None:
    ours = [service for service in SERVICES.values() if service["image"] == "gatehouse-airflow"]
    keys = {service["environment"]["AIRFLOW__CORE__FERNET_KEY"] for service in ours}
    assert {key.partition(":?")[0] for key in keys} == {"${GATEHOUSE_FERNET_KEY"}


def test_every_secret_that_is_asked_for_is_explained_above() -> None:
    text = (ROOT / "docker-compose.yaml").read_text()
    for secret in set(re.findall(r"\$\{(\w+):\?", text)):
        assert f" {secret}=$(openssl rand" in text


@pytest.mark.parametrize("name", SERVICES)
def test_every_path_of_the_checkout_exists(name: str) -> None:
    service = SERVICES[name]
    if "build" in service:
        assert (ROOT / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    for volume in service.get("volumes", ()):
        source = volume.split(":")[0]
        assert source in COMPOSE["volumes"] or source in GENERATED or (ROOT / source).exists()


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)


def test_ports_are_those_of_the_stack_without_docker() -> None:
    ours = set(LAYOUT.ports(edges=3, workers=range(3)).values())
    named = {int(port) for port in re.findall(r"\b24\d{3}\b", (ROOT / "docker-compose.yaml").read_text())}
    assert named <= ours
    assert LAYOUT.port("airflow") in named


@pytest.mark.parametrize("name", SERVICES)
def test_every_host_variable_names_a_service(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.fullmatch(r"GATEHOUSE_[A-Z]+_HOST", variable):
            assert value in SERVICES
        for host in re.findall(r"(?:@|://)([a-z-]+):\d+", str(value)):
            assert host in SERVICES


@pytest.mark.parametrize("name", SERVICES)
def test_every_connection_is_valid_json(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if variable.startswith("AIRFLOW_CONN_"):
            assert json.loads(value)["conn_type"]


def test_the_company_is_made_where_the_stack_looks_for_it() -> None:
    folder = f"/gatehouse/{LAYOUT.company.relative_to(ROOT)}"
    assert folder in SERVICES["company"]["command"]
    assert f"--company={folder}" in SERVICES["cameras"]["command"]
    for name in ("company", "cameras", "foundation"):
        assert f"sample:{folder}" in SERVICES[name]["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_healthcheck_uses_what_its_image_has(name: str) -> None:
    probe = SERVICES[name].get("healthcheck", {}).get("test", [""] * 2)[1]
    if SERVICES[name]["image"].startswith("gatehouse-"):
        assert probe in ("", "python")


def test_every_image_installs_with_the_uv_of_the_makefile() -> None:
    (wanted,) = re.findall(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    images = ("edge/Dockerfile", "workers/Dockerfile", "workers/frames.Dockerfile", "localcloud/Dockerfile")
    for file in images:
        assert re.findall(r"\buv==([\d.]+)", (ROOT / file).read_text()) == [wanted], file


def test_there_is_a_proxy_for_every_office_with_its_region_and_bucket() -> None:
    _, regions = company.regions(ROOT / "config")
    buckets = {region.name: region.bucket for region in regions}
    for office in company.offices(ROOT / "config"):
        command = SERVICES[f"edge-{office.name}"]["command"]
        assert f"--office={office.name}" in command
        assert f"--region={office.region}" in command
        assert f"--bucket={buckets[office.region]}" in command


def test_the_login_is_that_of_the_stack_without_docker_and_is_named_above() -> None:
    settings = SERVICES["airflow-api"]["environment"]
    users = settings["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"]
    script = SERVICES["airflow-api"]["command"][-1]
    written, file = re.findall(r"echo '(\{.*?\})' > \"\$\$(\w+)\"", script)[0]
    passwords = json.loads(written)
    assert passwords[AIRFLOW_USER] == AIRFLOW_PASSWORD
    assert set(passwords) == {user.split(":")[0] for user in users.split(",")}
    # Whoever asks Airflow for its passwords is led to the file just written.
    assert settings[file].startswith("/opt/airflow/")
    assert file == "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
    for page in ("docker-compose.yaml", "README.md"):
        assert f"{AIRFLOW_USER} / {AIRFLOW_PASSWORD}" in (ROOT / page).read_text(), page


def test_dags_are_switched_on_as_the_stack_without_docker_does() -> None:
    for name in ("airflow-dags", "airflow-scheduler"):
        assert SERVICES[name]["environment"]["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"] == "False"
    # Here every DAG is; so none may be one that the other stack leaves paused.
    assert {path.stem for path in (ROOT / "dags").glob("*.py")} == set(DAGS)


def test_frame_search_has_a_worker_with_its_offices_region_bucket_and_port() -> None:
    _, regions = company.regions(ROOT / "config")
    buckets = {region.name: region.bucket for region in regions}
    offices = company.offices(ROOT / "config")
    workers = {name for name in SERVICES if name.startswith("frames-")}
    assert {f"frames-{office.name}" for office in offices if office.searches_frames} <= workers
    for index, office in enumerate(offices):
        if f"frames-{office.name}" in workers:
            command = SERVICES[f"frames-{office.name}"]["command"]
            assert f"--office={office.name}" in command
            assert f"--region={office.region}" in command
            assert f"--bucket={buckets[office.region]}" in command
            assert f"--health-port={LAYOUT.port('frames', index)}" in command
    assert workers <= {f"frames-{office.name}" for office in offices}


def _modules() -> Iterator[tuple[str, list[str]]]:
    for name, service in SERVICES.items():
        command = service.get("command", [])
        if command[:2] == ["python", "-m"]:
            yield name, command[2:]


@functools.cache
def _help(module: str) -> str:
    # This checkout's modules, wherever the environment's own install points.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(("name", "words"), list(_modules()))
def test_every_command_exists_and_takes_these_options(name: str, words: list[str]) -> None:
    module, *options = words
    text = _help(module)
    for option in options:
        if option.startswith("--"):
            assert option.split("=")[0] in text, f"{name}: {module} knows no {option}"
