"""Waves begin in their order, bake under the gate, and go on only when they passed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred

from gatehouse.ledger.calls import calls_of, mark_changed, saved_cameras
from gatehouse.ledger.control import Event, command_rollout
from gatehouse.ledger.probes import Probe, plan_probes, set_probe_state
from gatehouse.ledger.rollouts import camera_phases, load_rollout, set_camera_phase, set_wave_phase, waves_of
from gatehouse.ledger.tables import wave
from gatehouse.ledger.unreached import given_up_in
from gatehouse.office import naming
from gatehouse.office.edge import EdgeObserved
from gatehouse.rollout.sample import CameraSample
from gatehouse_provider.hooks.samples import SampleHook
from gatehouse_provider.operators.approval import PlanApprovalOperator
from gatehouse_provider.triggers.steering import SteeringTrigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

pytestmark = pytest.mark.usefixtures("ledger", "foundation")
BERLIN = ["CAM_BER_F0_LOBBY_001", "CAM_BER_F0_GARAGE_002", "CAM_BER_F3_LAB_003"]
PROBED, UNPROBED = "  enabled: true ", "  enabled: false "
Rollout = Any
Silence = Any


def press(ledger: Connection, command: Any, run: str = "run-1", wave: str = "") -> None:
    event = Event(f"{run}-{command}", datetime.now(UTC), "olga", "test")
    command_rollout(ledger, run, command, event, wave)


def sampling(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    """Let every camera show these values, beside those of a healthy one; a callable gets the camera."""
    healthy: dict[str, Any] = {
        "fragments": 3000,
        "ack_errors": 0,
        "lag_seconds": 1.0,
        "frames": 3000,
        "face_frames": 0,
        "documents": 0,
        "processor": "RUNNING",
    }

    def sample(hook: SampleHook, changed_at: datetime, at: datetime) -> list[CameraSample]:
        seen = {name: value for name, value in (healthy | values).items() if not callable(value)}
        own = {name: value for name, value in values.items() if callable(value)}
        return [
            CameraSample(camera, changed_at, at, **seen, **{name: tell(camera) for name, tell in own.items()})
            for camera in hook.cameras
        ]

    monkeypatch.setattr(SampleHook, "sample", sample)


def verified(
    ledger: Connection, rollout: Rollout, cameras: list[str] = BERLIN, others: Sequence[str] = ()
) -> Any:
    """Bring Berlin's cameras as far as the pilot's bake."""
    rollout.plan("berlin", *others)
    rollout.approve()
    units = rollout.begin("pilot")
    set_camera_phase(ledger, rollout.run, "berlin", [(c, "verified", "") for c in cameras], datetime.now(UTC))
    mark_changed(ledger, rollout.run, cameras, datetime.now(UTC) - timedelta(minutes=5))
    return units


@pytest.fixture(autouse=True)
def quick(config: Any) -> None:
    """Bake for two seconds, without a probe before it."""
    settings = config / "rollout.yaml"
    text = settings.read_text()
    quicker = {"bake_seconds: 8": "bake_seconds: 2", "settle_seconds: 4": "settle_seconds: 0"}
    quicker |= {"minimum_samples: 3": "minimum_samples: 1", PROBED: UNPROBED}
    for slow, quick in quicker.items():
        assert slow in text
        text = text.replace(slow, quick, 1)
    settings.write_text(text)


@pytest.fixture
def silence(foundation: Callable[..., Any]) -> Iterator[Silence]:
    """Let an office's proxy have reported, and not any more; the local cloud is one for all tests."""
    places: list[tuple[Any, dict[str, str]]] = []

    def fall_silent(office: str, region: str) -> None:
        at = datetime.now(UTC) - timedelta(minutes=5)
        report = EdgeObserved(office=office, at=at, started_at=at, version_applied=1, cameras=())
        s3 = foundation("s3", region)
        place = {"Bucket": f"gatehouse-123456789012-{region}", "Key": naming.edge_observed_key(office)}
        s3.put_object(**place, Body=report.model_dump_json().encode())
        places.append((s3, place))

    yield fall_silent
    for s3, place in places:
        s3.delete_object(**place)


