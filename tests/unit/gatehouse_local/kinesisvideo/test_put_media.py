"""PutMedia over a real front door: acknowledgements while the media is still being sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest


def test_a_fragment_is_persisted_while_the_next_is_being_sent(cloud: Any, h264: Callable[..., bytes]) -> None:
    cloud.active_stream()
    media = h264(75, start_ms=1_700_000_000_000)
    cut = len(media) * 2 // 3
    with cloud.producer() as producer:
        producer.send(media[:cut])
        first = [producer.next_ack() for _ in range(3)]
        producer.send(media[cut:])
        producer.finish()
        rest = producer.rest()
    assert [ack["EventType"] for ack in first] == ["BUFFERING", "RECEIVED", "PERSISTED"]
    assert {ack["FragmentTimecode"] for ack in first} == {1_700_000_000_000}
    assert [ack["FragmentTimecode"] for ack in rest if ack["EventType"] == "PERSISTED"] == [
        1_700_000_001_000,
        1_700_000_002_000,
    ]


def test_fragment_numbers_are_long_decimals_that_grow_across_a_restart(
    cloud: Any, h264: Callable[..., bytes]
) -> None:
    cloud.active_stream()
    before = [ack["FragmentNumber"] for ack in cloud.put(h264(50, start_ms=1_000))]
    cloud.restart()
    after = [ack["FragmentNumber"] for ack in cloud.put(h264(50, start_ms=9_000))]
    numbers = list(dict.fromkeys(before + after))
    assert numbers == sorted(numbers)
    assert len(numbers) == 4
    assert {len(number) for number in numbers} == {47}


def test_a_stream_without_retention_persists_nothing(cloud: Any, h264: Callable[..., bytes]) -> None:
    cloud.active_stream(hours=0)
    assert [ack["EventType"] for ack in cloud.put(h264(25))] == ["BUFFERING", "RECEIVED"]


def test_a_second_connection_is_refused_and_the_first_goes_on(cloud: Any, h264: Callable[..., bytes]) -> None:
    cloud.active_stream()
    media = h264(50)
    with cloud.producer() as first:
        first.send(media[:3000])
        assert first.until("BUFFERING")
        with cloud.producer() as second:
            refusal = second.next_ack()
        assert refusal["__type"] == "ConnectionLimitExceededException"
        first.send(media[3000:])
        first.finish()
        assert [ack["EventType"] for ack in first.rest()].count("PERSISTED") == 2


def test_the_connection_is_free_again_after_the_sender_dies(cloud: Any, h264: Callable[..., bytes]) -> None:
    cloud.active_stream()
    with cloud.producer() as dying:
        dying.send(h264(25)[:4000])
        assert dying.until("BUFFERING")
    deadline = time.monotonic() + 5
    while "__type" in (acks := cloud.put(h264(25, start_ms=60_000)))[0]:
        assert time.monotonic() < deadline, "the dead sender's connection was never freed"
        time.sleep(0.25)
    assert acks[-1]["EventType"] == "PERSISTED"


def test_bad_media_ends_the_connection_with_its_error_id(cloud: Any, h264: Callable[..., bytes]) -> None:
    cloud.active_stream()
    with cloud.producer() as producer:
        producer.send(h264(25) + h264(25))
        acks = producer.rest()
    assert (acks[-1]["EventType"], acks[-1]["ErrorId"]) == ("ERROR", 4006)
    assert acks[-1]["ErrorCode"] == "INVALID_MKV_DATA"


def test_a_stream_that_is_not_active_yet_is_4008(make_cloud: Callable[..., Any]) -> None:
    cloud = make_cloud(creating_s=30)
    cloud.client("kinesisvideo").create_stream(StreamName="cam")
    with cloud.producer() as producer:
        assert [ack["ErrorId"] for ack in producer.rest()] == [4008]


def test_a_stream_deleted_meanwhile_is_4008_and_leaves_no_media(
    cloud: Any, h264: Callable[..., bytes]
) -> None:
    arn = cloud.active_stream()
    media = h264(50)
    with cloud.producer() as producer:
        producer.send(media[:3000])
        assert producer.until("BUFFERING")
        cloud.client("kinesisvideo").delete_stream(StreamARN=arn)
        producer.send(media[3000:])
        assert producer.rest()[-1]["ErrorId"] == 4008
    assert not list(cloud.folder.glob("kinesisvideo/*/*/*/*.mkv"))


def test_an_idle_sender_is_told_and_let_go(
    make_cloud: Callable[..., Any], h264: Callable[..., bytes]
) -> None:
    cloud = make_cloud(idle_s=0.3)
    cloud.active_stream()
    with cloud.producer() as producer:
        producer.send(h264(25))
        assert producer.rest()[-1] == {"EventType": "IDLE"}


def test_a_connection_older_than_the_limit_is_4003(
    make_cloud: Callable[..., Any], h264: Callable[..., bytes]
) -> None:
    cloud = make_cloud(max_connection_s=0.3)
    cloud.active_stream()
    with cloud.producer() as producer:
        producer.send(h264(25))
        assert producer.rest()[-1]["ErrorId"] == 4003


def test_more_than_five_fragments_a_second_are_slowed_down_and_all_taken(
    make_cloud: Callable[..., Any], h264: Callable[..., bytes]
) -> None:
    cloud = make_cloud(fragments_per_s=5)
    cloud.active_stream()
    began = time.monotonic()
    acks = cloud.put(h264(175))
    assert [ack["EventType"] for ack in acks].count("PERSISTED") == 7
    assert time.monotonic() - began > 0.3


def test_the_same_media_sent_twice_is_stored_twice(cloud: Any, h264: Callable[..., bytes]) -> None:
    cloud.active_stream()
    media = h264(25, start_ms=5_000)
    cloud.put(media)
    cloud.put(media)
    listed = cloud.client("kinesis-video-archived-media").list_fragments(StreamName="cam")["Fragments"]
    assert len({one["FragmentNumber"] for one in listed}) == 2
    assert {one["ProducerTimestamp"].timestamp() for one in listed} == {5.0}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (
            {"x-amzn-stream-name": "none", "x-amzn-fragment-timecode-type": "ABSOLUTE"},
            "ResourceNotFoundException",
        ),
        ({"x-amzn-fragment-timecode-type": "ABSOLUTE"}, "InvalidArgumentException"),
        ({"x-amzn-stream-name": "cam"}, "InvalidArgumentException"),
        (
            {"x-amzn-stream-name": "cam", "x-amzn-fragment-timecode-type": "RELATIVE"},
            "InvalidArgumentException",
        ),
    ],
)
def test_wrong_headers_are_refused_before_any_media(cloud: Any, headers: dict[str, str], code: str) -> None:
    cloud.active_stream()
    producer = cloud.producer()
    producer.headers = headers
    with producer:
        refusal = producer.next_ack()
    assert refusal["__type"] == code
    assert producer.status in (400, 404)
