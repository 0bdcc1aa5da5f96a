"""A former engine goes when it has recorded all that is its own; one that can't any more isn't waited for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gatehouse.exceptions import LedgerError, PlanError
from gatehouse.office.config import load_company
from gatehouse.office.frames import (
    Checkpoint,
    FramesCamera,
    FramesCheckpoints,
    FramesDesired,
    FramesObserved,
    ObservedFrames,
)
from gatehouse.rollout.resources import desired_office
from gatehouse_provider.hooks.handover import HandoverHook

if TYPE_CHECKING:
    from collections.abc import Iterator

CAMERA, VIDEO = "CAM_TYO_F8_RECEPTION_001", "arn:aws:kinesisvideo:ap-northeast-1:1:stream/video/1"
CONFIG = Path(__file__).parents[4] / "config"
NOW = datetime.now(UTC).replace(microsecond=0)
SWITCH_MS = round(NOW.timestamp() * 1000)


@dataclass
class Office:
    """What the hook asks of an office: data streams, processors, documents."""

    desired: Any
    written: list[float] = field(default_factory=list)
    status: str | None = "RUNNING"
    stored: dict[type[Any], Any] = field(default_factory=dict)

    @property
    def records(self) -> Any:
        return self

    rekognition = documents = records

    def video_arns(self, cameras: list[str]) -> dict[str, str]:
        return dict.fromkeys(cameras, VIDEO)

    def shards(self, name: str) -> list[str]:
        assert name == f"gatehouse-records-{CAMERA}"
        return ["shard-0"] if self.status else []

    def payloads(self, name: str, shard: str, since: datetime) -> Iterator[bytes]:
        for seconds in self.written:
            place = {
                "StreamArn": VIDEO,
                "FragmentNumber": "1",
                "ProducerTimestamp": NOW.timestamp(),
                "FrameOffsetInSeconds": seconds,
            }
            yield json.dumps({"InputInformation": {"KinesisVideo": place}}).encode()

    def find_processor(self, name: str) -> Any:
        return self if self.status else None

    def read(self, bucket: str, key: str, model: type[Any]) -> tuple[Any, str]:
        return self.stored.get(model), "etag"


def office(engine: Any, **facts: Any) -> Office:
    return Office(replace(desired_office(load_company(CONFIG), "tokyo"), engine=engine), **facts)


def hook(of: Office) -> HandoverHook:
    return HandoverHook(of, timeout_seconds=0.05, poll_seconds=0.01)  # type: ignore[arg-type]


def test_a_processor_behind_the_switch_is_not_removed_and_one_past_it_is() -> None:
    behind, past = office("frame_search"), office("frame_search", written=[0.0])
    with pytest.raises(PlanError, match=CAMERA):
        hook(behind).wait_until_passed({CAMERA: SWITCH_MS})
    hook(past).wait_until_passed({CAMERA: SWITCH_MS})
    with pytest.raises(PlanError):
        hook(past).wait_until_passed({CAMERA: SWITCH_MS + 1})


def test_what_people_want_meanwhile_ends_the_wait() -> None:
    def heed() -> None:
        raise LedgerError("the rollout was aborted")

    behind = HandoverHook(office("frame_search"), 60, 0.01, heed)  # type: ignore[arg-type]
    with pytest.raises(LedgerError, match="aborted"):
        behind.wait_until_passed({CAMERA: SWITCH_MS})


@pytest.mark.parametrize("status", ["STOPPED", "FAILED", None])
def test_a_processor_at_rest_or_gone_is_not_waited_for(status: str | None) -> None:
    hook(office("frame_search", status=status)).wait_until_passed({CAMERA: SWITCH_MS})


def worker(behind_s: float = 0, silent_s: float = 0) -> dict[type[Any], Any]:
    """Return the documents of a worker whose camera is settled up to some time before the switch."""
    camera = FramesCamera(camera_id=CAMERA, stream_name=f"gatehouse-{CAMERA}", start_at=NOW)
    at = datetime.now(UTC) - timedelta(seconds=silent_s)
    checkpoint = Checkpoint(stream_name=camera.stream_name, resume_at=NOW - timedelta(seconds=behind_s))
    seen = ObservedFrames(camera_id=CAMERA, phase="analysing", records=1)
    return {
        FramesDesired: FramesDesired(
            office="tokyo",
            region="ap-northeast-1",
            version=1,
            fps=1,
            collection="c",
            threshold=80,
            record_stream="r",
            cameras=(camera,),
        ),
        FramesObserved: FramesObserved(
            office="tokyo", at=at, started_at=at, version_applied=1, cameras=(seen,)
        ),
        FramesCheckpoints: FramesCheckpoints(office="tokyo", cameras={CAMERA: checkpoint}),
    }


def test_a_worker_behind_the_switch_is_not_told_to_stop_and_one_past_it_is() -> None:
    with pytest.raises(PlanError, match=CAMERA):
        hook(office("stream_processor", stored=worker(behind_s=1))).wait_until_passed({CAMERA: SWITCH_MS})
    hook(office("stream_processor", stored=worker())).wait_until_passed({CAMERA: SWITCH_MS})


def test_a_worker_that_fell_silent_or_has_let_go_of_the_camera_is_not_waited_for() -> None:
    silent = worker(behind_s=9, silent_s=300)
    hook(office("stream_processor", stored=silent)).wait_until_passed({CAMERA: SWITCH_MS})
    told = worker(behind_s=9)
    told[FramesDesired] = told[FramesDesired].model_copy(update={"cameras": ()})
    hook(office("stream_processor", stored=told)).wait_until_passed({CAMERA: SWITCH_MS})


def test_a_new_engine_is_silent_until_a_record_of_the_camera_is_in_its_stream() -> None:
    assert hook(office("stream_processor")).silent([CAMERA], NOW) == [CAMERA]
    assert hook(office("stream_processor", written=[1.0])).silent([CAMERA], NOW) == []
    early = NOW - timedelta(hours=1)
    assert hook(office("frame_search")).silent([CAMERA], early) == [CAMERA]
    assert hook(office("frame_search", stored=worker())).silent([CAMERA], early) == []
    assert hook(office("frame_search", stored=worker(silent_s=7200))).silent([CAMERA], early) == [CAMERA]
