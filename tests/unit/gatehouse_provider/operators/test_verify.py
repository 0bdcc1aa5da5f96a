"""A quiet camera is no broken one: faces are asked for only where no probe brings them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from gatehouse.ledger.calls import mark_changed
from gatehouse.rollout.verify import Evidence
from gatehouse_provider.hooks.ledger import LedgerHook
from gatehouse_provider.operators.probing import Probing
from gatehouse_provider.operators.verify import OfficeVerifyOperator
from gatehouse_provider.triggers.camera import CameraAnalysedTrigger, CameraVerifiedTrigger

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

pytestmark = pytest.mark.usefixtures("ledger", "foundation")
BERLIN = ["CAM_BER_F0_LOBBY_001", "CAM_BER_F0_GARAGE_002", "CAM_BER_F3_LAB_003"]
QUIET = Evidence(fragments=5, frames_analysed=20, processor_status="RUNNING")
BLIND = Evidence(fragments=5, processor_status="RUNNING")
Rollout = Any


@pytest.fixture(autouse=True)
def impatient(config: Path) -> None:
    """Wait a second for evidence."""
    change(config, "  verified: 180", "  verified: 1")


def change(config: Path, old: str, new: str) -> None:
    settings = config / "rollout.yaml"
    assert old in settings.read_text()
    settings.write_text(settings.read_text().replace(old, new))


def unit_of(rollout: Rollout) -> dict[str, Any]:
    rollout.plan("berlin")
    rollout.approve()
    (unit,) = rollout.begin("pilot")
    rollout.provision(unit)
    return dict(unit)


def verify(
    rollout: Rollout, unit: dict[str, Any], evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Take the step while every camera shows this."""
    for trigger in (CameraAnalysedTrigger, CameraVerifiedTrigger):
        monkeypatch.setattr(trigger, "collect", lambda *_: dict.fromkeys(BERLIN, evidence))
    started = {"cameras": BERLIN, "since": datetime.now(UTC).isoformat()}
    step = OfficeVerifyOperator(
        task_id="verify", unit=unit, started=started, deferrable=False, poll_seconds=0.1
    )
    verified: dict[str, str] = step.execute(rollout.context)["verified"]
    return verified


def due() -> set[str]:
    return set(Probing(LedgerHook(), "run-1", "berlin").standing(BERLIN).due)


def test_quiet_cameras_are_verified_and_left_to_their_probe(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = unit_of(rollout)
    mark_changed(ledger, "run-1", BERLIN, datetime.now(UTC))
    verified = verify(rollout, unit, QUIET, monkeypatch)
    assert verified == dict.fromkeys(BERLIN, "5 fragments, 20 frames analysed")
    assert due() == set(BERLIN)


def test_nobody_need_be_in_view_of_cameras_that_werent_changed(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = unit_of(rollout)
    ledger.exec_driver_sql("UPDATE camera_state SET changed_at = NULL")
    assert set(verify(rollout, unit, QUIET, monkeypatch)) == set(BERLIN)
    assert due() == set()


def test_cameras_of_which_no_frame_is_analysed_fail_before_their_probe(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = unit_of(rollout)
    mark_changed(ledger, "run-1", BERLIN, datetime.now(UTC))
    with pytest.raises(AirflowFailException, match="no analysed frame is searchable"):
        verify(rollout, unit, BLIND, monkeypatch)
    assert due() == set()


def test_a_plan_without_probes_needs_somebody_to_walk_past(
    rollout: Rollout, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(config, "  enabled: true ", "  enabled: false ")
    unit = unit_of(rollout)
    with pytest.raises(AirflowFailException, match="no face is searchable"):
        verify(rollout, unit, QUIET, monkeypatch)


def test_probes_switched_off_after_the_approval_dont_change_what_verifies(
    rollout: Rollout, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = unit_of(rollout)
    change(config, "  enabled: true ", "  enabled: false ")
    assert set(verify(rollout, unit, QUIET, monkeypatch)) == set(BERLIN)
