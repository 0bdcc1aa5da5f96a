from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import select

from gatehouse.ledger.tables import notification_claim
from gatehouse_notify.deliver import Outcome

if TYPE_CHECKING:
    from sqlalchemy import Engine


def test_alert_is_told_once_however_often_it_is_queued(new_delivery: Any, sink: Any, message: Any) -> None:
    delivery = new_delivery("one")
    assert [delivery.deliver(message) for _ in range(3)] == [Outcome.DONE] * 3
    assert sink.accepted == [message["alert_id"]]


def test_alert_is_told_once_by_many_notifiers_at_once(
    new_delivery: Any, sink: Any, message: Any, engine: Engine
) -> None:
    deliveries = [new_delivery(f"notifier {number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda delivery: delivery.deliver(message), deliveries))
    assert sink.accepted == [message["alert_id"]]
    assert Outcome.DONE in outcomes
    with engine.connect() as connection:
        (row,) = connection.execute(select(notification_claim)).all()
    assert row.delivered_at is not None


def test_body_is_the_message_and_the_key_its_alert(new_delivery: Any, sink: Any, message: Any) -> None:
    new_delivery("one").deliver(message)
    (request,) = sink.asked
    assert httpx.Response(200, content=request.content).json() == message
    assert request.headers["Idempotency-Key"] == message["alert_id"]


@pytest.mark.parametrize("trouble", [500, 503, 429, httpx.ConnectError("refused"), httpx.ReadTimeout("late")])
def test_receiver_s_passing_trouble_is_outlasted(
    new_delivery: Any, sink: Any, message: Any, trouble: int | Exception
) -> None:
    sink.answers = [trouble, trouble]
    assert new_delivery("one").deliver(message) is Outcome.DONE
    assert len(sink.asked) == 3
    assert {request.headers["Idempotency-Key"] for request in sink.asked} == {message["alert_id"]}


def test_failed_delivery_stays_queued_and_the_next_attempt_needn_t_wait(
    new_delivery: Any, sink: Any, message: Any, metrics: Any
) -> None:
    sink.answers = [500] * 4
    delivery = new_delivery("one")
    assert delivery.deliver(message) is Outcome.LATER
    assert metrics.value("failed") == 1
    assert new_delivery("two").deliver(message) is Outcome.DONE
    assert sink.accepted == [message["alert_id"]]


def test_refusal_isn_t_repeated_at_once(new_delivery: Any, sink: Any, message: Any) -> None:
    sink.answers = [404]
    assert new_delivery("one").deliver(message) is Outcome.LATER
    assert len(sink.asked) == 1


def test_channel_nobody_configured_keeps_the_alert(new_delivery: Any, message: Any) -> None:
    assert new_delivery("one").deliver(message | {"channel": "nobody"}) is Outcome.LATER


def test_alert_in_hand_of_a_living_notifier_is_left_to_it(
    new_delivery: Any, sink: Any, message: Any, clock: Any
) -> None:
    one, two = new_delivery("one"), new_delivery("two")
    one.claims.claim(message["alert_id"], "security")
    clock.pass_(seconds=119)
    assert two.deliver(message) is Outcome.LATER
    assert sink.asked == []


def test_crash_before_the_channel_was_called_loses_nothing(
    new_delivery: Any, sink: Any, message: Any, clock: Any
) -> None:
    new_delivery("dead").claims.claim(message["alert_id"], "security")
    clock.pass_(seconds=120)
    assert new_delivery("heir").deliver(message) is Outcome.DONE
    assert sink.accepted == [message["alert_id"]]


def test_crash_after_the_channel_s_2xx_is_the_one_window_of_telling_twice(
    new_delivery: Any, sink: Any, message: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documented in claims.py: the channel sees the same Idempotency-Key again, and never a third time."""
    dying = new_delivery("dying")

    def crash(self: object, alert_id: str, channel: str) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(type(dying.claims), "complete", crash)
        with pytest.raises(MemoryError):
            dying.deliver(message)
    heir = new_delivery("heir")
    assert heir.deliver(message) is Outcome.LATER  # within the lease, the dead one may still be at it
    clock.pass_(seconds=120)
    assert [heir.deliver(message) for _ in range(3)] == [Outcome.DONE] * 3
    assert sink.accepted == [message["alert_id"]] * 2


def test_drain_waits_for_the_alert_in_hand(new_delivery: Any, message: Any) -> None:
    delivery = new_delivery("one")
    sending, finish = Event(), Event()

    class Slow:
        name = "security"

        def send(self, message: Any) -> None:
            sending.set()
            finish.wait(10)

    object.__setattr__(delivery, "channels", {"security": Slow()})
    thread = Thread(target=delivery.deliver, args=(message,))
    thread.start()
    assert sending.wait(10)
    assert not delivery.drain(0.01)
    finish.set()
    assert delivery.drain(10)
    thread.join()
