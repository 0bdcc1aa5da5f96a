"""Preflight judges the whole plan before anything of it is done."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from gatehouse.ledger.control import Event, command_company, command_rollout
from gatehouse_provider.hooks import preflight as hooks
from gatehouse_provider.operators import preflight
from gatehouse_provider.operators.preflight import RolloutPreflightOperator
from gatehouse_provider.operators.stored_plan import stored_plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

pytestmark = pytest.mark.usefixtures("ledger", "foundation")
Rollout = Any


@pytest.fixture(autouse=True)
def opensearch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let OpenSearch answer: it is no part of the local cloud."""
    monkeypatch.setattr(preflight, "opensearch_answers", lambda: hooks.Seen("yes"))


def judge(rollout: Rollout) -> dict[str, Any]:
    return RolloutPreflightOperator(task_id="preflight").execute(rollout.context)


def test_a_dry_run_proves_nothing_and_says_so(rollout: Rollout) -> None:
    rollout.plan("berlin", plan_only=True)
    findings = {finding["code"]: finding for finding in judge(rollout)["findings"]}
    assert findings["streaming_right"]["severity"] == "advisory"
    assert "not proved" in findings["streaming_right"]["found"]


@pytest.fixture
def nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        pytest.fail("something was made or removed in AWS")

    for method in ("prove", "sweep"):
        monkeypatch.setattr(hooks.StreamingProofHook, method, refuse)


def event(command: str) -> Event:
    return Event(f"run-1/{command}", datetime.now(UTC), "olga", "AWS reports errors")


@pytest.mark.usefixtures("nothing_is_made")
def test_nothing_is_made_while_everything_is_stopped(rollout: Rollout, ledger: Connection) -> None:
    rollout.plan("berlin")
    command_company(ledger, "stop_all", event("stop_all"))
    findings = {finding["code"]: finding for finding in judge(rollout)["findings"]}
    assert findings["streaming_right"]["severity"] == "advisory"
    assert "everything was stopped" in findings["streaming_right"]["found"]


@pytest.mark.usefixtures("nothing_is_made")
def test_nothing_is_made_where_every_office_is_frozen(rollout: Rollout, config: Path) -> None:
    settings = config / "rollout.yaml"
    year = datetime.now(UTC).year
    span = f"[{{name: audit, start: {year - 1}-01-01, end: {year + 1}-12-31, offices: [berlin]}}]"
    frozen = settings.read_text().replace("spans: []", f"spans: {span}")
    assert "audit" in frozen
    settings.write_text(frozen)
    rollout.plan("berlin")
    findings = {finding["code"]: finding for finding in judge(rollout)["findings"]}
    assert "frozen by 'audit'" in findings["streaming_right"]["found"]


@pytest.mark.usefixtures("nothing_is_made")
def test_nothing_is_made_for_a_rollout_that_was_aborted(rollout: Rollout, ledger: Connection) -> None:
    rollout.plan("berlin")
    command_rollout(ledger, "run-1", "abort", event("abort"))
    with pytest.raises(AirflowFailException, match="made nothing: the rollout was aborted"):
        judge(rollout)


def test_a_plan_that_exceeds_a_quota_is_stopped_with_what_to_request(
    rollout: Rollout, config: Path, foundation: Callable[..., Any]
) -> None:
    video = foundation("kinesisvideo")
    for stream in video.list_streams()["StreamInfoList"]:
        video.delete_stream(StreamARN=stream["StreamARN"])
    deadline = time.monotonic() + 30
    while video.list_streams()["StreamInfoList"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    quotas = config / "quotas.yaml"
    default = "video_streams:\n    limit: 10000"
    assert default in quotas.read_text()
    quotas.write_text(quotas.read_text().replace(default, default.replace("10000", "1")))
    rollout.plan("berlin", plan_only=True)
    with pytest.raises(AirflowFailException, match=r"(?s)Preflight forbids.*Request \d+ for"):
        judge(rollout)


def test_the_plan_tells_what_it_takes_and_costs(rollout: Rollout, ledger: Connection) -> None:
    rollout.plan("berlin", plan_only=True)
    text = stored_plan(ledger, "run-1").text
    assert text.startswith("Dry run: nothing is changed")
    assert "Cost: $" in text
