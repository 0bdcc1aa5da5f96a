"""Every call is on disk within a second and can be read back and summed up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse_local.core import calls
from gatehouse_local.core.calls import Call, CallLog, Filter


@pytest.fixture
def log(tmp_path: Path) -> Iterator[CallLog]:
    opened = CallLog(tmp_path)
    yield opened
    opened.close()


def call(time: float, service: str = "s3", operation: str = "PutObject", outcome: str = "ok") -> Call:
    return Call(time, service, operation, "123456789012", "eu-central-1", outcome, time)


def test_calls_are_filtered_by_time_service_and_operation(log: CallLog) -> None:
    for one in (call(1), call(2, operation="GetObject"), call(3, "sns", "Publish"), call(4)):
        log.add(one)
    assert [row["time"] for row in log.read(Filter(since=2))] == [2, 3, 4]
    assert [row["time"] for row in log.read(Filter(service="s3"))] == [1, 2, 4]
    assert [row["time"] for row in log.read(Filter(service="s3", operation="GetObject"))] == [2]


def test_a_summary_counts_by_outcome_with_times(log: CallLog) -> None:
    for time in range(1, 101):
        log.add(call(float(time)))
    log.add(call(7.0, outcome="SlowDown"))
    ok, slow = sorted(log.summary(Filter()), key=lambda row: -row["calls"])
    assert (ok["outcome"], ok["calls"], ok["p50_ms"], ok["p95_ms"]) == ("ok", 100, 50.5, 95.05)
    assert (slow["outcome"], slow["calls"], slow["p95_ms"]) == ("SlowDown", 1, 7.0)


def test_a_restart_appends(tmp_path: Path) -> None:
    for time in (1.0, 2.0):
        log = CallLog(tmp_path)
        log.add(call(time))
        log.close()
    again = CallLog(tmp_path)
    assert len(list(again.read(Filter()))) == 2
    again.close()


def test_a_line_torn_by_a_kill_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / calls.FILE).write_text('{"time": 1.0, "serv')
    log = CallLog(tmp_path)
    for time in (2.0, 3.0):
        log.add(call(time))
    assert [row["time"] for row in log.read(Filter())] == [2, 3]
    log.close()


def test_a_full_file_makes_room(log: CallLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_ROTATE_BYTES", 1)
    for time in (1.0, 2.0, 3.0):
        log.add(call(time))
        log.flush()
    assert [row["time"] for row in log.read(Filter())] == [3]
