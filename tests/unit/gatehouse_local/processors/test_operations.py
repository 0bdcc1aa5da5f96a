"""States, refusals and quotas of stream processors, without threads or video."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.faults import Faults
from gatehouse_local.core.runtime import Runtime
from gatehouse_local.core.service import CallContext
from gatehouse_local.core.store import Store
from gatehouse_local.processors.operations import Operations
from gatehouse_local.processors.processor import Processor, Status
from gatehouse_local.processors.registry import Registry
from gatehouse_local.processors.settings import Settings


class FakeSupervisor:
    """Note what is to run."""

    def __init__(self) -> None:
        self.running: list[Processor] = []

    def run(self, processor: Processor) -> None:
        self.running.append(processor)

    def end(self, processor: Processor) -> None:
        self.running = [one for one in self.running if one.name != processor.name]


class Cloud:
    """Call the operations as the front door would, at a time of the test's choosing."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.faults = Faults()
        store = Store(folder / "store.db")
        runtime = Runtime(store, folder, "http://127.0.0.1:1", lambda: self.now, {}, self.faults)
        self.quotas = runtime.quotas
        self.registry = Registry(store, lambda: self.now)
        self.supervisor = FakeSupervisor()
        supervisor: Any = self.supervisor
        self.table = Operations(runtime, self.registry, supervisor, Settings()).table()

    def __call__(self, operation: str, region: str = "us-west-2", **request: Any) -> Any:
        name = f"{operation}StreamProcessor{'s' if operation == 'List' else ''}"
        context = CallContext("123456789012", region, "rekognition", name, str(uuid.uuid4()), "http://door")
        return self.table[name](context, request)

    def create(self, name: str, **changes: Any) -> Any:
        where = "us-west-2:123456789012:stream"
        return self(
            "Create",
            **{
                "Name": name,
                "Input": {"KinesisVideoStream": {"Arn": f"arn:aws:kinesisvideo:{where}/{name}/1"}},
                "Output": {"KinesisDataStream": {"Arn": f"arn:aws:kinesis:{where}/{name}"}},
                "RoleArn": "arn:aws:iam::123456789012:role/r",
                "Settings": {"FaceSearch": {"CollectionId": "c"}},
                **changes,
            },
        )

    def running(self, name: str) -> None:
        self.create(name)
        self("Start", Name=name)
        self.registry.move(self.registry.get("123456789012", "us-west-2", name), Status.RUNNING)


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path)


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(AwsError) as error:
        call()
    return error.value.code, error.value.message


def test_the_eleventh_processor_at_once_is_refused_and_a_stop_makes_room(cloud: Cloud) -> None:
    for number in range(10):
        cloud.running(f"p{number}")
    cloud.create("p10")
    assert refused(lambda: cloud("Start", Name="p10")) == (
        "LimitExceededException",
        "Stream processor limit exceeded for account, limit - 10",
    )
    cloud("Stop", Name="p3")
    assert refused(lambda: cloud("Start", Name="p10"))[0] == "LimitExceededException"  # still STOPPING
    stopping = cloud.registry.get("123456789012", "us-west-2", "p3")
    cloud.registry.move(stopping, Status.STOPPED)
    assert cloud("Start", Name="p10")["SessionId"]


def test_a_deleted_name_stays_taken_for_a_moment(cloud: Cloud) -> None:
    cloud.create("p")
    cloud("Delete", Name="p")
    assert refused(lambda: cloud.create("p")) == (
        "ResourceInUseException",
        "Stream processor name already in use.",
    )
    cloud.now += 2
    cloud.create("p")


def test_an_old_session_can_not_write_into_a_newer_one(cloud: Cloud) -> None:
    cloud.running("p")
    old = cloud.registry.get("123456789012", "us-west-2", "p")
    cloud.registry.move(old, Status.FAILED, "x")
    cloud("Start", Name="p")
    assert not cloud.registry.move(old, Status.FAILED, "late")
    assert cloud("Describe", Name="p")["Status"] == "STARTING"
    assert "StatusMessage" not in cloud("Describe", Name="p")


def test_a_live_processor_is_neither_started_nor_deleted(cloud: Cloud) -> None:
    cloud.running("p")
    for operation in ("Start", "Delete"):
        assert refused(lambda operation=operation: cloud(operation, Name="p"))[0] == "ResourceInUseException"  # type: ignore[misc]


def test_the_list_is_paged_by_name(cloud: Cloud) -> None:
    for name in ("c", "a", "b"):
        cloud.create(name)
    first = cloud("List", MaxResults=2)
    assert [one["Name"] for one in first["StreamProcessors"]] == ["a", "b"]
    rest = cloud("List", MaxResults=2, NextToken=first["NextToken"])
    assert [one["Name"] for one in rest["StreamProcessors"]] == ["c"]
    assert "NextToken" not in rest


def test_faults_close_a_region_and_an_account(cloud: Cloud) -> None:
    cloud.create("p")
    cloud.faults.add({"name": "streaming_video_closed"})
    assert refused(lambda: cloud("Start", Name="p"))[0] == "AccessDeniedException"
    assert cloud("Describe", Name="p")["Status"] == "STOPPED"
    cloud.faults.add({"name": "region_without_streaming", "region": "us-west-2"})
    assert refused(lambda: cloud("Describe", Name="p"))[0] == "AccessDeniedException"


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="spf"):
        Settings.of({"processors": {"spf": 2}})
    assert Settings.of({"processor_fps": 2}).fps == 2


def test_a_token_that_is_not_this_lists_is_refused(cloud: Cloud) -> None:
    cloud.create("a")
    for token in ("a", "nonsense.a"):
        code, _ = refused(lambda token=token: cloud("List", NextToken=token))  # type: ignore[misc]
        assert code == "InvalidPaginationTokenException"
