"""Offices whose cameras aren't mounted yet can be prepared; nothing of that is ever taken for proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from gatehouse.ledger.rollouts import camera_phases, load_rollout, waves_of
from gatehouse.rollout.plan import OfficePlan
from gatehouse.rollout.verify import Verdict
from gatehouse_provider.operators.start import OfficeStartOperator
from gatehouse_provider.operators.stored_plan import stored_plan
from gatehouse_provider.operators.verify import OfficeVerifyOperator

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

pytestmark = pytest.mark.usefixtures("ledger", "foundation")
BERLIN = ["CAM_BER_F0_LOBBY_001", "CAM_BER_F0_GARAGE_002", "CAM_BER_F3_LAB_003"]
Rollout = Any


@pytest.fixture(autouse=True)
def running_is_enough(config: Path) -> None:
    """Ask for no more than running processors."""
    settings = config / "rollout.yaml"
    assert "prove: whole_path" in settings.read_text()
    settings.write_text(settings.read_text().replace("prove: whole_path", "prove: running"))


def prepare(rollout: Rollout, monkeypatch: pytest.MonkeyPatch, running: list[str]) -> Any:
    """Take the pilot's steps up to its bake; these processors run, the others fail."""
    rollout.plan("berlin")
    rollout.approve()
    [unit] = rollout.begin("pilot")

    def wait(operator: Any, trigger: Any, *_: Any, **__: Any) -> list[Verdict]:
        assert type(trigger).__name__ == "CameraRunningTrigger", "nobody films yet: media isn't waited for"
        outcome = {
            camera_id: "verified" if camera_id in running else "failed" for camera_id in trigger.cameras
        }
        return [Verdict(camera_id, how, "seen") for camera_id, how in outcome.items()]  # type: ignore[arg-type]

    monkeypatch.setattr(OfficeStartOperator, "wait", wait)
    start = OfficeStartOperator(task_id="start", unit=unit, provisioned=rollout.provision(unit))
    verify = OfficeVerifyOperator(task_id="verify", unit=unit, started=start.execute(rollout.context))
    if len(running) < len(BERLIN):
        with pytest.raises(AirflowFailException, match=r"cameras are prepared, these aren't"):
            verify.execute(rollout.context)
    else:
        assert verify.execute(rollout.context) == {"prepared": BERLIN}
    return [unit]


def test_prepared_cameras_pass_their_wave_and_none_is_called_healthy(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = prepare(rollout, monkeypatch, BERLIN)
    assert rollout.bake("pilot", units) == {"prepared": "pilot", "set_aside": []}
    for wave in ("rest", "requeued"):
        with pytest.raises(AirflowSkipException):
            rollout.begin(wave)
    ended = rollout.report()
    assert ended["healthy"] == []
    assert ended["prepared_not_proved"] == sorted(BERLIN)
    assert {step for _, step, _ in camera_phases(ledger, "run-1").values()} == {"prepared"}
    assert all("not proved" in detail for _, _, detail in camera_phases(ledger, "run-1").values())
    found = load_rollout(ledger, "run-1")
    assert found is not None
    assert found.phase == "Progressing"
    assert found.ended_at is not None
    assert "not proved" in found.detail
    assert "not proved" in waves_of(ledger, "run-1")[0]["detail"]


def test_a_wave_with_too_many_cameras_that_dont_run_stops(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = prepare(rollout, monkeypatch, BERLIN[:2])
    with pytest.raises(AirflowFailException, match="more than 5 %"):
        rollout.bake("pilot", units)
    assert camera_phases(ledger, "run-1")[BERLIN[2]][1] == "failed"
    with pytest.raises(AirflowFailException, match="Not everything is healthy"):
        rollout.report()


def test_whoever_approves_is_told_and_approves_just_that(
    rollout: Rollout, ledger: Connection, config: Path
) -> None:
    rollout.plan("berlin")
    prepared = stored_plan(ledger, "run-1")
    assert "PREPARED, NOT PROVED" in prepared.text
    assert not prepared.proves_path
    settings = config / "rollout.yaml"
    settings.write_text(settings.read_text().replace("prove: running", "prove: whole_path"))
    # What was frozen counts, whatever the file says by now.
    assert not stored_plan(ledger, "run-1").proves_path
    rollout.plan("berlin")
    proved = stored_plan(ledger, "run-1")
    assert "NOT PROVED" not in proved.text
    assert proved.proves_path
    assert proved.digest != prepared.digest


def test_a_wave_in_which_nothing_is_to_be_changed_is_passed_by(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout.plan("berlin")
    rollout.approve()
    monkeypatch.setattr(OfficePlan, "leaves_alone", lambda *_: True)
    with pytest.raises(AirflowSkipException, match="nothing is to be changed"):
        rollout.begin("pilot")
    with pytest.raises(AirflowSkipException):
        rollout.bake("pilot", None)
    assert {step for _, step, _ in camera_phases(ledger, "run-1").values()} == {"prepared"}
    assert waves_of(ledger, "run-1")[0]["passed"]
