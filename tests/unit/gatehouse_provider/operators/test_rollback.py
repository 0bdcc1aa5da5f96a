"""A roll-back restores exactly what was before, and the evidence of a run is kept once."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

import gatehouse
from gatehouse.ledger.control import Event, command_rollout, control_events
from gatehouse.ledger.evidence import bundles_of
from gatehouse.ledger.leases import release_leases, take_lease
from gatehouse.ledger.rollouts import camera_phases, load_rollout, set_wave_phase
from gatehouse.office.config import load_company
from gatehouse.office.edge import EdgeDesired
from gatehouse.rollout.resources import desired_office
from gatehouse_provider.hooks.office import OfficeHook
from gatehouse_provider.operators.rollback import RolloutRollbackOperator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from gatehouse.rollout.state import State

pytestmark = pytest.mark.usefixtures("ledger", "foundation")
BUCKET = "gatehouse-123456789012-eu-central-1"
Rollout = Any


def state(config: Path, office: str) -> State:
    hook = OfficeHook(desired_office(load_company(config), office), "look")
    return hook.state(hook.observe())


def roll_back(rollout: Rollout, **arguments: Any) -> dict[str, Any]:
    operator = RolloutRollbackOperator(task_id="rollback", **arguments)
    return operator.execute(rollout.context)


def provision(rollout: Rollout, office: str, wave: str) -> None:
    rollout.plan(office)
    rollout.approve()
    if wave != "pilot":
        with pytest.raises(AirflowSkipException):
            rollout.begin("pilot")
    (unit,) = rollout.begin(wave)
    rollout.provision(unit)


def provision_both(rollout: Rollout, ledger: Connection) -> None:
    """Provision berlin, then tokyo, in one rollout."""
    rollout.plan("berlin", "tokyo")
    rollout.approve()
    for wave in ("pilot", "rest"):
        for unit in rollout.begin(wave):
            rollout.provision(unit)
        set_wave_phase(ledger, rollout.run, wave, "Healthy", datetime.now(UTC), passed=True, ended=True)


def steps(ledger: Connection, run: str, office: str) -> set[str]:
    return {step for where, step, _ in camera_phases(ledger, run).values() if where == office}


def ask_to_roll_back(ledger: Connection, run: str) -> None:
    command_rollout(ledger, run, "rollback", Event(f"{run}-back", datetime.now(UTC), "olga", "test"))


@pytest.mark.full
def test_what_a_rollout_made_is_gone_again(
    rollout: Rollout, ledger: Connection, config: Path, foundation: Callable[..., Any]
) -> None:
    before = state(config, "tokyo")
    provision(rollout, "tokyo", "rest")
    made = state(config, "tokyo")
    assert made != before
    ask_to_roll_back(ledger, "run-1")
    assert roll_back(rollout)["undone"]["tokyo"] > 0
    after = state(config, "tokyo")
    # A document that a proxy may have read isn't deleted: it names no camera.
    left = {key: value for key, value in after.items() if key not in before}
    assert {kind for kind, _ in left} <= {"edge_document"}
    assert all(not resource.settings["cameras"] for resource in left.values())
    assert {key: value for key, value in after.items() if key in before} == before
    assert {step for _, step, _ in camera_phases(ledger, "run-1").values()} == {"rolled_back"}
    place = {"Bucket": "gatehouse-123456789012-ap-northeast-1", "Key": "edge/tokyo/desired.json"}
    body = foundation("s3", "ap-northeast-1").get_object(**place)["Body"].read()
    assert EdgeDesired.model_validate_json(body).version > 1


def test_a_replaced_processor_is_the_old_one_again(
    rollout: Rollout, ledger: Connection, config: Path
) -> None:
    provision(rollout, "berlin", "pilot")
    with pytest.raises(AirflowFailException):
        rollout.report()
    before = state(config, "berlin")
    settings = config / "rollout.yaml"
    settings.write_text(settings.read_text().replace("threshold: 80", "threshold: 90"))
    second = type(rollout)("run-2")
    provision(second, "berlin", "pilot")
    assert state(config, "berlin") != before
    ask_to_roll_back(ledger, "run-2")
    roll_back(second)
    assert state(config, "berlin") == before
    assert roll_back(second)["undone"] == {"berlin": 0}


@pytest.mark.full
def test_an_office_that_another_run_holds_keeps_no_other_from_its_way_back(
    rollout: Rollout, ledger: Connection
) -> None:
    provision_both(rollout, ledger)
    ask_to_roll_back(ledger, "run-1")
    release_leases(ledger, "run-1")
    take_lease(ledger, "berlin", "run-9", datetime.now(UTC), timedelta(minutes=5))
    with pytest.raises(AirflowFailException, match=r"(?s)office berlin: .*leased by run run-9"):
        roll_back(rollout)
    assert steps(ledger, "run-1", "tokyo") == {"rolled_back"}
    assert "rolled_back" not in steps(ledger, "run-1", "berlin")
    found = load_rollout(ledger, "run-1")
    assert found is not None
    assert found.detail.startswith("rolled back: tokyo; not rolled back: berlin (")
    release_leases(ledger, "run-9")
    assert roll_back(rollout)["undone"].keys() == {"berlin", "tokyo"}
    assert steps(ledger, "run-1", "berlin") == {"rolled_back"}


@pytest.mark.full
def test_an_office_whose_manifest_is_bad_by_now_keeps_no_other_from_its_way_back(
    rollout: Rollout, ledger: Connection, config: Path
) -> None:
    provision_both(rollout, ledger)
    ask_to_roll_back(ledger, "run-1")
    (config / "offices" / "berlin.yaml").write_text("office: [")
    with pytest.raises(AirflowFailException, match="office berlin: "):
        roll_back(rollout)
    assert steps(ledger, "run-1", "tokyo") == {"rolled_back"}


@pytest.mark.full
def test_a_dead_region_keeps_no_other_from_its_way_back_and_is_tried_again(
    rollout: Rollout, ledger: Connection, cloud: str
) -> None:
    provision_both(rollout, ledger)
    ask_to_roll_back(ledger, "run-1")
    fault = {
        "service": "rekognition",
        "region": "eu-central-1",
        "kind": "error",
        "code": "AccessDeniedException",
    }
    httpx.post(f"{cloud}/_gatehouse/faults", json=fault | {"status": 400}).raise_for_status()
    try:
        with pytest.raises(AirflowException, match="office berlin: ") as caught:
            roll_back(rollout)
    finally:
        httpx.delete(f"{cloud}/_gatehouse/faults").raise_for_status()
    # Unlike what only a person can cure, this is retried.
    assert not isinstance(caught.value, AirflowFailException)
    assert steps(ledger, "run-1", "tokyo") == {"rolled_back"}
    roll_back(rollout)
    assert steps(ledger, "run-1", "berlin") == {"rolled_back"}


@pytest.mark.full
def test_what_a_later_run_changed_is_not_undone_by_an_earlier_ones_way_back(
    rollout: Rollout, ledger: Connection, config: Path
) -> None:
    provision(rollout, "berlin", "pilot")
    with pytest.raises(AirflowFailException):
        rollout.report()
    settings = config / "rollout.yaml"
    settings.write_text(settings.read_text().replace("threshold: 80", "threshold: 90"))
    second = type(rollout)("run-2")
    provision(second, "berlin", "pilot")
    with pytest.raises(AirflowFailException):
        second.report()
    made = state(config, "berlin")
    ask_to_roll_back(ledger, "run-1")
    with pytest.raises(AirflowFailException, match="run-2 changed office berlin after run-1"):
        roll_back(rollout)
    assert state(config, "berlin") == made
    ask_to_roll_back(ledger, "run-2")
    roll_back(second)
    with pytest.raises(AirflowFailException):
        second.report()
    assert "berlin" in roll_back(rollout)["undone"]


@pytest.mark.full
def test_nothing_is_undone_unasked(rollout: Rollout) -> None:
    provision(rollout, "berlin", "pilot")
    with pytest.raises(AirflowSkipException, match="Nothing is to be undone"):
        roll_back(rollout, on_failure=True)


@pytest.mark.full
def test_a_failed_wave_is_undone_if_the_run_shall(rollout: Rollout, ledger: Connection) -> None:
    provision(rollout, "berlin", "pilot")
    set_wave_phase(ledger, "run-1", "pilot", "Degraded", datetime.now(UTC), detail="bad", ended=True)
    assert "berlin" in roll_back(rollout, on_failure=True)["undone"]
    assert [event["command"] for event in control_events(ledger, "run-1")] == ["rollback"]


@pytest.mark.full
def test_the_evidence_is_kept_once_and_never_replaced(
    rollout: Rollout, ledger: Connection, foundation: Callable[..., Any]
) -> None:
    rollout.run = "run-evidence"
    rollout.context["run_id"] = "run-evidence"
    provision(rollout, "berlin", "pilot")
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="Not everything is healthy"):
            rollout.report()
    ((key, digest),) = bundles_of(ledger, "run-evidence").items()
    body = foundation("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert hashlib.sha256(body).hexdigest() == digest
    assert json.loads(body)["versions"]["gatehouse"] == gatehouse.__version__
