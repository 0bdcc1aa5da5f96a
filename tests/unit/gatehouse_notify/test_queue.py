from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from gatehouse_notify import queue as queue_module
from gatehouse_notify.queue import Queue, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_sqs import SQSClient

NAME = "gatehouse-notify"


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[SQSClient]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(queue_module, "WAIT_SECONDS", 0)
    with mock_aws():
        client = boto3.client("sqs", region_name="eu-central-1")
        client.create_queue(QueueName=NAME)
        yield client


@pytest.fixture
def put(sqs: SQSClient) -> Callable[[str], None]:
    url = sqs.get_queue_url(QueueName=NAME)["QueueUrl"]
    return lambda body: sqs.send_message(QueueUrl=url, MessageBody=body)  # type: ignore[return-value]


@pytest.fixture
def left(sqs: SQSClient) -> Callable[[], int]:
    """Count the messages that aren't deleted, visible or not."""

    def count() -> int:
        url = sqs.get_queue_url(QueueName=NAME)["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]  # type: ignore[arg-type]
        return sum(int(value) for value in found.values())

    return count


@pytest.fixture
def served(sqs: SQSClient, new_delivery: Any, metrics: Any) -> Queue:
    return Queue(sqs, NAME, new_delivery("one"), metrics, lambda: False)


def _envelope(message: dict[str, Any]) -> str:
    return json.dumps({"Type": "Notification", "MessageId": "1", "Message": json.dumps(message)})


def test_delivered_alert_leaves_the_queue(
    served: Queue, put: Any, left: Any, sink: Any, message: dict[str, Any]
) -> None:
    put(_envelope(message))
    served.serve()
    assert sink.accepted == [message["alert_id"]]
    assert left() == 0


def test_repeated_messages_are_dropped_without_telling_again(
    served: Queue, put: Any, left: Any, sink: Any, message: dict[str, Any], metrics: Any
) -> None:
    for _ in range(3):
        put(_envelope(message))
    while left():
        served.serve()
    assert sink.accepted == [message["alert_id"]]
    assert metrics.value("duplicates") == 2


def test_undelivered_alert_stays(
    served: Queue, put: Any, left: Any, sink: Any, message: dict[str, Any]
) -> None:
    sink.answers = [404]
    put(_envelope(message))
    served.serve()
    assert left() == 1


@pytest.mark.parametrize("body", ["no json", "[]", '{"Type": "Notification"}', "{}", '{"alert_id": "x"}'])
def test_what_is_no_alert_is_left_to_the_redrive_policy_and_stops_nobody(
    served: Queue, put: Any, left: Any, sink: Any, message: dict[str, Any], metrics: Any, body: str
) -> None:
    put(body)
    put(_envelope(message))
    while not sink.accepted:
        served.serve()
    assert left() == 1
    assert metrics.value("malformed") == 1


def test_stopping_leaves_what_isn_t_begun(
    sqs: SQSClient, new_delivery: Any, put: Any, left: Any, sink: Any, message: dict[str, Any], metrics: Any
) -> None:
    put(_envelope(message))
    Queue(sqs, NAME, new_delivery("one"), metrics, lambda: True).serve()
    assert (sink.asked, left()) == ([], 1)


def test_messages_that_would_be_seen_again_meanwhile_are_left_alone(
    sqs: SQSClient, new_delivery: Any, put: Any, left: Any, sink: Any, message: dict[str, Any], metrics: Any
) -> None:
    for number in range(3):
        put(_envelope({**message, "alert_id": f"a{number}"}))
    # The round begins at 0 s, the first alert too; a slow channel then takes 40 s.
    clock = iter([0.0, 0.0, 40.0]).__next__
    Queue(sqs, NAME, new_delivery("one"), metrics, lambda: False, clock).serve()
    assert (len(sink.accepted), left()) == (1, 2)


def test_raw_delivery_is_understood(message: dict[str, Any]) -> None:
    assert unwrap(json.dumps(message)) == unwrap(_envelope(message)) == message
