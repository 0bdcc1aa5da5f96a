"""What GetMedia sends is split as it arrives, and never waited for longer than needed."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse_frames.errors import VideoError
from gatehouse_frames.media import ebml
from gatehouse_frames.media.fragments import Fragment, fragments

NUMBER = "9134385233318150666908441974200077706000000000{}"


def tags(**values: str) -> bytes:
    def simple(name: str, value: str) -> bytes:
        pair = ebml.encode(ebml.TAG_NAME, name.encode()) + ebml.encode(ebml.TAG_STRING, value.encode())
        return ebml.encode(ebml.TAG, ebml.encode(ebml.SIMPLE_TAG, pair))

    inside = b"".join(simple(f"AWS_KINESISVIDEO_{name}", value) for name, value in values.items())
    return ebml.encode(ebml.TAGS, inside)


def chunk(index: int, timecode: int, block: bytes, *, sized: bool = True, scale: bytes = b"") -> bytes:
    """Build what GetMedia sends of one fragment, with its cluster's size known or not."""
    number = NUMBER.format(index)
    cluster = ebml.encode(ebml.TIMESTAMP, timecode.to_bytes(8, "big")) + ebml.encode(0xA3, block)
    whole = (
        ebml.encode(ebml.CLUSTER, cluster)
        if sized
        else ebml.encode_id(ebml.CLUSTER) + ebml.UNKNOWN_SIZE + cluster
    )
    return b"".join(
        [
            ebml.encode(ebml.EBML, b"\x42\x82\x84webm"),
            ebml.encode_id(ebml.SEGMENT) + ebml.UNKNOWN_SIZE,
            ebml.encode(ebml.INFO, scale),
            ebml.encode(ebml.TRACKS, b""),
            tags(
                FRAGMENT_NUMBER=number,
                SERVER_TIMESTAMP=f"1795000001.{index:03d}",
                PRODUCER_TIMESTAMP=f"1795000000.{index:03d}",
            ),
            whole,
            tags(MILLIS_BEHIND_NOW="0", CONTINUATION_TOKEN=number),
        ]
    )


class Trickle:
    """A live stream: fails the test if more is asked for than has been sent."""

    def __init__(self, data: bytes) -> None:
        self._left = io.BytesIO(data)
        self._size = len(data)

    def read(self, amount: int, /) -> bytes:
        assert self._left.tell() + amount <= self._size, "it would wait for the next fragment"
        return self._left.read(amount)


def split(data: bytes) -> list[Fragment]:
    return list(fragments(io.BytesIO(data)))


@given(st.lists(st.tuples(st.binary(max_size=300), st.booleans()), max_size=5))
def test_every_fragment_comes_with_its_number_and_times(blocks: list[tuple[bytes, bool]]) -> None:
    data = b"".join(
        chunk(index, 7_000 + index, block, sized=sized) for index, (block, sized) in enumerate(blocks)
    )
    found = split(data)
    assert [one.number for one in found] == [NUMBER.format(index) for index in range(len(blocks))]
    assert [one.producer_ms for one in found] == [1_795_000_000_000 + index for index in range(len(blocks))]
    assert [one.server_ms for one in found] == [1_795_000_001_000 + index for index in range(len(blocks))]
    assert [one.timecode_ms for one in found] == [7_000 + index for index in range(len(blocks))]
    for one, (block, _) in zip(found, blocks, strict=True):
        assert one.mkv.endswith(ebml.encode(0xA3, block))
        assert one.mkv.count(ebml.encode_id(ebml.CLUSTER)) >= 1


@given(st.booleans())
def test_a_fragment_is_handed_on_before_the_next_begins(sized: bool) -> None:
    assert next(fragments(Trickle(chunk(1, 0, b"frame", sized=sized)))).number == NUMBER.format(1)


@given(st.data())
def test_a_stream_that_is_cut_off_yields_what_was_whole(data: st.DataObject) -> None:
    first, second = chunk(1, 0, b"one"), chunk(2, 0, b"two")
    end = data.draw(st.integers(0, len(first) + len(second) - 1))
    trailer = len(tags(MILLIS_BEHIND_NOW="0", CONTINUATION_TOKEN=NUMBER.format(1)))
    ends = [len(first) - trailer, len(first) + len(second) - trailer]
    expected = [NUMBER.format(at) for at, last in enumerate(ends, 1) if end >= last]
    assert [one.number for one in split((first + second)[:end])] == expected


def test_a_timecode_counts_in_the_documents_own_unit() -> None:
    scale = ebml.encode(ebml.TIMESTAMP_SCALE, (100_000_000).to_bytes(4, "big"))
    assert split(chunk(1, 25, b"", scale=scale))[0].timecode_ms == 2_500


def test_an_error_tag_ends_the_stream_by_its_name() -> None:
    data = chunk(1, 0, b"one") + ebml.encode(ebml.EBML, b"") + tags(ERROR_CODE="FRAGMENT_NOT_FOUND")
    with pytest.raises(VideoError, match="FRAGMENT_NOT_FOUND"):
        split(data)


@pytest.mark.parametrize("data", [b"\x00nonsense", ebml.encode_id(ebml.TAGS) + b"\x01" + b"\x7f" * 7])
def test_what_is_not_matroska_is_refused(data: bytes) -> None:
    with pytest.raises(ebml.EbmlError):
        split(data)
