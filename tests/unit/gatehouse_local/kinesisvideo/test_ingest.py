"""What PutMedia refuses, and under which of AWS's error ids."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from gatehouse_local.kinesisvideo import ebml, matroska
from gatehouse_local.kinesisvideo.acks import Ack, AckError, IngestError
from gatehouse_local.kinesisvideo.archive import Received
from gatehouse_local.kinesisvideo.ingest import Ingest
from gatehouse_local.kinesisvideo.settings import Settings

Steps = list[Ack | Received]


def head(tracks: int = 1) -> bytes:
    entries = b"".join(
        ebml.element(ebml.TRACK_ENTRY, ebml.element(ebml.TRACK_NUMBER, bytes([number + 1])))
        for number in range(tracks)
    )
    return NO_TRACKS + ebml.element(ebml.TRACKS, entries)


def cluster(timecode: int, *offsets: int, track: int = 1, sized: bool = True, weight: int = 10) -> bytes:
    body = ebml.element(ebml.TIMESTAMP, ebml.encode_unsigned(timecode))
    for offset in offsets:
        block = bytes([0x80 | track]) + offset.to_bytes(2, "big") + b"\x80" + bytes(weight)
        body += ebml.element(ebml.SIMPLE_BLOCK, block)
    return (
        ebml.element(ebml.CLUSTER, body)
        if sized
        else ebml.element_id(ebml.CLUSTER) + ebml.UNKNOWN_SIZE_8 + body
    )


SECOND = (0, 500)
NO_TRACKS = ebml.element(ebml.EBML, b"") + ebml.element_id(ebml.SEGMENT) + ebml.UNKNOWN_SIZE_8


def ingest(base_ms: int = 0, **settings: int) -> Ingest:
    numbers = count(1)
    return Ingest(Settings(**settings), base_ms, lambda: str(next(numbers)), lambda: 1000.0)


def run(data: bytes, one: Ingest | None = None) -> Steps:
    one = one or ingest()
    return [*one.feed(data), *one.close(whole=True)]


def refused(data: bytes, one: Ingest | None = None) -> Ack:
    with pytest.raises(IngestError) as caught:
        run(data, one)
    return caught.value.ack


def events(steps: Steps) -> list[tuple[str, int]]:
    return [(step.event, step.timecode_ms) for step in steps if isinstance(step, Ack)]


def test_each_fragment_is_buffered_then_received_with_one_number() -> None:
    steps = run(head() + cluster(0, *SECOND) + cluster(1000, *SECOND))
    assert events(steps) == [("BUFFERING", 0), ("RECEIVED", 0), ("BUFFERING", 1000), ("RECEIVED", 1000)]
    assert [step.number for step in steps] == ["1"] * 3 + ["2"] * 3


def test_buffering_comes_before_the_fragment_is_whole() -> None:
    one = ingest()
    data = head() + cluster(7, *SECOND)
    assert events(list(one.feed(data[:-1]))) == [("BUFFERING", 7)]


def test_relative_timecodes_count_from_the_producers_start() -> None:
    steps = run(head() + cluster(250, *SECOND), ingest(base_ms=1_700_000_000_000))
    stored = [step for step in steps if isinstance(step, Received)]
    assert [(one.producer_ms, one.server_ms) for one in stored] == [(1_700_000_000_250, 1_000_000)]


@pytest.mark.parametrize("second", [0, 400, 500])
def test_a_fragment_not_after_the_last_frame_before_it_is_4004(second: int) -> None:
    ack = refused(head() + cluster(0, *SECOND) + cluster(second, *SECOND))
    assert (ack.error, ack.number) == (AckError.FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS, "2")


def test_a_fragment_over_twenty_seconds_is_4002_as_soon_as_it_is() -> None:
    one = ingest()
    data = head() + cluster(0, 0, 20_001, 20_002, sized=False)
    with pytest.raises(IngestError) as caught:
        list(one.feed(data))
    assert caught.value.ack.error is AckError.MAX_FRAGMENT_DURATION_REACHED


@pytest.mark.parametrize("sized", [True, False])
def test_a_fragment_over_the_size_limit_is_4001(sized: bool) -> None:
    data = head() + cluster(0, *SECOND, weight=600, sized=sized)
    assert refused(data, ingest(max_fragment_bytes=1000)).error is AckError.MAX_FRAGMENT_SIZE_REACHED


def test_a_short_fragment_is_refused_only_if_another_follows() -> None:
    short = head() + cluster(0, 0, 100)
    assert events(run(short)) == [("BUFFERING", 0), ("RECEIVED", 0)]
    steps = run(short + cluster(1000, *SECOND))
    assert events(steps) == [("BUFFERING", 0), ("ERROR", 0), ("BUFFERING", 1000), ("RECEIVED", 1000)]
    assert [step.number for step in steps if isinstance(step, Received)] == ["2"]


def test_a_broken_connection_drops_the_fragment_it_cuts_off() -> None:
    one = ingest()
    steps = [*one.feed(head() + cluster(0, *SECOND, sized=False)), *one.close(whole=False)]
    assert events(steps) == [("BUFFERING", 0)]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"not matroska at all", AckError.INVALID_MKV_DATA),
        (NO_TRACKS + cluster(0, 0), AckError.INVALID_MKV_DATA),
        (head() + cluster(0, 0) + head(), AckError.INVALID_MKV_DATA),
        (head(4) + cluster(0, 0), AckError.MORE_THAN_ALLOWED_TRACKS_FOUND),
        (head() + cluster(0, 0, track=2), AckError.TRACK_NUMBER_MISMATCH),
        (head(2) + cluster(0, 0, track=2), AckError.FRAMES_MISSING_FOR_TRACK),
        (head() + cluster(10**15, 0), AckError.INVALID_PRODUCER_TIMESTAMP),
        (
            head() + matroska.write_tags([("n", "v")] * 11) + cluster(0, 0),
            AckError.FRAGMENT_METADATA_LIMIT_REACHED,
        ),
    ],
)
def test_bad_media_is_refused_by_its_error_id(data: bytes, error: AckError) -> None:
    assert refused(data).error is error


def test_tags_before_a_fragment_stay_with_it() -> None:
    tags = matroska.write_tags([("door", "open")])
    steps = run(head() + cluster(0, *SECOND) + tags + cluster(1000, *SECOND))
    assert [step.attached for step in steps if isinstance(step, Received)] == [(), (("door", "open"),)]


def test_an_acknowledgement_is_a_line_of_json_as_aws_writes_it() -> None:
    line = Ack("ERROR", 5, "91", AckError.MAX_FRAGMENT_DURATION_REACHED).line()
    assert line == (
        b'{"EventType":"ERROR","FragmentTimecode":5,"FragmentNumber":"91",'
        b'"ErrorCode":"MAX_FRAGMENT_DURATION_REACHED","ErrorId":4002}\n'
    )


def test_ffmpeg_media_is_taken_whole(h264: Callable[..., bytes]) -> None:
    stored = [step for step in run(h264(75, start_ms=10_000)) if isinstance(step, Received)]
    assert [one.producer_ms for one in stored] == [10_000, 11_000, 12_000]
