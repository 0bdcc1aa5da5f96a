"""Tell a ledger a rollout's story: three offices, one wave through, one baking with a bad camera."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gatehouse.ledger.calls import begin_call, end_call, mark_changed, plan_calls, save_before
from gatehouse.ledger.control import Event, command_company, command_rollout
from gatehouse.ledger.evidence import record_analysis, record_approval, record_bundle
from gatehouse.ledger.leases import take_lease
from gatehouse.ledger.probes import Probe, plan_probes, set_probe_state
from gatehouse.ledger.rollouts import record_plan, set_camera_phase, set_rollout_phase, set_wave_phase
from gatehouse.office.policy import Gate, GateLimits, Judgement
from gatehouse.rollout.action import Action
from gatehouse.rollout.evidence import Bundle
from gatehouse.rollout.gate import Analysis, CameraResult
from gatehouse.rollout.plan import OfficePlan
from gatehouse.rollout.resources import Orphan
from gatehouse.rollout.sample import CameraSample
from gatehouse.rollout.waves import FrozenWave, Unit

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOW = datetime(2026, 11, 23, 9, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RUN = "manual__2026-11-23T08:41:07.220418+00:00"
HASH = "9f2c41d07be35a6688a1c0d4f5b9e2137c04d1a86ef05b7719ca2d38e6b4f052"
BERLIN = ("CAM_BER_F0_LOBBY_001", "CAM_BER_F0_GARAGE_002", "CAM_BER_F3_LAB_003")
PORTLAND = ("CAM_PDX_F1_LOBBY_001", "CAM_PDX_F2_STUDIO_002")
TOKYO = ("CAM_TYO_F8_RECEPTION_001", "CAM_TYO_F9_ARCHIVE_002")
WAVES = [("pilot", ["berlin"]), ("rest", ["portland", "tokyo"]), ("requeued", [])]
# Of the plan that was approved; the configuration says something else by now.
LATENCY_LIMIT = 25
WHY_BAD = "its processor FAILED: Access denied to Role"


def plan_of(waves: tuple[FrozenWave, ...]) -> dict[str, Any]:
    """Return a plan as the ledger keeps it."""
    offices = {
        "berlin": _office("berlin", BERLIN, "replace_processor", orphan="gatehouse-CAM_BER_OLD_009"),
        "portland": _office("portland", PORTLAND, "create_processor"),
        "tokyo": _office("tokyo", TOKYO, "create_processor"),
    }
    foreseen = {
        "berlin": ("eu-central-1", 212, ["floor 0, garage", "floor 0, lobby", "floor 3, lab"], 1420, 1390),
        "portland": ("us-west-2", 148, ["floor 1, lobby", "floor 2, studio"], 811, 0),
        "tokyo": ("ap-northeast-1", 96, ["floor 8, reception", "floor 9, archive"], 1043, 0),
    }
    rows = [
        {
            "office": name,
            "region": region,
            "engine": "stream_processor",
            "cameras": len(offices[name].actions) // 4,
            "people": people,
            "zones": zones,
            "usd": usd,
            "usd_now": now,
        }
        for name, (region, people, zones, usd, now) in foreseen.items()
    ]
    return {
        "offices": {name: office.to_json() for name, office in offices.items()},
        "refused": {},
        "dry_run": False,
        "waves": [wave.to_json() for wave in waves],
        "forecast": {
            "text": f"Rollout plan · {HASH[:12]}\n3 offices, 7 cameras, 456 enrolled faces: 21 actions",
            "seconds": 2340,
            "usd_a_month": 3274,
            "usd_a_month_now": 1390,
            "people": 456,
            "offices": rows,
            "waves": [{"name": "pilot", "seconds": 1140}, {"name": "rest", "seconds": 1200}],
        },
        "judgement": Judgement(gate=Gate(limits=GateLimits(latency_seconds=LATENCY_LIMIT))).model_dump(
            mode="json"
        ),
        "preflight": [
            {
                "code": "ai_opt_out",
                "severity": "advisory",
                "subject": "account",
                "found": "AWS may keep pictures to improve its services: no opt-out policy is in force",
                "remedy": "Have the management account attach an AISERVICES_OPT_OUT_POLICY",
            }
        ],
    }


def _office(name: str, cameras: tuple[str, ...], processor: str, orphan: str = "") -> OfficePlan:
    actions: list[Action] = []
    for camera in cameras:
        resource = f"gatehouse-{camera}"
        if processor == "create_processor":
            actions += [
                Action("create_video_stream", resource, "it isn't there", camera),
                Action("create_record_stream", f"{resource}-records", "it isn't there", camera),
                Action("create_mapping", f"{resource}-records", "it isn't there", camera),
            ]
        why = "it isn't there" if processor == "create_processor" else "threshold 90 → 80"
        actions.append(Action(processor, resource, why, camera))  # type: ignore[arg-type]
    orphans = (Orphan("processor", orphan, ""),) if orphan else ()
    kept = {"video_stream": 3, "record_stream": 3, "mapping": 3} if orphan else {}
    return OfficePlan(name, tuple(actions), kept=kept, orphans=orphans)


def tell_story(connection: Connection, now: datetime = NOW, run: str = RUN) -> None:
    """Write it all: an older rollout that ended, a dry run, and `run`, which is under way at `now`."""
    _ended(connection, now - timedelta(days=3))
    plan = plan_of(_frozen())
    dry_at = now - 60 * MINUTE
    dry = {**plan, "dry_run": True}
    record_plan(connection, "manual__dry", dry, HASH, WAVES, dry_run=True, at=dry_at)
    record_plan(connection, run, plan, HASH, WAVES, dry_run=False, at=now - 39 * MINUTE)
    record_approval(connection, run, HASH, "approved", "Ana Ruiz", now - 36 * MINUTE)
    set_rollout_phase(connection, run, "Progressing", now - 35 * MINUTE)
    _pilot(connection, run, now)
    _rest(connection, run, now)
    for minutes, command, why in ((29, "pause", "standup in Berlin"), (25, "resume", "standup is over")):
        event = Event(f"{run}/{command}", now - minutes * MINUTE, "Bo Lindqvist", why)
        command_rollout(connection, run, command, event)  # type: ignore[arg-type]


def _frozen() -> tuple[FrozenWave, ...]:
    rest = (Unit("portland", 0, PORTLAND), Unit("tokyo", 0, TOKYO))
    return (FrozenWave("pilot", (Unit("berlin", 0, BERLIN),), 900), FrozenWave("rest", rest, 900))


def _pilot(connection: Connection, run: str, now: datetime) -> None:
    begun, ended = now - 35 * MINUTE, now - 16 * MINUTE
    _change(connection, run, "berlin", BERLIN, "replace_processor", begun)
    set_wave_phase(connection, run, "pilot", "Progressing", begun, bake_until=ended)
    _walk(connection, run, "berlin", BERLIN, begun, last="healthy")
    for look in range(20):
        at = begun + 4 * MINUTE + look * MINUTE * 0.75
        enough = look > 4
        found = Analysis(
            "Successful" if enough else "Inconclusive",
            "bake",
            "all of 3 cameras are healthy so far" if enough else f"frames: {look} of 5 samples are there",
            {},
        )
        record_analysis(connection, run, "pilot", at, found, [_sample(c, at, look) for c in BERLIN])
    why = "all of 3 cameras are healthy"
    set_wave_phase(connection, run, "pilot", "Healthy", ended, detail=why, passed=True, ended=True)


def _rest(connection: Connection, run: str, now: datetime) -> None:
    begun = now - 14 * MINUTE
    set_wave_phase(connection, run, "rest", "Progressing", begun, bake_until=now + 6 * MINUTE)
    for office, cameras in (("portland", PORTLAND), ("tokyo", TOKYO)):
        _change(connection, run, office, cameras, "create_processor", begun)
        _walk(connection, run, office, cameras, begun, last="baking")
        take_lease(connection, office, run, now, 15 * MINUTE)
    bad = PORTLAND[1]
    set_camera_phase(connection, run, "portland", [(bad, "failed", WHY_BAD)], now - 4 * MINUTE)
    for look in range(12):
        at = now - 9 * MINUTE + look * MINUTE * 0.7
        ill = look >= 7
        judged = {bad: CameraResult("Failed", WHY_BAD, look, final=True)} if ill else {}
        reason = (
            f"1 of 4 cameras are Failed: {bad}: {WHY_BAD}" if ill else "all of 4 cameras are healthy so far"
        )
        found = Analysis("Failed" if ill else "Successful", "bake", reason, judged)
        samples = [_sample(camera, at, look + 5) for camera in (*PORTLAND, *TOKYO)]
        if ill:
            gone = {"fragments": 22 - look, "frames": 0, "processor": "FAILED", "documents": 0}
            samples[1] = replace(samples[1], processor_message="Access denied to Role", **gone)  # type: ignore[arg-type]
        record_analysis(connection, run, "rest", at, found, samples)


def _change(
    connection: Connection, run: str, office: str, cameras: tuple[str, ...], action: str, at: datetime
) -> None:
    calls = [(camera, action, f"gatehouse-{camera}") for camera in cameras]
    save_before(connection, run, office, {}, cameras, at)
    plan_calls(connection, run, office, calls, at)
    for number, call in enumerate(calls):
        moment = at + timedelta(seconds=7 * number + 3)
        begin_call(connection, run, office, call, moment)
        if number == 1:
            end_call(connection, run, office, call, moment, "ThrottlingException: Rate exceeded")
            begin_call(connection, run, office, call, moment + timedelta(seconds=2))
        end_call(connection, run, office, call, moment + timedelta(seconds=3))
    mark_changed(connection, run, cameras, at + MINUTE)
    start = int(at.timestamp() * 1000) + 120_000
    stream = "arn:aws:kinesisvideo:eu-central-1:123456789012:stream"
    probes = [
        Probe(f"{run}/{camera}", run, camera, f"{stream}/{camera}/1", start, start + 8_000)
        for camera in cameras
    ]
    plan_probes(connection, probes, at)
    for probe in probes:
        set_probe_state(
            connection, probe.probe_id, "passed", at + 3 * MINUTE, "both faces told apart in 4.1 s"
        )


def _walk(
    connection: Connection, run: str, office: str, cameras: tuple[str, ...], at: datetime, *, last: str
) -> None:
    steps = ["provisioning", "starting", "running", "verified", "baking"]
    for number, step in enumerate([*steps, *([last] if last not in steps else [])]):
        rows = [(camera, step, "") for camera in cameras]
        set_camera_phase(connection, run, office, rows, at + number * MINUTE)  # type: ignore[arg-type]


def _sample(camera: str, at: datetime, look: int) -> CameraSample:
    wave = math.sin(look / 2 + len(camera))
    return CameraSample(
        camera,
        at - 2 * MINUTE,
        at,
        fragments=round(44 + 4 * wave),
        ack_errors=0,
        lag_seconds=round(2.4 + 0.8 * wave, 2),
        frames=round(58 + 3 * wave),
        face_frames=12 + look,
        documents=12 + look,
        latency_seconds=round(5.5 + 1.6 * wave, 2),
        processor="RUNNING",
    )


def _ended(connection: Connection, at: datetime) -> None:
    run = f"manual__{at:%Y-%m-%dT%H:%M:%S}+00:00"
    wave = FrozenWave("pilot", (Unit("berlin", 0, BERLIN),), 900)
    record_plan(connection, run, plan_of((wave,)), HASH, WAVES[:1], dry_run=False, at=at)
    record_approval(connection, run, HASH, "approved", "Bo Lindqvist", at + MINUTE)
    set_rollout_phase(connection, run, "Progressing", at + 2 * MINUTE)
    set_wave_phase(connection, run, "pilot", "Progressing", at + 2 * MINUTE)
    _walk(connection, run, "berlin", BERLIN, at + 2 * MINUTE, last="healthy")
    set_wave_phase(connection, run, "pilot", "Healthy", at + 20 * MINUTE, passed=True, ended=True)
    set_rollout_phase(connection, run, "Healthy", at + 21 * MINUTE, ended=True)
    bundle = Bundle(f"evidence/rollouts/{run}.json", b"{}", HASH[::-1])
    record_bundle(connection, run, "gatehouse-eu-central-1", bundle, "v1", at + 22 * MINUTE)
    line = ((30, "stop_all", "AWS reports errors in eu-central-1"), (75, "release_all", "AWS is well again"))
    for minutes, command, why in line:
        event = Event(f"{run}/{command}", at + minutes * MINUTE, "Ana Ruiz", why)
        command_company(connection, command, event)  # type: ignore[arg-type]
