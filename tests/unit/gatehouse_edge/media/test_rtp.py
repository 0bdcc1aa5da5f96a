"""Access units come out of any packetisation whole, and never out of a damaged one."""

from __future__ import annotations

import struct
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from gatehouse_edge.media.rtp import AccessUnit, Depacketiser, sender_report

nal_units = st.builds(
    lambda kind, body: bytes((0x60 | kind,)) + body, st.sampled_from([1, 5, 6]), st.binary(max_size=4000)
)
pictures = st.lists(st.lists(nal_units, min_size=1, max_size=4), min_size=1, max_size=6)


def packet(body: bytes, sequence: int, timestamp: int, *, marker: bool) -> bytes:
    return struct.pack(">BBHII", 0x80, 96 | marker << 7, sequence & 0xFFFF, timestamp, 7) + body


def packetise(found: list[list[bytes]], room: int) -> list[bytes]:
    """Use single NAL units, STAP-A for runs of small ones, and FU-A."""
    packets: list[bytes] = []
    for index, nals in enumerate(found):
        bodies: list[bytes] = []
        if all(len(nal) < room // 4 for nal in nals) and len(nals) > 1:
            bodies.append(b"\x78" + b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals))
        else:
            for nal in nals:
                bodies += _fragments(nal, room) if len(nal) > room else [nal]
        for number, body in enumerate(bodies):
            packets.append(
                packet(body, 65_533 + len(packets), 1000 * (index + 1), marker=number == len(bodies) - 1)
            )
    return packets


def _fragments(nal: bytes, room: int) -> list[bytes]:
    parts = [nal[at : at + room] for at in range(1, len(nal), room)]
    return [
        bytes((nal[0] & 0xE0 | 28, (index == 0) << 7 | (index == len(parts) - 1) << 6 | nal[0] & 31)) + part
        for index, part in enumerate(parts)
    ]


def collect(
    packets: list[bytes], learn: Callable[[int, bytes], None] = lambda _k, _n: None
) -> list[AccessUnit]:
    units: list[AccessUnit] = []
    depacketiser = Depacketiser(units.append, learn)
    for one in packets:
        # Somewhere in a larger buffer, as in life.
        depacketiser.push(bytearray(b"$$$$" + one + b"rest"), 4, 4 + len(one))
    return units


def sample(nals: list[bytes]) -> bytes:
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


@given(pictures, st.integers(50, 1400))
def test_pictures_survive_packetising(found: list[list[bytes]], room: int) -> None:
    units = collect(packetise(found, room))
    assert [unit.data for unit in units] == [sample(nals) for nals in found]
    assert [unit.key for unit in units] == [any(nal[0] & 31 == 5 for nal in nals) for nals in found]
    assert all(unit.intact for unit in units)


@given(pictures, st.integers(50, 1400), st.data())
def test_no_damaged_picture_passes_for_whole(
    found: list[list[bytes]], room: int, data: st.DataObject
) -> None:
    """All but the very first packet: nothing tells that one came before it."""
    packets = packetise(found, room)
    lost = data.draw(st.integers(1, len(packets)))
    units = collect(packets[:lost] + packets[lost + 1 :])
    whole = {sample(nals) for nals in found}
    assert all(unit.data in whole for unit in units if unit.intact)


def test_a_missing_marker_still_ends_a_picture() -> None:
    packets = [packet(b"\x65one", 1, 10, marker=False), packet(b"\x61two", 2, 20, marker=False)]
    assert [unit.data for unit in collect(packets)] == [sample([b"\x65one"])]


def test_extension_and_padding_are_not_picture() -> None:
    head = struct.pack(">BBHII", 0x80 | 0x10 | 0x20, 96 | 0x80, 1, 10, 7)
    body = head + struct.pack(">HHI", 0xBEDE, 1, 99) + b"\x65picture" + b"\x00\x00\x03"
    assert collect([body])[0].data == sample([b"\x65picture"])


def test_parameter_sets_are_learnt() -> None:
    learnt: list[tuple[int, bytes]] = []
    collect(
        [packet(b"\x67sps", 1, 10, marker=False), packet(b"\x68pps", 2, 10, marker=True)],
        lambda kind, nal: learnt.append((kind, nal)),
    )
    assert learnt == [(7, b"\x67sps"), (8, b"\x68pps")]


def test_a_sender_report_is_found_in_a_compound_packet() -> None:
    ntp = (1_800_000_000 + 2_208_988_800) << 32 | 1 << 31
    report = struct.pack(">BBHIQIII", 0x80, 200, 6, 7, ntp, 4242, 0, 0)
    description = struct.pack(">BBHI", 0x81, 202, 1, 7)
    found = sender_report(description + report)
    assert found is not None
    assert (found.timestamp, found.wall_s) == (4242, 1_800_000_000.5)
    assert sender_report(description) is None


def test_a_report_of_an_unset_clock_is_none() -> None:
    assert sender_report(struct.pack(">BBHIQIII", 0x80, 200, 6, 7, 0, 4242, 0, 0)) is None