def test_nothing_begins_without_approval(rollout: Rollout) -> None:
    rollout.plan("berlin")
    with pytest.raises(AirflowFailException, match="is not approved; nothing was changed"):
        rollout.begin("pilot")


def test_an_answer_that_doesnt_come_is_a_no(rollout: Rollout) -> None:
    rollout.plan("berlin")
    late = {"chosen_options": ["Reject"], "params_input": {}, "responded_by_user": None}
    with pytest.raises(AirflowFailException, match="was rejected by nobody in time"):
        PlanApprovalOperator(task_id="approve").execute_complete(rollout.context, late)
    with pytest.raises(AirflowFailException, match="is rejected; nothing was changed"):
        rollout.begin("pilot")
    # A late yes doesn't take the no back.
    with pytest.raises(AirflowFailException, match="was rejected"):
        rollout.approve()


def test_another_plan_has_to_be_approved_anew(rollout: Rollout) -> None:
    rollout.plan("berlin")
    rollout.approve()
    rollout.plan("berlin", "tokyo")
    with pytest.raises(AirflowFailException, match="is not approved"):
        rollout.begin("pilot")


def test_a_wave_waits_for_the_one_before_it(rollout: Rollout) -> None:
    rollout.plan("berlin", "tokyo")
    rollout.approve()
    with pytest.raises(AirflowFailException, match="Wave 'rest' may not begin"):
        rollout.begin("rest")


def test_a_wave_in_which_nothing_was_chosen_is_passed_by(rollout: Rollout, ledger: Connection) -> None:
    rollout.plan("tokyo")
    rollout.approve()
    with pytest.raises(AirflowSkipException):
        rollout.begin("pilot")
    with pytest.raises(AirflowSkipException):
        rollout.bake("pilot", None)
    assert [unit["label"] for unit in rollout.begin("rest")] == ["tokyo"]
    assert waves_of(ledger, "run-1")[0]["passed"]


def test_an_office_whose_proxy_fell_silent_is_put_off(
    rollout: Rollout, ledger: Connection, silence: Silence
) -> None:
    silence("tokyo", "ap-northeast-1")
    rollout.plan("portland", "tokyo")
    rollout.approve()
    with pytest.raises(AirflowSkipException):
        rollout.begin("pilot")
    assert [unit["label"] for unit in rollout.begin("rest")] == ["portland"]
    assert camera_phases(ledger, "run-1")["CAM_TYO_F9_ARCHIVE_002"][1] == "unreachable"
    with pytest.raises(AirflowFailException, match="may not begin"):
        rollout.begin("requeued")


@pytest.mark.full
def test_a_begin_that_is_tried_again_puts_off_no_further(
    rollout: Rollout, ledger: Connection, config: Any, silence: Silence
) -> None:
    settings = config / "rollout.yaml"
    settings.write_text(settings.read_text().replace("attempts: 2", "attempts: 1"))
    silence("tokyo", "ap-northeast-1")
    rollout.plan("portland", "tokyo")
    rollout.approve()
    with pytest.raises(AirflowSkipException):
        rollout.begin("pilot")
    for _ in range(3):
        assert [unit["label"] for unit in rollout.begin("rest")] == ["portland"]
        assert camera_phases(ledger, "run-1")["CAM_TYO_F9_ARCHIVE_002"][1] == "unreachable"


