"""Probes' alerts are handed over before their messages go, with the queue's own time."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from gatehouse_provider.hooks.probe_queue import ProbeQueueHook, probe_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REGION = "eu-central-1"


class LedgerAwayError(Exception):
    """The ledger didn't take it."""


@pytest.mark.slow
def test_an_alert_is_taken_once_and_comes_again_if_it_wasnt_kept(aws: Callable[..., Any]) -> None:
    sns, sqs = aws("sns"), aws("sqs")
    url = sqs.create_queue(QueueName="probe-queue-test", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="probe-queue-test")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    before_ms = int(time.time() * 1000)
    for number in range(12):
        sns.publish(TopicArn=topic, Message=json.dumps({"probe_id": f"p{number}"}))
    hook = ProbeQueueHook("probe-queue-test", aws_conn_id="aws_default", region_name=REGION)

    def refuse(_: Mapping[str, int]) -> None:
        raise LedgerAwayError

    with pytest.raises(LedgerAwayError):
        hook.take(refuse)
    kept: dict[str, int] = {}
    hook.take(kept.update)
    assert set(kept) == {f"p{number}" for number in range(12)}
    assert all(before_ms <= at_ms <= time.time() * 1000 for at_ms in kept.values())
    kept.clear()
    hook.take(kept.update)
    assert kept == {}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (json.dumps({"probe_id": "p1"}), "p1"),
        (json.dumps({"Type": "Notification", "Message": json.dumps({"probe_id": "p1"})}), "p1"),
        (json.dumps({"alert_id": "a"}), ""),
        (json.dumps({"Type": "Notification"}), ""),
        (json.dumps({"probe_id": 7}), ""),
        ("[]", ""),
        ("no JSON", ""),
    ],
)
def test_a_message_names_its_probe_or_nothing(body: str, expected: str) -> None:
    assert probe_of(body) == expected
