"""Both engines roll out alike, and a change of engine is handed over at a recorded producer time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.ledger.calls import changed_at
from gatehouse.ledger.control import Event, command_rollout
from gatehouse.ledger.rollouts import camera_phases
from gatehouse.office.frames import FramesDesired, FramesObserved, ObservedFrames
from gatehouse.rollout.verify import Evidence, Verdict
from gatehouse_provider.hooks.evidence import EvidenceHook
from gatehouse_provider.operators.rollback import RolloutRollbackOperator
from gatehouse_provider.operators.start import OfficeStartOperator
from gatehouse_provider.operators.verify import OfficeVerifyOperator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

pytestmark = pytest.mark.usefixtures("ledger", "foundation")
BUCKET, REGION = "gatehouse-123456789012-ap-northeast-1", "ap-northeast-1"
TOKYO = ["CAM_TYO_F8_RECEPTION_001", "CAM_TYO_F9_ARCHIVE_002"]
Rollout = Any


def read(aws: Callable[..., Any], key: str, model: Any) -> Any:
    return model.model_validate_json(aws("s3", REGION).get_object(Bucket=BUCKET, Key=key)["Body"].read())


def search_frames(config: Path) -> None:
    manifest = config / "offices" / "tokyo.yaml"
    manifest.write_text(manifest.read_text().replace("engine: stream_processor", "engine: frame_search"))


def unit_of(rollout: Rollout) -> dict[str, Any]:
    rollout.plan("tokyo")
    rollout.approve()
    return {"wave": "rest", "office": "tokyo", "chunk": 0, "label": "tokyo"}


def seen(cameras: list[str]) -> list[Verdict]:
    return [Verdict(camera_id, "verified", "seen") for camera_id in cameras]


def test_a_changed_engine_comes_into_force_when_the_new_one_runs(
    rollout: Rollout,
    config: Path,
    foundation: Callable[..., Any],
    ledger: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rollout.provision(unit_of(rollout))
    search_frames(config)
    unit = unit_of(rollout)
    provisioned = rollout.provision(unit)
    frames = read(foundation, "frames/tokyo/desired.json", FramesDesired)
    assert [camera.camera_id for camera in frames.cameras] == TOKYO
    assert frames.rates.search_faces_by_image == 5
    snapshot = read(foundation, "snapshot/ingest.json", IngestSnapshot)
    assert {stream.engine for stream in snapshot.streams.values()} == {"stream_processor"}

    monkeypatch.setattr(OfficeStartOperator, "wait", lambda *_, **__: seen(TOKYO))
    report(foundation, records=1)
    start = OfficeStartOperator(task_id="start", unit=unit, provisioned=provisioned)
    started = start.execute(rollout.context)
    snapshot = read(foundation, "snapshot/ingest.json", IngestSnapshot)
    at = datetime.fromisoformat(started["since"])
    assert at > datetime.now(UTC)
    assert at.microsecond == 0
    for stream in snapshot.streams.values():
        assert [(span.engine, span.from_ms) for span in stream.engines] == [
            ("stream_processor", 0),
            ("frame_search", at.timestamp() * 1000),
        ]
    # Taken up after a crash, it isn't switched again, and evidence from before the switch doesn't count.
    assert start.execute(rollout.context) == started
    assert read(foundation, "snapshot/ingest.json", IngestSnapshot) == snapshot
    assert changed_at(ledger, "run-1") == dict.fromkeys(TOKYO, at)

    monkeypatch.setattr(OfficeVerifyOperator, "wait", lambda *_, **__: seen(TOKYO))
    verify = OfficeVerifyOperator(task_id="verify", unit=unit, started=started)
    assert set(verify.execute(rollout.context)["verified"]) == set(TOKYO)
    assert foundation("rekognition", REGION).list_stream_processors()["StreamProcessors"] == []
    streams = foundation("kinesis", REGION).list_streams()["StreamNames"]
    assert [name for name in streams if name.startswith("gatehouse-records-")] == ["gatehouse-records-tokyo"]

    command_rollout(ledger, "run-1", "rollback", Event("back", datetime.now(UTC), "olga", "test"))
    RolloutRollbackOperator(task_id="rollback").execute(rollout.context)
    assert foundation("kinesisvideo", REGION).list_streams()["StreamInfoList"] == []
    assert read(foundation, "frames/tokyo/desired.json", FramesDesired).cameras == ()
    assert read(foundation, "snapshot/ingest.json", IngestSnapshot).streams == {}


@pytest.mark.full
def test_the_former_engine_stays_in_force_while_the_new_one_writes_nothing(
    rollout: Rollout,
    config: Path,
    foundation: Callable[..., Any],
    ledger: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = config / "rollout.yaml"
    policy.write_text(policy.read_text().replace("processor_running: 120", "processor_running: 1"))
    rollout.provision(unit_of(rollout))
    search_frames(config)
    unit = unit_of(rollout)
    provisioned = rollout.provision(unit)
    monkeypatch.setattr(OfficeStartOperator, "wait", lambda *_, **__: seen(TOKYO))
    report(foundation, records=0)
    start = OfficeStartOperator(task_id="start", unit=unit, provisioned=provisioned, poll_seconds=0.1)
    assert start.execute(rollout.context)["cameras"] == []
    snapshot = read(foundation, "snapshot/ingest.json", IngestSnapshot)
    assert {stream.engine for stream in snapshot.streams.values()} == {"stream_processor"}
    assert {step for _, step, _ in camera_phases(ledger, "run-1").values()} == {"failed"}


def report(aws: Callable[..., Any], records: int) -> None:
    """Say what a worker would, of frames it put into the office's data stream."""
    now = datetime.now(UTC)
    said = FramesObserved(
        office="tokyo",
        at=now,
        started_at=now,
        version_applied=99,
        cameras=tuple(
            ObservedFrames(camera_id=camera_id, phase="analysing", records=records) for camera_id in TOKYO
        ),
    )
    place = {"Bucket": BUCKET, "Key": "frames/tokyo/observed.json"}
    aws("s3", REGION).put_object(**place, Body=said.model_dump_json().encode())


@pytest.mark.full
def test_a_worker_that_analyses_is_as_good_as_a_processor_that_runs(foundation: Callable[..., Any]) -> None:
    now = datetime.now(UTC)
    report = FramesObserved(
        office="tokyo",
        at=now,
        started_at=now,
        version_applied=1,
        cameras=(
            ObservedFrames(camera_id=TOKYO[0], phase="analysing"),
            ObservedFrames(camera_id=TOKYO[1], phase="retrying", reason="throttled"),
        ),
    )
    place = {"Bucket": BUCKET, "Key": "frames/tokyo/observed.json"}
    foundation("s3", REGION).put_object(**place, Body=report.model_dump_json().encode())
    hook = EvidenceHook("tokyo", REGION, BUCKET, TOKYO, "frame_search")
    assert [found.processor_status for found in hook.processors(now).values()] == ["RUNNING", "STOPPED"]
    later = datetime.fromtimestamp(now.timestamp() + 1, UTC)
    assert hook.processors(later) == dict.fromkeys(TOKYO, Evidence())