@pytest.mark.full
def test_a_begin_that_is_tried_again_gives_up_the_same(
    rollout: Rollout, ledger: Connection, config: Any, silence: Silence
) -> None:
    settings = config / "rollout.yaml"
    settings.write_text(settings.read_text().replace("  offices: 1", "  offices: 0"))
    silence("tokyo", "ap-northeast-1")
    rollout.plan("portland", "tokyo")
    rollout.approve()
    with pytest.raises(AirflowSkipException):
        rollout.begin("pilot")
    for _ in range(2):
        assert [unit["label"] for unit in rollout.begin("rest")] == ["portland"]
        assert "CAM_TYO_F9_ARCHIVE_002" in given_up_in(ledger, "run-1", "rest")


@pytest.mark.parametrize("born", [False, True])
def test_an_office_given_up_counts_as_bad_with_all_its_cameras(
    rollout: Rollout,
    ledger: Connection,
    monkeypatch: pytest.MonkeyPatch,
    config: Any,
    silence: Silence,
    born: bool,
) -> None:
    settings = config / "rollout.yaml"
    together = settings.read_text().replace(
        "[berlin]\n  - name: rest\n    offices: [portland, ", "[berlin, portland, "
    )
    assert "[berlin, portland, tokyo]" in together
    if born:
        together = together.replace("  cameras: 2", "  cameras: 9").replace("percent: 5", "percent: 100")
    settings.write_text(together)
    silence("portland", "us-west-2")
    silence("tokyo", "ap-northeast-1")
    sampling(monkeypatch)
    units = verified(ledger, rollout, others=("portland", "tokyo"))
    assert [unit["label"] for unit in units] == ["berlin"]
    # Portland is put off to the wave `requeued`, and one office may be.
    steps = {office: step for office, step, _ in camera_phases(ledger, "run-1").values()}
    assert steps == {"berlin": "verified", "portland": "unreachable", "tokyo": "failed"}
    if not born:
        with pytest.raises(AirflowFailException, match=r"CAM_TYO_.*: the proxy of tokyo is silent"):
            rollout.bake("pilot", units)
        return
    aside = rollout.bake("pilot", units)["set_aside"]
    assert aside
    assert all(camera_phases(ledger, "run-1")[camera][:2] == ("tokyo", "quarantined") for camera in aside)
    assert waves_of(ledger, "run-1")[0]["phase"] == "Degraded"


