"""The splitter's promise: any chunking of the same bytes gives the same fragments."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse_local.kinesisvideo import ebml, matroska
from gatehouse_local.kinesisvideo.ebml import EbmlError
from gatehouse_local.kinesisvideo.matroska import Cluster
from gatehouse_local.kinesisvideo.splitter import (
    ClusterEnded,
    ClusterTooLargeError,
    Event,
    Splitter,
    TagsRead,
)


@dataclass(frozen=True)
class Plan:
    """Say what a synthetic document holds: clusters of frame offsets, and how they are written."""

    clusters: tuple[tuple[int, ...], ...]
    sized: bool
    tagged: bool


def document(plan: Plan) -> bytes:
    head = ebml.element(ebml.EBML, ebml.element(ebml.DOC_TYPE, b"matroska"))
    segment = ebml.element_id(ebml.SEGMENT) + ebml.UNKNOWN_SIZE_8
    info = ebml.element(ebml.INFO, ebml.element(ebml.TIMESTAMP_SCALE, (1_000_000).to_bytes(3, "big")))
    entry = ebml.element(ebml.TRACK_ENTRY, ebml.element(ebml.TRACK_NUMBER, b"\x01"))
    parts = [head, segment, info, ebml.element(ebml.VOID, bytes(9)), ebml.element(ebml.TRACKS, entry)]
    for number, offsets in enumerate(plan.clusters):
        if plan.tagged:
            parts.append(matroska.write_tags([("n", str(number))]))
        parts.append(cluster(number * 30_000, offsets, sized=plan.sized))
    return b"".join(parts)


def cluster(timecode: int, offsets: tuple[int, ...], *, sized: bool) -> bytes:
    body = ebml.element(ebml.TIMESTAMP, ebml.encode_unsigned(timecode))
    body += ebml.element(ebml.POSITION, b"\x00")
    for order, offset in enumerate(offsets):
        flags = b"\x80" if order == 0 else b"\x00"
        block = b"\x81" + offset.to_bytes(2, "big") + flags + b"frame"
        body += ebml.element(ebml.SIMPLE_BLOCK, block)
    if sized:
        return ebml.element(ebml.CLUSTER, body)
    return ebml.element_id(ebml.CLUSTER) + ebml.UNKNOWN_SIZE_8 + body


def split(data: bytes, cuts: list[int] | None = None) -> list[Event]:
    splitter, events, at = Splitter(), [], 0
    for cut in sorted({min(cut, len(data)) for cut in cuts or []} | {len(data)}):
        events += list(splitter.feed(data[at:cut]))
        at = cut
    return events + list(splitter.close())


def clusters(events: list[Event]) -> list[Cluster]:
    return [event.cluster for event in events if isinstance(event, ClusterEnded)]


frame_offsets = st.lists(st.integers(0, 19_000), min_size=1, max_size=6, unique=True)
plans = st.builds(
    Plan,
    clusters=st.lists(frame_offsets.map(lambda stamps: tuple(sorted(stamps))), max_size=5).map(tuple),
    sized=st.booleans(),
    tagged=st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(plan=plans, cuts=st.lists(st.integers(0, 1500), max_size=40))
def test_any_chunking_gives_the_same_events(plan: Plan, cuts: list[int]) -> None:
    data = document(plan)
    events = split(data, cuts)
    assert events == split(data)
    assert [tuple(t - c.timecode for t in c.times) for c in clusters(events)] == list(plan.clusters)
    assert len([e for e in events if isinstance(e, TagsRead)]) == (len(plan.clusters) if plan.tagged else 0)


@settings(max_examples=50, deadline=None)
@given(plan=plans)
def test_byte_by_byte_gives_the_same_events(plan: Plan) -> None:
    data = document(plan)
    assert split(data, list(range(len(data)))) == split(data)


@settings(max_examples=50, deadline=None)
@given(plan=plans)
def test_reading_only_what_is_wanted_reads_everything(plan: Plan) -> None:
    stream, splitter, events = io.BytesIO(document(plan)), Splitter(), []
    while chunk := stream.read(splitter.wanted):
        events += list(splitter.feed(chunk))
    assert events + list(splitter.close()) == split(document(plan))


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=300), plan=plans, at=st.integers(0, 400))
def test_damage_is_an_ebml_error_and_nothing_else(data: bytes, plan: Plan, at: int) -> None:
    whole = document(plan)
    try:
        split(whole[:at] + data + whole[at:])
    except EbmlError:
        return


def test_ffmpeg_clusters_decode_alone(
    h264: Callable[..., bytes], frames_of: Callable[[bytes], list[int]]
) -> None:
    media = h264(75, start_ms=1_700_000_000_000)
    found = clusters(split(media, list(range(0, len(media), 777))))
    assert [c.timecode_ms for c in found] == [1_700_000_000_000, 1_700_000_001_000, 1_700_000_002_000]
    assert [(c.duration_ms, len(c.times), c.starts_with_key) for c in found] == [(1000, 25, True)] * 3
    alone = found[2].head.preamble() + found[2].element()
    assert frames_of(alone) == [number % 35 for number in range(50, 75)]


def test_unknown_sizes_as_the_producer_sdk_writes_them_give_what_known_sizes_give() -> None:
    plan = Plan(((0, 40, 80), (0, 40)), sized=True, tagged=True)
    unsized = Plan(plan.clusters, sized=False, tagged=True)
    assert clusters(split(document(plan))) == clusters(split(document(unsized)))


def test_a_cluster_cut_off_by_the_end_of_the_stream_is_dropped() -> None:
    data = document(Plan(((0, 40), (0, 40)), sized=False, tagged=False))
    assert len(clusters(split(data))) == 2
    assert len(clusters(split(data[:-3]))) == 1


def test_a_cluster_over_the_limit_is_refused_before_it_is_buffered() -> None:
    data = document(Plan(((0, 40, 80, 120),), sized=True, tagged=False))
    splitter = Splitter(max_cluster_bytes=30)
    with pytest.raises(ClusterTooLargeError):
        list(splitter.feed(data))


def test_a_second_segment_is_refused_where_only_one_may_come() -> None:
    data = document(Plan(((0, 40),), sized=True, tagged=False))
    with pytest.raises(EbmlError, match="more than one segment"):
        list(Splitter(single_segment=True).feed(data + data))
    assert len(clusters(split(data + data))) == 2


def test_a_cluster_without_tracks_is_refused() -> None:
    data = document(Plan((), sized=True, tagged=False))
    tracks = data.index(ebml.element_id(ebml.TRACKS))
    with pytest.raises(EbmlError, match="before any Tracks"):
        split(data[:tracks] + cluster(0, (0,), sized=True))
