"""Nothing leaves the outbox before it is persisted, but what its bound pushes out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gatehouse_edge.media import mkv
from gatehouse_edge.media.fragments import Fragment
from gatehouse_edge.uplink.outbox import Outbox, OutboxLimits
from gatehouse_edge.uplink.spool import Spool

HEADER = mkv.header(bytes.fromhex("0142c01effe1000467424042a601000468ce3c80"), 64, 48)


def fragment(second: int, size: int = 100) -> Fragment:
    cluster = mkv.cluster(second * 1000, [(0, True, b"x" * size)])
    return Fragment(second * 1000, 1000, HEADER, cluster, b"x", 0)


def files(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def take(outbox: Outbox) -> int:
    parcel = await outbox.peek()
    assert parcel is not None
    loaded = await outbox.load(parcel)
    assert loaded == (HEADER, fragment(parcel.start_ms // 1000).cluster)
    parcel.sent = True
    return parcel.start_ms // 1000


async def test_fragments_go_in_order_and_again_until_persisted(tmp_path: Path) -> None:
    outbox = Outbox(Spool(tmp_path))
    for second in (1, 2, 3):
        await outbox.put(fragment(second))
    assert [await take(outbox) for _ in range(3)] == [1, 2, 3]
    assert await outbox.persisted(2000)
    assert not await outbox.persisted(9000)
    outbox.rewind()
    assert [await take(outbox) for _ in range(2)] == [1, 3]


async def test_an_outage_goes_to_disk_and_a_new_process_finds_it(tmp_path: Path) -> None:
    outbox = Outbox(Spool(tmp_path))
    await outbox.put(fragment(1))
    outbox.durable = True
    await outbox.spill()
    await outbox.put(fragment(2))
    assert outbox.spooled == 2
    (tmp_path / "000000000003000-1000.part").write_bytes(b"torn")
    heir = Outbox(Spool(tmp_path))
    assert await heir.recover() == 2
    assert heir.doubtful == [1000, 2000]
    await heir.put(fragment(3))
    assert [await take(heir) for _ in range(3)] == [1, 2, 3]
    assert heir.spooled == 3  # behind what is on disk, memory would lose its order's tail to a kill
    for second in (1, 2, 3):
        assert await heir.persisted(second * 1000)
    assert files(tmp_path) == []


async def test_beyond_its_bound_the_oldest_is_the_gap(tmp_path: Path) -> None:
    size = fragment(1).size
    outbox = Outbox(Spool(tmp_path), OutboxLimits(disk_bytes=3 * size))
    outbox.durable = True
    for second in range(1, 6):
        await outbox.put(fragment(second))
    assert outbox.dropped == 2
    assert len(files(tmp_path)) == 3
    assert await take(outbox) == 3


async def test_a_damaged_file_is_a_counted_gap(tmp_path: Path) -> None:
    outbox = Outbox(Spool(tmp_path))
    outbox.durable = True
    await outbox.put(fragment(1))
    files(tmp_path)[0].write_bytes(b"rubbish")
    parcel = await outbox.peek()
    assert parcel is not None
    assert await outbox.load(parcel) is None
    assert (outbox.dropped, len(outbox)) == (1, 0)


async def test_memory_is_bounded_while_the_uplink_is_slow(tmp_path: Path) -> None:
    outbox = Outbox(Spool(tmp_path), OutboxLimits(memory_bytes=2 * fragment(1).size))
    for second in range(1, 5):
        await outbox.put(fragment(second))
    assert outbox.spooled == 2
    assert [await take(outbox) for _ in range(4)] == [1, 2, 3, 4]


async def test_a_disk_that_takes_nothing_leaves_memory_as_the_bound(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    size = fragment(1).size
    outbox = Outbox(Spool(tmp_path / "file" / "spool"), OutboxLimits(memory_bytes=2 * size))
    outbox.durable = True
    for second in range(1, 6):
        await outbox.put(fragment(second))
    assert outbox.dropped == 2
    assert await take(outbox) == 3


async def test_the_window_of_unpersisted_fragments_is_bounded(tmp_path: Path) -> None:
    outbox = Outbox(Spool(tmp_path), OutboxLimits(in_flight=2))
    for second in (1, 2, 3):
        await outbox.put(fragment(second))
    await take(outbox)
    await take(outbox)
    waiting = asyncio.ensure_future(outbox.peek())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.05)
    await outbox.persisted(1000)
    parcel = await waiting
    assert parcel is not None
    assert parcel.start_ms == 3000


async def test_a_closed_outbox_ends_once_empty(tmp_path: Path) -> None:
    outbox = Outbox(Spool(tmp_path))
    await outbox.put(fragment(1))
    outbox.close()
    await take(outbox)
    ended = asyncio.ensure_future(outbox.peek())
    await outbox.persisted(1000)
    assert await ended is None
