"""What the writer writes, FFmpeg reads."""

from __future__ import annotations

import io
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse_edge.media import mkv

HEADER = mkv.header(bytes.fromhex("0142c01effe1000467424042a601000468ce3c80"), 640, 360)
blocks = st.lists(
    st.tuples(st.integers(0, 32_000), st.booleans(), st.binary(min_size=1, max_size=400)),
    min_size=1,
    max_size=20,
    unique_by=lambda block: block[0],
).map(lambda found: sorted([(0, True, b"\x00"), *[one for one in found if one[0]]]))


@given(blocks, st.integers(1_600_000_000_000, 4_000_000_000_000))
def test_pictures_read_back_as_they_were_written(found: list[mkv.Block], start_ms: int) -> None:
    document = HEADER + mkv.cluster(start_ms, found)
    with av.open(io.BytesIO(document)) as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == (640, 360)
        read = [(packet.pts, bytes(packet)) for packet in container.demux(video) if packet.size]
    assert read == [(start_ms + offset, payload) for offset, _, payload in found]


@given(blocks, st.integers(0, 4_000_000_000_000))
def test_a_document_splits_into_what_it_was_made_of(found: list[mkv.Block], start_ms: int) -> None:
    cluster = mkv.cluster(start_ms, found)
    assert mkv.split(HEADER + cluster) == (HEADER, cluster)


@given(st.integers(1, 200))
def test_a_torn_document_is_refused(lost: int) -> None:
    document = HEADER + mkv.cluster(1, [(0, True, b"x" * 300)])
    with pytest.raises(ValueError, match=r"Cluster|header"):
        mkv.split(document[:-lost])


def test_real_video_decodes_picture_for_picture(film: Any) -> None:
    sequence = film.sets.sequence()
    assert (sequence.width, sequence.height) == (176, 128)
    written = [
        (index * 100, key, b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals))
        for index, (key, nals) in enumerate(film.units)
    ]
    document = mkv.header(film.sets.codec_private(), 176, 128) + mkv.cluster(1_800_000_000_000, written)
    with av.open(io.BytesIO(document)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        decoded = sum(len(packet.decode()) for packet in packets)
    assert [packet.is_keyframe for packet in packets] == [key for key, _ in film.units]
    assert decoded == len(film.units)
