"""One stream's fragments arrive, whatever the connection does; against a PutMedia over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from botocore.credentials import Credentials

from gatehouse_edge.backoff import Backoff
from gatehouse_edge.errors import UplinkError
from gatehouse_edge.media import mkv
from gatehouse_edge.media.fragments import Fragment
from gatehouse_edge.office.status import CameraStatus
from gatehouse_edge.uplink.outbox import Outbox
from gatehouse_edge.uplink.putmedia import PutMediaConnection, signed_request
from gatehouse_edge.uplink.sender import Sender, SenderTimes
from gatehouse_edge.uplink.spool import Spool

AVCC = "0142c01effe1000467424042a601000468ce3c80"
FAST = {"ack_s": 1.0, "finish_s": 2.0, "catch_up_speed": 1000.0, "fragment_interval_s": 0.0}


def fragment(second: int, width: int = 64) -> Fragment:
    cluster = mkv.cluster(second * 1000, [(0, True, b"x" * 50)])
    return Fragment(second * 1000, 1000, mkv.header(bytes.fromhex(AVCC), width, 48), cluster, b"x", 0)


class Line:
    """A sender at work and what it reports."""

    def __init__(self, outbox: Outbox, sender: Sender, status: CameraStatus) -> None:
        self.outbox, self.sender, self.status = outbox, sender, status
        self.task = asyncio.create_task(sender.run())

    async def put(self, *seconds: int) -> None:
        for second in seconds:
            await self.outbox.put(fragment(second))


@pytest.fixture
async def line(put_media: Any, tmp_path: Path) -> AsyncIterator[Callable[..., Line]]:
    """Return a function that starts a sender to the fake PutMedia."""
    running: list[Line] = []
    async with aiohttp.ClientSession() as http:

        async def connect(first: bytes) -> PutMediaConnection:
            request = signed_request(put_media.url, "s", "eu-central-1", Credentials("a", "b", "token"))
            connection = PutMediaConnection(http, request)
            await connection.open(first)
            return connection

        async def stored(from_ms: int, to_ms: int) -> set[int]:
            return {start for start in put_media.persisted if from_ms <= start <= to_ms}

        def start(**times: float) -> Line:
            outbox = Outbox(Spool(tmp_path))
            status = CameraStatus("CAM_1", "s", source_phase="streaming", spooled=lambda: outbox.spooled)
            sender = Sender(
                outbox, connect, stored, status, SenderTimes(**(FAST | times)), Backoff(0.02, 0.05)
            )
            running.append(Line(outbox, sender, status))
            return running[-1]

        yield start
        for one in running:
            one.task.cancel()
            await asyncio.gather(one.task, return_exceptions=True)


async def test_connections_rotate_in_order_and_lose_nothing(line: Any, put_media: Any, until: Any) -> None:
    one = line(rotate_s=0.3)
    for second in range(1, 40):
        await one.put(second)
        await asyncio.sleep(0.02)
    await until(lambda: len(put_media.persisted) == 39)
    assert put_media.persisted == [second * 1000 for second in range(1, 40)]
    assert len(put_media.bodies) >= 2
    assert put_media.ended_in_order >= len(put_media.bodies) - 1
    assert one.status.uplink_reason == ""
    assert put_media.headers[0]["X-Amz-Security-Token"] == "token"


async def test_a_refused_fragment_is_the_gap_and_the_rest_arrives(
    line: Any, put_media: Any, until: Any
) -> None:
    put_media.refuse = {3000: 4002}
    one = line()
    await one.put(1, 2, 3, 4, 5)
    await until(lambda: len(one.outbox) == 0)
    assert sorted(set(put_media.persisted)) == [1000, 2000, 4000, 5000]
    assert (one.status.ack_errors, one.outbox.dropped) == (1, 1)


async def test_an_error_of_awss_own_sends_the_fragment_again(line: Any, put_media: Any, until: Any) -> None:
    put_media.refuse = {2000: 5000}
    one = line()
    await one.put(1, 2, 3)
    await until(lambda: one.status.ack_errors >= 2)
    assert one.status.phase == "spooling"
    assert "AWS failed inside" in one.status.reason
    put_media.refuse = {}
    await until(lambda: len(one.outbox) == 0)
    assert sorted(set(put_media.persisted)) == [1000, 2000, 3000]
    assert one.outbox.dropped == 0
    assert one.status.phase == "streaming"


async def test_what_was_received_and_not_persisted_is_sent_again_with_the_same_time(
    line: Any, put_media: Any, until: Any
) -> None:
    put_media.persists = False
    one = line()
    await one.put(1, 2)
    await until(lambda: len(put_media.received) >= 2)
    put_media.hang_up()
    put_media.persists = True
    await until(lambda: len(one.outbox) == 0)
    assert put_media.received[:2] == [1000, 2000]
    assert put_media.persisted == [1000, 2000]


async def test_what_was_persisted_unheard_is_not_sent_twice(line: Any, put_media: Any, until: Any) -> None:
    put_media.persists = False
    one = line()
    await one.put(1, 2, 3)
    await until(lambda: len(put_media.received) == 3)
    put_media.persisted += [1000, 2000]  # stored, but the acknowledgements got lost
    put_media.persists = True
    put_media.hang_up()
    await until(lambda: len(one.outbox) == 0)
    assert put_media.received == [1000, 2000, 3000, 3000]
    assert one.status.fragments_persisted == 3


async def test_silence_after_sending_is_a_broken_connection(line: Any, put_media: Any, until: Any) -> None:
    put_media.persists = False
    one = line(ack_s=0.3)
    await one.put(1)
    await until(lambda: "no acknowledgement" in one.status.uplink_reason)
    put_media.persists = True
    await until(lambda: len(one.outbox) == 0)


async def test_a_stream_that_keeps_nothing_does_not_repeat_itself_for_ever(
    line: Any, put_media: Any, until: Any
) -> None:
    put_media.persists = False
    one = line(ack_s=5.0, keeps_nothing_s=0.2)
    await one.put(*range(1, 11))
    await until(lambda: len(put_media.received) == 10)
    await asyncio.sleep(0.25)
    await one.put(*range(11, 41))
    await until(lambda: len(put_media.received) >= 40)
    assert put_media.received == [second * 1000 for second in range(1, 41)]
    await until(lambda: len(one.outbox) == 10)


async def test_received_is_not_enough_while_persisted_lags(line: Any, put_media: Any, until: Any) -> None:
    put_media.persists = False
    one = line(ack_s=5.0)
    await one.put(*range(1, 41))
    await until(lambda: len(put_media.received) == 32)
    assert (len(one.outbox), one.status.fragments_persisted) == (40, 0)


async def test_stream_that_was_seen_to_keep_is_never_taken_for_one_that_keeps_nothing(
    line: Any, put_media: Any, until: Any
) -> None:
    one = line(ack_s=5.0, keeps_nothing_s=0.0)
    one.sender._learn("PERSISTED")
    put_media.persists = False
    await one.put(*range(1, 21))
    await until(lambda: len(put_media.received) == 20)
    assert (len(one.outbox), one.status.fragments_persisted) == (20, 0)


async def test_received_lets_nothing_go_any_more_once_something_is_persisted(line: Any) -> None:
    one = line(keeps_nothing_s=0.0)
    one.sender._learn("RECEIVED")
    assert one.sender._settles == "RECEIVED"
    one.sender._learn("PERSISTED")
    assert one.sender._settles == "PERSISTED"


async def test_pauses_grow_while_every_connection_ends_in_an_error(
    line: Any, put_media: Any, until: Any
) -> None:
    put_media.refuse = {1000: 5000}
    one = line()
    await one.put(1)
    await until(lambda: one.status.ack_errors >= 3)
    assert one.sender.backoff.failures >= 2
    put_media.refuse = {}
    await until(lambda: len(one.outbox) == 0)
    await until(lambda: one.sender.backoff.failures == 0)


async def test_outage_between_two_received_says_nothing_about_the_stream(
    line: Any, put_media: Any, until: Any
) -> None:
    put_media.persists = False
    one = line(ack_s=5.0, keeps_nothing_s=0.3)
    await one.put(1)
    await until(lambda: len(put_media.received) == 1)
    put_media.status = 500
    put_media.hang_up()
    await asyncio.sleep(0.4)
    put_media.status = 200
    await until(lambda: len(put_media.received) == 2)
    await one.put(2)
    await until(lambda: len(put_media.received) == 3)
    assert len(one.outbox) == 2


async def test_another_track_or_an_earlier_time_begins_another_connection(
    line: Any, put_media: Any, until: Any
) -> None:
    one = line()
    await one.put(10, 11)
    await one.outbox.put(fragment(12, width=128))
    await one.outbox.put(fragment(5, width=128))
    await until(lambda: len(one.outbox) == 0)
    assert put_media.persisted == [10_000, 11_000, 12_000, 5_000]
    assert len(put_media.bodies) == 3


async def test_catching_up_is_faster_than_real_time_and_bounded(
    line: Any, put_media: Any, until: Any
) -> None:
    one = line(catch_up_speed=10.0)
    started = asyncio.get_running_loop().time()
    await one.put(*range(1, 12))
    await until(lambda: len(put_media.persisted) == 11)
    assert 1.0 <= asyncio.get_running_loop().time() - started < 5.0


async def test_an_idle_connection_is_ended_in_order(line: Any, put_media: Any, until: Any) -> None:
    one = line(idle_s=0.2)
    await one.put(1)
    await until(lambda: put_media.ended_in_order == 1)
    await one.put(2)
    await until(lambda: put_media.persisted == [1000, 2000])
    assert one.status.uplink_reason == ""


@pytest.mark.parametrize(
    ("status", "text"), [(404, "roll the office out"), (403, "allow kinesisvideo:PutMedia")]
)
async def test_a_refused_connection_says_what_to_do(
    line: Any, put_media: Any, until: Any, status: int, text: str
) -> None:
    put_media.status = status
    one = line()
    await one.put(1)
    await until(lambda: text in one.status.reason)
    assert one.status.phase == "spooling"


async def test_an_answer_that_ended_while_nothing_was_in_flight_ends_the_connection(
    line: Callable[..., Line],
) -> None:
    one = line()
    one.task.cancel()
    await one.put(1)

    class Ended:
        """Stand for a connection that takes no more."""

        async def acks(self) -> AsyncIterator[Any]:
            nothing: list[Any] = []
            for ack in nothing:
                yield ack

        async def send(self, _data: bytes) -> None:
            await asyncio.Event().wait()

    acks = asyncio.create_task(one.sender._read_acks(Ended()))  # type: ignore[arg-type]
    await acks
    with pytest.raises(UplinkError, match="closed the connection"):
        await one.sender._send_all(Ended(), fragment(1).header, acks)  # type: ignore[arg-type]
