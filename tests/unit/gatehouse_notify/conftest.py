from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import create_engine, delete

from gatehouse.ledger.tables import notification_claim
from gatehouse_notify.channels import Webhook
from gatehouse_notify.claims import Claims
from gatehouse_notify.deliver import Delivery
from gatehouse_notify.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine


@dataclass
class Sink:
    """Be the receiver of a webhook: answers what it is told to, then 200, and keeps what it accepted."""

    answers: list[int | Exception] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        if answer < 300:
            self.accepted.append(request.headers["Idempotency-Key"])
        return httpx.Response(answer)


@dataclass
class Clock:
    """Tell a time that tests move."""

    at: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **span: float) -> None:
        self.at += timedelta(**span)


@pytest.fixture(scope="session")
def engine(ledger_url: str) -> Iterator[Engine]:
    engine = create_engine(ledger_url)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def new_delivery(engine: Engine, clock: Clock, sink: Sink, metrics: Metrics) -> Callable[[str], Delivery]:
    """Make a notifier's delivery under an owner's name, all on one database and one channel."""
    with engine.begin() as connection:
        connection.execute(delete(notification_claim))
    client = httpx.Client(transport=httpx.MockTransport(sink))

    def make(owner: str) -> Delivery:
        webhook = Webhook("security", "http://sink/alerts", client, lambda seconds: None)
        return Delivery(Claims(engine, owner, clock), {"security": webhook}, metrics)

    return make


@pytest.fixture
def message() -> dict[str, Any]:
    return {"alert_id": "a" * 32, "channel": "security", "kind": "non_employee", "faces": 1}
