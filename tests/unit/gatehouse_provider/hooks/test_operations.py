"""What waits is told once: by one at a time, the oldest first, whatever SNS does in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from gatehouse.alerts.operations import Message
from gatehouse.ledger.operations import add_messages, claim_untold
from gatehouse.office.config import load_company
from gatehouse_provider.hooks.ledger import LedgerHook
from gatehouse_provider.hooks.operations import OperationsHook, page_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def message(name: str, minute: int = 0) -> Message:
    at = NOON + timedelta(minutes=minute)
    return Message(name, "camera_alarm", at, f"{name} is blind", f"{name} is blind", office="berlin")


@pytest.fixture
def hook(ledger: Connection, foundation: Callable[..., Any], config: Path) -> OperationsHook:
    del ledger, foundation
    return OperationsHook(load_company(config).regions, LedgerHook())


def test_what_waited_is_told_with_the_new_and_the_oldest_first(
    hook: OperationsHook, ledger: Connection, told: Callable[[], list[dict[str, Any]]]
) -> None:
    add_messages(ledger, [message("second", 1), message("first")])
    assert hook.tell(message("third", 2), message("first")) == ""
    assert [each["id"] for each in told()] == ["first", "second", "third"]
    assert hook.tell() == ""
    assert told() == []


def test_what_another_process_is_telling_is_left_to_it(
    hook: OperationsHook, ledger: Connection, told: Callable[[], list[dict[str, Any]]]
) -> None:
    add_messages(ledger, [message("CAM_1")])
    assert len(claim_untold(ledger, datetime.now(UTC))) == 1
    assert hook.tell(message("CAM_2")) == ""
    assert [each["id"] for each in told()] == ["CAM_2"]


def test_what_sns_refuses_waits_with_reason_and_remedy(
    hook: OperationsHook,
    told: Callable[[], list[dict[str, Any]]],
    sns_refuses: Callable[[], AbstractContextManager[None]],
) -> None:
    with sns_refuses():
        reason = hook.tell(message("CAM_1"), message("CAM_2"))
    assert reason.startswith("2 messages to operators wait")
    assert "AuthorizationError" in reason
    assert "Airflow may publish there" in reason
    assert hook.tell() == ""
    assert len(told()) == 2


def test_without_an_answer_the_others_arent_tried(
    hook: OperationsHook, told: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def unreachable(subject: str, body: dict[str, Any]) -> None:
        tried.append(body["id"])
        raise EndpointConnectionError(endpoint_url=subject)

    with monkeypatch.context() as patch:
        patch.setattr(hook, "publish", unreachable)
        assert hook.tell(message("CAM_1"), message("CAM_2")).startswith("2 messages")
    assert tried == ["CAM_1"]
    assert hook.tell() == ""
    assert [each["id"] for each in told()] == ["CAM_1", "CAM_2"]


def test_a_task_without_a_page_has_no_address() -> None:
    context: Any = {"run_id": "run-1"}
    assert page_of(context) == ""