def test_a_healthy_wave_passes(rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    sampling(monkeypatch)
    units = verified(ledger, rollout)
    assert rollout.bake("pilot", units) == {"passed": "pilot", "set_aside": []}
    assert {step for _, step, _ in camera_phases(ledger, "run-1").values()} == {"healthy"}
    assert (waves_of(ledger, "run-1")[0]["phase"], waves_of(ledger, "run-1")[0]["passed"]) == (
        "Healthy",
        True,
    )


def test_a_wave_in_which_nothing_changed_doesnt_bake(rollout: Rollout, ledger: Connection) -> None:
    rollout.plan("berlin")
    rollout.approve()
    units = rollout.begin("pilot")
    set_camera_phase(ledger, "run-1", "berlin", [(c, "verified", "") for c in BERLIN], datetime.now(UTC))
    assert rollout.bake("pilot", units)["passed"] == "pilot"


@pytest.mark.full
def test_time_before_a_bake_is_no_time_of_it(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling(monkeypatch)
    units = verified(ledger, rollout)
    began = datetime.now(UTC) - timedelta(days=3)
    ledger.execute(wave.update().values(started_at=began))
    assert rollout.bake("pilot", units)["passed"] == "pilot"


@pytest.mark.full
def test_a_frozen_bake_isnt_overdue_and_one_that_was_fails(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch, config: Any
) -> None:
    settings, looks = config / "rollout.yaml", iter(range(100))

    def nothing(_camera: str) -> None:
        if next(looks) == 9:
            press(ledger, "promote", wave="pilot")

    sampling(monkeypatch, frames=nothing)
    units = verified(ledger, rollout)
    long_ago = datetime.now(UTC) - timedelta(days=3)
    set_wave_phase(ledger, "run-1", "pilot", "Progressing", long_ago, bake_until=long_ago)
    thawed = settings.read_text()
    year = f"spans: [{{name: year, start: {long_ago.year - 1}-01-01, end: {long_ago.year + 2}-01-01}}]"
    settings.write_text(thawed.replace("spans: []", year))
    assert rollout.bake("pilot", units)["passed"] == "pilot"

    settings.write_text(thawed)
    other = type(rollout)("run-2")
    units = verified(ledger, other)
    set_wave_phase(ledger, "run-2", "pilot", "Progressing", long_ago, bake_until=long_ago)
    with pytest.raises(AirflowFailException, match="The stage's time is up"):
        other.bake("pilot", units)


@pytest.mark.full
def test_a_failed_wave_that_is_run_again_bakes_anew(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling(monkeypatch, frames=lambda _camera: None)
    units = verified(ledger, rollout)
    long_ago = datetime.now(UTC) - timedelta(days=3)
    set_wave_phase(ledger, "run-1", "pilot", "Progressing", long_ago, bake_until=long_ago)
    with pytest.raises(AirflowFailException, match="The stage's time is up"):
        rollout.bake("pilot", units)
    sampling(monkeypatch)
    assert rollout.bake("pilot", rollout.begin("pilot"))["passed"] == "pilot"


def test_too_many_bad_cameras_stop_the_rollout(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling(monkeypatch, fragments=lambda camera: 0 if camera == BERLIN[0] else 3000)
    units = verified(ledger, rollout)
    with pytest.raises(AirflowFailException, match="1 of 3 judged cameras are bad"):
        rollout.bake("pilot", units)
    assert camera_phases(ledger, "run-1")[BERLIN[0]][1] == "failed"
    with pytest.raises(AirflowFailException, match="may not begin"):
        rollout.begin("rest")


def test_a_camera_that_wasnt_verified_counts_as_bad(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling(monkeypatch)
    units = verified(ledger, rollout, BERLIN[:2])
    with pytest.raises(AirflowFailException, match=f"{BERLIN[2]}: it didn't get beyond planned"):
        rollout.bake("pilot", units)


def test_what_no_probe_proved_doesnt_go_live(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch, config: Any
) -> None:
    settings = config / "rollout.yaml"
    settings.write_text(settings.read_text().replace(UNPROBED, PROBED).replace("percent: 5", "percent: 50"))
    sampling(monkeypatch)
    units = verified(ledger, rollout)
    since_ms = round(datetime.now(UTC).timestamp() * 1000)
    for camera in BERLIN[1:]:
        probe = Probe(f"of-{camera}", "run-1", camera, f"arn:{camera}", since_ms, since_ms + 11_000)
        plan_probes(ledger, [probe], datetime.now(UTC))
        set_probe_state(ledger, probe.probe_id, "passed", datetime.now(UTC))
    assert rollout.bake("pilot", units) == {"passed": "pilot", "set_aside": [BERLIN[0]]}
    assert "no probe proved its path" in camera_phases(ledger, "run-1")[BERLIN[0]][2]


@pytest.mark.full
def test_cameras_are_judged_by_what_was_approved(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch, config: Any
) -> None:
    sampling(monkeypatch, fragments=lambda camera: 0 if camera == BERLIN[0] else 3000)
    units = verified(ledger, rollout)
    settings = config / "rollout.yaml"
    lax = settings.read_text().replace("percent: 5", "percent: 50")
    settings.write_text(lax.replace("fragments_per_minute: 2", "fragments_per_minute: 0"))
    with pytest.raises(AirflowFailException, match="1 of 3 judged cameras are bad, more than 5 %"):
        rollout.bake("pilot", units)


@pytest.mark.full
def test_the_few_bad_cameras_are_set_aside_if_the_policy_says_so(
    rollout: Rollout, ledger: Connection, monkeypatch: pytest.MonkeyPatch, config: Any
) -> None:
    settings = config / "rollout.yaml"
    settings.write_text(settings.read_text().replace("percent: 5", "percent: 50"))
    sampling(monkeypatch, fragments=lambda camera: 0 if camera == BERLIN[0] else 3000)
    units = verified(ledger, rollout)
    assert rollout.bake("pilot", units) == {"passed": "pilot", "set_aside": [BERLIN[0]]}
    assert camera_phases(ledger, "run-1")[BERLIN[0]][1] == "quarantined"
    assert waves_of(ledger, "run-1")[0]["phase"] == "Degraded"


def test_a_wave_without_data_pauses_until_somebody_promotes_it_and_that_is_told_once(
    rollout: Rollout,
    ledger: Connection,
    monkeypatch: pytest.MonkeyPatch,
    told: Callable[[], list[dict[str, Any]]],
) -> None:
    looks = iter(range(100))

    def nothing(_camera: str) -> None:
        if next(looks) == 12:
            assert waves_of(ledger, "run-1")[0]["phase"] == "Paused"
            press(ledger, "promote", wave="pilot")

    sampling(monkeypatch, frames=nothing)
    units = verified(ledger, rollout)
    assert rollout.bake("pilot", units)["passed"] == "pilot"
    unseen = "a person promoted its wave before it was seen healthy: frames: 0 of 1 samples are there"
    for _, step, detail in camera_phases(ledger, "run-1").values():
        assert (step, detail.startswith(unseen)) == ("promoted", True)
    pilot = waves_of(ledger, "run-1")[0]
    assert (pilot["phase"], pilot["passed"]) == ("Degraded", True)
    assert pilot["detail"].startswith("a person promoted it: 3 of 3 cameras are Inconclusive")
    (message,) = told()
    assert message["subject"] == "Gatehouse: paused in wave pilot: rollout run-1"
    assert (message["kind"], message["rollout"]) == ("rollout_paused", "run-1")
    assert message["url"] == "http://localhost:8080/dags/office_rollout/runs/run-1"


def test_a_paused_rollout_waits_before_its_next_call_and_that_is_told_once(
    rollout: Rollout, ledger: Connection, told: Callable[[], list[dict[str, Any]]]
) -> None:
    rollout.plan("berlin")
    rollout.approve()
    (unit,) = rollout.begin("pilot")
    press(ledger, "pause")
    with pytest.raises(TaskDeferred) as deferred:
        rollout.provision(unit)
    with pytest.raises(TaskDeferred):
        rollout.provision(unit)
    (message,) = told()
    assert "wave pilot: it is paused, frozen or stopped" in message["text"]
    assert "olga" not in str(message)
    assert isinstance(deferred.value.trigger, SteeringTrigger)
    assert deferred.value.method_name == "go_on"
    assert calls_of(ledger, "run-1", "berlin") == []
    found = load_rollout(ledger, "run-1")
    assert found is not None
    assert found.phase == "Paused"


def test_an_aborted_rollout_stops_before_its_next_call(rollout: Rollout, ledger: Connection) -> None:
    rollout.plan("berlin")
    rollout.approve()
    (unit,) = rollout.begin("pilot")
    press(ledger, "abort")
    with pytest.raises(AirflowFailException, match="the rollout was aborted"):
        rollout.provision(unit)
    assert calls_of(ledger, "run-1", "berlin") == []


def test_what_was_before_and_every_call_is_remembered(rollout: Rollout, ledger: Connection) -> None:
    rollout.plan("berlin")
    rollout.approve()
    (unit,) = rollout.begin("pilot")
    rollout.provision(unit)
    calls = calls_of(ledger, "run-1", "berlin")
    assert {call.state for call in calls} == {"done"}
    assert {"change_snapshot", "change_edge_document"} <= {call.action for call in calls}
    assert saved_cameras(ledger, "run-1", "berlin") == set(BERLIN)
