"""A file of the call log is read from an instant on, as if all of it had been read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse_local.core import callfile
from gatehouse_local.core.callfile import Filter, read


def line(time: float, ms: float = 1.0, **members: str) -> str:
    named = {"service": "s3", "operation": "PutObject", "region": "eu-central-1", **members}
    return json.dumps({"time": time, **named, "ms": ms}) + "\n"


def times(path: Path, wanted: Filter) -> list[float]:
    return [json.loads(one)["time"] for one in read(path, wanted)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calls") / "calls.jsonl"


@pytest.fixture(scope="module", autouse=True)
def short_steps() -> Iterator[None]:
    """Halve down to a line or two, so that a short file shows it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(callfile, "_NEAR_BYTES", 200)
        yield


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 20_000)), max_size=60), st.floats(0, 80))
def test_an_instant_is_found_by_halving_as_by_reading_everything(
    path: Path, calls: list[tuple[float, float]], since: float
) -> None:
    # Written in the order of their answers: a slow call comes after quicker ones that began later.
    calls.sort(key=lambda one: one[0] + one[1] / 1000)
    path.write_text("".join(line(*one) for one in calls))
    assert times(path, Filter(since=since)) == [at for at, _ in calls if at >= since]


def test_torn_lines_are_passed_over_wherever_they_are(path: Path) -> None:
    torn = '{"time": 3.0, "serv\n'
    path.write_text(torn * 5 + "".join(line(at) + torn for at in range(1, 40)) + torn.rstrip())
    assert times(path, Filter(since=20)) == list(range(20, 40))


def test_members_are_matched_whole(path: Path) -> None:
    path.write_text(line(1, service="s3") + line(2, service="s3control") + line(3, operation="s3"))
    assert times(path, Filter(service="s3")) == [1, 3]
    assert times(path, Filter(service="s3", operation="s3")) == [3]
    assert times(path, Filter(region="us-west-2")) == []


def test_a_file_that_is_not_there_has_no_calls(tmp_path: Path) -> None:
    assert times(tmp_path / "none", Filter()) == []
