"""A session reads, analyses and publishes; it reconnects, skips when late, and fails with a reason."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.store import Store
from gatehouse_local.kinesisvideo.media import Fragment
from gatehouse_local.processors import video
from gatehouse_local.processors.processor import Processor, Status
from gatehouse_local.processors.registry import Registry
from gatehouse_local.processors.session import Session
from gatehouse_local.processors.settings import Settings

SETTINGS = Settings(start_seconds=0, stop_seconds=0, reconnect_seconds=0.01, reconnect_cap_seconds=0.02)
PROCESSOR = Processor(
    account="123456789012",
    region="us-west-2",
    name="p",
    video_arn="arn:aws:kinesisvideo:us-west-2:123456789012:stream/cam/1",
    data_arn="arn:aws:kinesis:us-west-2:123456789012:stream/records",
    role_arn="arn:aws:iam::123456789012:role/r",
    collection="c",
    threshold=80,
    opt_in=None,
    created_at=0,
    updated_at=0,
    status=Status.STARTING,
    session="s1",
)


class Body(io.BytesIO):
    """A GetMedia body that ends at once; the reader beside it is replaced."""

    @property
    def _raw_stream(self) -> Body:
        return self

    def shutdown(self) -> None:
        """Wake a blocked read, as urllib3's response does; here none blocks."""


class Aws:
    """Stand in for the streams: connections in turn (fragments or an error), and the records put."""

    def __init__(self, *connections: list[Fragment] | Exception) -> None:
        self.connections = list(connections)
        self.records: list[dict[str, Any]] = []
        self.refusals: list[Exception] = []

    def of(self, *_: object) -> Aws:
        return self

    def get_data_endpoint(self, **_: object) -> dict[str, str]:
        return {"DataEndpoint": "http://127.0.0.1:1"}

    def get_media(self, **_: object) -> dict[str, Any]:
        if not self.connections:
            raise EndpointConnectionError(endpoint_url="x")
        found = self.connections.pop(0)
        if isinstance(found, Exception):
            raise found
        body = Body()
        body.fragments = found  # type: ignore[attr-defined]
        return {"Payload": body}

    def put_record(self, *, Data: bytes, **_: object) -> None:  # noqa: N803
        if self.refusals:
            raise self.refusals.pop(0)
        self.records.append(json.loads(Data))


class Calm:
    """Conditions that are always met."""

    def to_start(self, _: Processor) -> None: ...

    def to_go_on(self, _: Processor) -> None: ...


class Blind:
    """An analyst that sees nobody, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def analyse(self, *_: object) -> list[Any]:
        if self.error:
            raise self.error
        return []


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setattr(video, "FragmentReader", lambda body: iter(body.fragments))

    def run(aws: Aws, analyst: Any = None) -> tuple[Session, Registry]:
        registry = Registry(Store(tmp_path / "store.db"), time.time)
        registry.write(PROCESSOR)
        anything: Any = (Calm(), analyst or Blind(), aws)
        session = Session(PROCESSOR, registry, *anything, time.time, SETTINGS)
        session.start()
        return session, registry

    return run


def state(registry: Registry) -> Processor:
    return registry.get("123456789012", "us-west-2", "p")


def eventually(check: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {}}, "op")  # type: ignore[typeddict-item]


def test_a_session_reconnects_retries_and_stops(
    run: Callable[..., Any], fragment: Callable[..., Fragment]
) -> None:
    now = int(time.time())
    aws = Aws([fragment(10, producer=now)], OSError("cut"), [fragment(10, producer=now + 1)])
    aws.refusals = [refusal("ProvisionedThroughputExceededException")]
    session, registry = run(aws)
    eventually(lambda: len(aws.records) == 2)
    origins = [one["InputInformation"]["KinesisVideo"]["ProducerTimestamp"] for one in aws.records]
    assert origins == [now, now + 1]
    assert state(registry).status is Status.RUNNING
    session.stop(final=True)
    session.join(5)
    assert state(registry).status is Status.STOPPED


def test_a_pause_of_the_front_door_leaves_the_processor_running(run: Callable[..., Any]) -> None:
    session, registry = run(Aws())
    eventually(lambda: state(registry).status is Status.RUNNING)
    session.stop(final=False)
    session.join(5)
    assert state(registry).status is Status.RUNNING


def test_fragments_that_are_too_old_are_skipped_and_the_next_are_not(
    run: Callable[..., Any], fragment: Callable[..., Fragment]
) -> None:
    now = int(time.time())
    aws = Aws([fragment(10, producer=now - 60), fragment(10, producer=now)])
    session, _ = run(aws)
    eventually(lambda: aws.records)
    session.stop(final=True)
    session.join(5)
    (record,) = aws.records
    assert record["InputInformation"]["KinesisVideo"]["ProducerTimestamp"] == now


def test_a_gone_stream_or_collection_fails_the_processor(
    run: Callable[..., Any], fragment: Callable[..., Fragment]
) -> None:
    _, registry = run(Aws(refusal("ResourceNotFoundException")))
    eventually(lambda: state(registry).status is Status.FAILED)
    assert state(registry).message == "Stream cam doesn't exist"
    aws = Aws([fragment(10, producer=int(time.time()))])
    aws.refusals = [refusal("ResourceNotFoundException")]
    _, registry = run(aws)
    eventually(lambda: state(registry).status is Status.FAILED)
    assert state(registry).message == "Stream records under account 123456789012 not found"
    gone = Blind(AwsError("ResourceNotFoundException", "no collection"))
    _, registry = run(Aws([fragment(10, producer=int(time.time()))]), gone)
    eventually(lambda: state(registry).status is Status.FAILED)
    assert state(registry).message == "Collection not found"


def test_a_defect_fails_the_processor_instead_of_leaving_it_running(
    run: Callable[..., Any], fragment: Callable[..., Fragment]
) -> None:
    aws = Aws([fragment(10, producer=int(time.time()))])
    _, registry = run(aws, Blind(BrokenProcessPool("the worker died again")))
    eventually(lambda: state(registry).status is Status.FAILED)
    assert state(registry).message == "Internal error"
