from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from gatehouse_sample.cameras.rtp import MAX_PAYLOAD, RtpWriter, aggregate, payloads

NALS = st.lists(
    st.builds(lambda head, body: bytes((head,)) + body, st.integers(1, 0x7F), st.binary(max_size=5000)),
    min_size=1,
    max_size=4,
)


def reassemble(bodies: list[bytes]) -> list[bytes]:
    """Undo packetisation as RFC 6184 tells a receiver to."""
    nals: list[bytes] = []
    for body in bodies:
        if body[0] & 0x1F != 28:
            nals.append(body)
        elif body[1] & 0x80:
            nals.append(bytes(((body[0] & 0xE0) | (body[1] & 0x1F),)) + body[2:])
        else:
            nals[-1] += body[2:]
    return nals


@given(NALS.filter(lambda nals: all(nal[0] & 0x1F != 28 for nal in nals)))
def test_fragments_give_back_what_was_cut(nals: list[bytes]) -> None:
    bodies = list(payloads(nals))
    assert reassemble(bodies) == nals
    assert all(len(body) <= MAX_PAYLOAD for body in bodies)


def test_aggregate_holds_sized_units() -> None:
    assert aggregate((b"\x67ab", b"\x68c")) == b"\x78\x00\x03\x67ab\x00\x02\x68c"


def test_only_the_last_packet_of_a_picture_is_marked_and_numbers_wrap() -> None:
    writer = RtpWriter(ssrc=7, first_sequence=0xFFFF)
    packets = writer.packets([b"a", b"b"], timestamp=(1 << 32) + 5)
    heads = [struct.unpack(">BBHII", packet[:12]) for packet in packets]
    assert heads == [(0x80, 96, 0xFFFF, 5, 7), (0x80, 96 | 0x80, 0, 5, 7)]


def test_sender_report_tells_wall_time_and_counts() -> None:
    writer = RtpWriter(ssrc=7, first_sequence=0)
    writer.packets([b"abc", b"d"], timestamp=0)
    report = writer.sender_report(wall=1000.5, timestamp=90)
    ntp, fraction, timestamp, packets, octets = struct.unpack_from(">IIIII", report, 8)
    assert (ntp - 2_208_988_800, fraction, timestamp, packets, octets) == (1000, 1 << 31, 90, 2, 4)
    assert len(report) % 4 == 0
