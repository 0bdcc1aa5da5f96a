"""GetMedia read by boto3 while another connection sends, and from the archive."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import av
import pytest
from botocore.exceptions import ClientError

from gatehouse_local.kinesisvideo.media import Fragment, FragmentReader, MediaError

START = 1_700_000_000


def get_media(cloud: Any, **selector: Any) -> Iterator[Fragment]:
    answer = cloud.client("kinesis-video-media").get_media(StreamName="cam", StartSelector=selector)
    return iter(FragmentReader(answer["Payload"]))


@pytest.fixture
def filled(cloud: Any, h264: Callable[..., bytes]) -> Any:
    """Start a cloud whose stream holds four fragments of a second each."""
    cloud.active_stream()
    cloud.put(h264(100, start_ms=START * 1000))
    return cloud


def test_a_live_reader_gets_each_fragment_before_the_sender_is_done(
    cloud: Any, h264: Callable[..., bytes], frames_of: Callable[[bytes], list[int]]
) -> None:
    cloud.active_stream()
    reader = get_media(cloud, StartSelectorType="NOW")
    media = h264(50, start_ms=START * 1000)
    with cloud.producer() as producer:
        producer.send(media[:-200])
        numbered = producer.until("PERSISTED")["FragmentNumber"]
        first = next(reader)
        producer.send(media[-200:])
        producer.finish()
        second = next(reader)
    assert first.number == numbered
    assert (first.producer_timestamp, second.producer_timestamp) == (START, START + 1)
    assert first.server_timestamp == pytest.approx(time.time(), abs=10)
    assert (first.millis_behind_now, second.millis_behind_now) == (0, 0)
    assert frames_of(first.mkv) == list(range(25))
    assert frames_of(second.mkv) == [number % 35 for number in range(25, 50)]


def test_a_frames_offset_counts_from_the_clusters_timecode(filled: Any) -> None:
    fragment = next(get_media(filled, StartSelectorType="EARLIEST"))
    with av.open(io.BytesIO(fragment.mkv), mode="r", format="matroska") as container:
        offsets = [(frame.time or 0) - fragment.timecode for frame in container.decode(video=0)]
    assert offsets[:3] == pytest.approx([0, 0.04, 0.08], abs=1e-5)


def test_relative_media_has_the_producers_clock_in_its_tags(cloud: Any, h264: Callable[..., bytes]) -> None:
    cloud.active_stream()
    with cloud.producer(relative_to=START + 0.25) as producer:
        producer.send(h264(25))
        producer.finish()
        producer.rest()
    fragment = next(get_media(cloud, StartSelectorType="EARLIEST"))
    assert (fragment.producer_timestamp, fragment.timecode) == (START + 0.25, 0.0)


def test_every_start_selector_starts_where_aws_says(filled: Any) -> None:
    earliest = list(islice(get_media(filled, StartSelectorType="EARLIEST"), 4))
    assert [one.producer_timestamp - START for one in earliest] == [0, 1, 2, 3]
    assert earliest[0].millis_behind_now >= earliest[3].millis_behind_now == 0
    after = get_media(filled, StartSelectorType="FRAGMENT_NUMBER", AfterFragmentNumber=earliest[1].number)
    assert next(after).number == earliest[2].number
    token = earliest[2].tags["AWS_KINESISVIDEO_CONTINUATION_TOKEN"]
    further = get_media(filled, StartSelectorType="CONTINUATION_TOKEN", ContinuationToken=token)
    assert next(further).number == earliest[3].number


def test_a_producer_timestamp_starts_with_the_fragment_that_holds_it(filled: Any) -> None:
    reader = get_media(filled, StartSelectorType="PRODUCER_TIMESTAMP", StartTimestamp=START + 2.5)
    assert next(reader).producer_timestamp == START + 2


def test_a_server_timestamp_starts_there(filled: Any) -> None:
    fragments = list(islice(get_media(filled, StartSelectorType="EARLIEST"), 4))
    start = fragments[0].server_timestamp
    reader = get_media(filled, StartSelectorType="SERVER_TIMESTAMP", StartTimestamp=start)
    assert next(reader).number == fragments[0].number


def test_an_unknown_fragment_number_ends_the_stream_with_4000(filled: Any) -> None:
    reader = get_media(filled, StartSelectorType="FRAGMENT_NUMBER", AfterFragmentNumber="91343852333")
    with pytest.raises(MediaError) as caught:
        next(reader)
    assert caught.value.error_id == 4000


def test_media_survives_a_restart(filled: Any, frames_of: Callable[[bytes], list[int]]) -> None:
    before = list(islice(get_media(filled, StartSelectorType="EARLIEST"), 4))
    filled.restart()
    after = list(islice(get_media(filled, StartSelectorType="EARLIEST"), 4))
    assert [(one.number, one.mkv) for one in after] == [(one.number, one.mkv) for one in before]
    assert frames_of(after[0].mkv) == list(range(25))


def test_the_whole_answer_is_one_readable_matroska_stream(filled: Any) -> None:
    answer = filled.client("kinesis-video-media").get_media(
        StreamName="cam", StartSelector={"StartSelectorType": "EARLIEST"}
    )
    size = sum(path.stat().st_size for path in filled.folder.glob("kinesisvideo/*/*/*/*.mkv"))
    taken = answer["Payload"].read(size)
    with av.open(io.BytesIO(taken), mode="r", format="matroska") as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert len(times) > 75
    assert times == sorted(times)


def test_a_fourth_connection_is_refused_until_one_is_closed(filled: Any) -> None:
    media = filled.client("kinesis-video-media")
    selector = {"StartSelectorType": "NOW"}
    open_ones = [media.get_media(StreamName="cam", StartSelector=selector) for _ in range(3)]
    with pytest.raises(ClientError) as caught:
        media.get_media(StreamName="cam", StartSelector=selector)
    assert caught.value.response["Error"]["Code"] == "ConnectionLimitExceededException"
    open_ones[0]["Payload"].close()
    deadline = time.monotonic() + 5
    while True:
        try:
            media.get_media(StreamName="cam", StartSelector=selector)
        except ClientError:
            assert time.monotonic() < deadline, "the closed reader's connection was never freed"
            time.sleep(0.25)
        else:
            break


def test_a_stalled_stream_hands_nothing_on_until_the_fault_is_off(
    cloud: Any, h264: Callable[..., bytes]
) -> None:
    cloud.active_stream()
    fault = cloud.faults.add({"name": "stream_stalled", "resource": "cam"})
    reader, got = get_media(cloud, StartSelectorType="NOW"), []
    thread = threading.Thread(target=lambda: got.append(next(reader)), daemon=True)
    thread.start()
    assert cloud.put(h264(25))[-1]["EventType"] == "PERSISTED"
    thread.join(timeout=0.7)
    assert not got
    cloud.faults.remove(fault.id)
    thread.join(timeout=5)
    assert len(got) == 1


def test_deleting_the_stream_ends_its_readers(filled: Any) -> None:
    reader = get_media(filled, StartSelectorType="NOW")
    control = filled.client("kinesisvideo")
    arn = control.describe_stream(StreamName="cam")["StreamInfo"]["StreamARN"]
    control.delete_stream(StreamARN=arn)
    assert list(reader) == []


def test_a_stream_without_retention_keeps_a_buffer_of_minutes(cloud: Any, h264: Callable[..., bytes]) -> None:
    cloud.active_stream(hours=0)
    cloud.put(h264(50))
    assert len(list(islice(get_media(cloud, StartSelectorType="EARLIEST"), 2))) == 2
    cloud.offset_s = 301
    cloud.put(h264(25, start_ms=9_000))
    assert next(get_media(cloud, StartSelectorType="EARLIEST")).producer_timestamp == 9
    assert len(list(cloud.folder.glob("kinesisvideo/*/*/*/*.mkv"))) == 1


def test_a_timestamp_selector_needs_its_timestamp(filled: Any) -> None:
    with pytest.raises(ClientError) as caught:
        get_media(filled, StartSelectorType="PRODUCER_TIMESTAMP")
    assert caught.value.response["Error"]["Code"] == "InvalidArgumentException"
