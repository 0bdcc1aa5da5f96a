"""The sink keeps what it is sent, and is an HTTP subscription as SNS wants one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from gatehouse_stack.sink import Received, application

SNS = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"


class Sink:
    """Talk to the sink without a server, and remember whom it asked in turn."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.files = Received(folder / "delivered.jsonl"), Received(folder / "operations.jsonl")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        return httpx.Response(200)

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.MockTransport(self._answer)) as aws:
                transport = httpx.ASGITransport(application(*self.files, aws))
                async with httpx.AsyncClient(transport=transport, base_url="http://sink") as client:
                    return await client.request(method, path, **arguments)

        return asyncio.run(call())


@pytest.fixture
def sink(tmp_path: Path) -> Sink:
    return Sink(tmp_path)


def test_an_alert_is_kept_with_its_key_unless_it_is_to_fail(sink: Sink) -> None:
    sink.call("POST", "/fail", json={"times": 1})
    post = {"json": {"alert_id": "a"}, "headers": {"Idempotency-Key": "a"}}
    assert sink.call("POST", "/alerts", **post).status_code == 503
    assert sink.call("POST", "/alerts", **post).status_code == 200
    (kept,) = sink.call("GET", "/alerts").json()
    assert (kept["key"], kept["alert"]) == ("a", {"alert_id": "a"})
    assert sink.call("GET", "/operations").json() == []
    assert sink.call("GET", "/healthz").json() == {"status": "ok"}


def test_what_operators_are_told_is_kept_apart(sink: Sink) -> None:
    notification = {"Type": "Notification", "Subject": "s", "Message": json.dumps({"kind": "camera_alarm"})}
    sent = json.dumps(notification).encode()
    sink.call("POST", "/operations", content=sent, headers={"Content-Type": "text/plain; charset=UTF-8"})
    (kept,) = sink.call("GET", "/operations").json()
    assert (kept["subject"], kept["message"]) == ("s", {"kind": "camera_alarm"})
    assert sink.call("GET", "/alerts").json() == []


def test_a_subscription_is_confirmed_with_aws_alone(sink: Sink) -> None:
    asked = {"Type": "SubscriptionConfirmation", "SubscribeURL": SNS}
    assert sink.call("POST", "/operations", json=asked).status_code == 200
    assert sink.asked == [SNS]
    for url in (
        "http://127.0.0.1:24104/",
        "https://sns.x.amazonaws.com.example.org/",
        "https://example.org/",
    ):
        answer = sink.call("POST", "/operations", json=asked | {"SubscribeURL": url})
        assert answer.status_code == 400
    assert sink.asked == [SNS]
