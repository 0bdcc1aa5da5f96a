"""A zip is kept for as long as a function refers to it, and no longer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gatehouse_local.core.errors import AwsError
from gatehouse_local.lambda_.service import build

if TYPE_CHECKING:
    from tests.unit.gatehouse_local.lambda_.conftest import Cloud

    from gatehouse_local.core.runtime import Runtime

ONE, TWO, THREE = (f"def handler(event, context): return {number}" for number in (1, 2, 3))


@pytest.fixture
def zips(tmp_path: Path) -> Callable[[], int]:
    return lambda: len(list((tmp_path / "lambda" / "zips").glob("*")))


@pytest.fixture
def folders(tmp_path: Path) -> Callable[[], int]:
    return lambda: len(list((tmp_path / "lambda" / "code").glob("*")))


def update(cloud: Cloud, name: str, source: str, **more: Any) -> None:
    from tests.unit.gatehouse_local.lambda_.conftest import zipped

    cloud("UpdateFunctionCode", FunctionName=name, ZipFile=zipped(source), **more)


def result(cloud: Cloud, name: str) -> Any:
    return json.loads(cloud("Invoke", FunctionName=name, Payload=b"{}")["Payload"])


def test_an_update_removes_the_zip_it_replaces(cloud: Cloud, zips: Callable[[], int]) -> None:
    cloud.create("f", ONE)
    assert result(cloud, "f") == 1
    update(cloud, "f", TWO)
    assert (zips(), result(cloud, "f")) == (1, 2)


def test_a_zip_that_another_function_has_stays(cloud: Cloud, zips: Callable[[], int]) -> None:
    cloud.create("f", ONE)
    cloud.create("g", ONE)
    update(cloud, "f", TWO)
    assert (zips(), result(cloud, "g")) == (2, 1)
    cloud("DeleteFunction", FunctionName="g")
    assert zips() == 1


def test_a_refused_change_leaves_no_zip_behind(cloud: Cloud, zips: Callable[[], int]) -> None:
    cloud.create("f", ONE)
    with pytest.raises(AwsError, match="already exist"):
        cloud.create("f", TWO)
    with pytest.raises(AwsError):
        update(cloud, "f", THREE, RevisionId="another")
    update(cloud, "f", TWO, DryRun=True)
    assert (zips(), result(cloud, "f")) == (1, 1)


def test_a_deleted_function_takes_its_code_along(
    cloud: Cloud, zips: Callable[[], int], folders: Callable[[], int]
) -> None:
    cloud.create("f", ONE)
    assert result(cloud, "f") == 1
    cloud("DeleteFunction", FunctionName="f")
    assert (zips(), folders()) == (0, 0)


def test_a_start_sweeps_what_an_earlier_run_left(
    make_runtime: Callable[..., Runtime], tmp_path: Path, zips: Callable[[], int], folders: Callable[[], int]
) -> None:
    from tests.unit.gatehouse_local.lambda_.conftest import Cloud

    runtime = make_runtime()
    service = build(runtime)
    cloud = Cloud(service)
    service.start()
    cloud.create("f", ONE)
    assert result(cloud, "f") == 1
    update(cloud, "f", TWO)
    assert result(cloud, "f") == 2
    service.stop()
    assert (zips(), folders()) == (1, 2)
    (tmp_path / "lambda" / "zips" / "ab.partial").write_bytes(b"cut off")
    again = build(runtime)
    assert (zips(), folders()) == (1, 1)
    again.start()
    assert result(Cloud(again), "f") == 2
    again.stop()
