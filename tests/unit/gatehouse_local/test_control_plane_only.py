"""With `control_plane_only` nothing is filmed, seen or polled, and what needs eyes says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gatehouse_local import processors, rekognition
from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.faults import Faults
from gatehouse_local.core.runtime import Runtime
from gatehouse_local.core.service import CallContext
from gatehouse_local.core.store import Store
from gatehouse_local.engine.faces import shared_engine

CONFIG = {"control_plane_only": True, "processors": {"start_seconds": 0.05}, "engine": {"workers": 7}}


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Callable[..., Runtime]]:
    store = Store(tmp_path / "state.sqlite3")
    yield lambda config: Runtime(store, tmp_path, "http://127.0.0.1:1", time.time, config, Faults())
    store.close()


def call(service: Any, operation: str, **params: Any) -> Any:
    context = CallContext("123456789012", "us-west-2", "rekognition", operation, "id", "http://door")
    return service.operations[operation](context, params)


def test_collections_are_kept_and_images_are_refused(runtime: Callable[..., Runtime]) -> None:
    service = rekognition.build(runtime(CONFIG))
    service.start()
    call(service, "CreateCollection", CollectionId="lobby")
    with pytest.raises(AwsError, match="IndexFaces looks at no image") as refused:
        call(service, "IndexFaces", CollectionId="lobby", Image={"Bytes": b"x"})
    assert (refused.value.code, refused.value.status) == ("NotImplementedException", 501)
    assert shared_engine(CONFIG).worker_ids() == []
    service.stop()


def test_a_processor_stays_starting_while_iam_can_not_be_asked(runtime: Callable[..., Runtime]) -> None:
    service = processors.build(runtime(CONFIG))
    service.start()
    where = "us-west-2:123456789012:stream"
    call(
        service,
        "CreateStreamProcessor",
        Name="p",
        Input={"KinesisVideoStream": {"Arn": f"arn:aws:kinesisvideo:{where}/cam/1"}},
        Output={"KinesisDataStream": {"Arn": f"arn:aws:kinesis:{where}/records"}},
        RoleArn="arn:aws:iam::123456789012:role/r",
        Settings={"FaceSearch": {"CollectionId": "lobby"}},
    )
    call(service, "StartStreamProcessor", Name="p")
    assert call(service, "DescribeStreamProcessor", Name="p")["Status"] == "STARTING"
    service.stop()


def test_the_flag_is_true_or_false(runtime: Callable[..., Runtime]) -> None:
    assert runtime({}).control_plane_only is False
    with pytest.raises(ValueError, match="control_plane_only is true or false"):
        processors.build(runtime({"control_plane_only": "yes"}))
