"""Play the cameras with FFmpeg's own RTSP client, as the edge proxy does."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import time
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import av
import av.error
import pytest

from gatehouse_sample.cameras.server import load_cameras, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def running(company: Path) -> AsyncIterator[int]:
    async with serving(load_cameras(company, company / "loops.jsonl"), "127.0.0.1", 0) as port:
        yield port


def play(
    port: int, frames: int, login: str = "gate:h0use", camera: str = "CAM_A"
) -> list[tuple[float, bool, int]]:
    """Return (seconds, key, size) of a number of pictures."""
    options = {"rtsp_transport": "tcp", "timeout": "4000000"}
    seen: list[tuple[float, bool, int]] = []
    with av.open(f"rtsp://{login}@127.0.0.1:{port}/{camera}", options=options) as container:
        for packet in container.demux(container.streams.video[0]):
            # FFmpeg's client gives the very first picture no timestamp, whatever the camera.
            if packet.pts is None or packet.time_base is None:
                continue
            seen.append((float(packet.pts * packet.time_base), packet.is_keyframe, packet.size))
            if len(seen) == frames:
                break
    return seen


async def test_ffmpeg_plays_across_the_loop_in_real_time(company: Path) -> None:
    async with running(company) as port:
        began = time.monotonic()
        seen = await asyncio.to_thread(play, port, 36)
        took = time.monotonic() - began
    times = [at for at, _, _ in seen]
    assert [key for _, key, _ in seen].count(True) in (3, 4)
    assert all(b - a == pytest.approx(0.1, abs=0.001) for a, b in pairwise(times))
    assert 2.0 < took < 6.0


async def test_pictures_decode(company: Path) -> None:
    def first_picture(port: int) -> tuple[int, int]:
        with av.open(f"rtsp://gate:h0use@127.0.0.1:{port}/CAM_A", options={"rtsp_transport": "tcp"}) as found:
            frame = next(found.decode(video=0))
            return frame.width, frame.height

    async with running(company) as port:
        assert await asyncio.to_thread(first_picture, port) == (320, 240)


async def test_every_loop_start_is_journalled_at_once(company: Path) -> None:
    began = time.time()
    async with running(company):
        await asyncio.sleep(3.3)
    entries = [json.loads(line) for line in (company / "loops.jsonl").read_text().splitlines()]
    starts = {entry["loop"]: entry["wall_start"] for entry in entries if entry["camera_id"] == "CAM_B"}
    assert sorted(starts) == [0, 1]
    assert starts[1] - starts[0] == pytest.approx(3.0, abs=1e-3)
    assert starts[0] == pytest.approx(began, abs=1.0)


async def test_wrong_password_and_unknown_camera_are_refused(company: Path) -> None:
    async with running(company) as port:
        with pytest.raises(av.error.HTTPUnauthorizedError):
            await asyncio.to_thread(play, port, 1, "gate:wrong")
        with pytest.raises(av.error.HTTPNotFoundError):
            await asyncio.to_thread(play, port, 1, camera="CAM_NONE")


async def test_basic_credentials_are_enough(company: Path) -> None:
    token = base64.b64encode(b"gate:h0use").decode()
    async with running(company) as port:
        client = await Client.connect(port)
        assert "401" in await client.ask("DESCRIBE")
        answer = await client.ask("DESCRIBE", f"Authorization: Basic {token}\r\n")
        assert "sprop-parameter-sets=" in await client.body(answer)
        assert "461" in await client.ask(
            "SETUP", f"Authorization: Basic {token}\r\nTransport: RTP/AVP;unicast;client_port=5-6\r\n"
        )
        await client.close()


async def test_first_packet_is_a_sender_report_with_the_capture_time(company: Path) -> None:
    async with running(company) as port:
        client = await Client.playing(port)
        channel, report = await client.packet()
        assert channel == 1
        ntp, fraction, report_at = struct.unpack_from(">III", report, 8)
        while channel != 0:
            channel, rtp = await client.packet()
        (picture_at,) = struct.unpack_from(">I", rtp, 4)
        wall = ntp - 2_208_988_800 + fraction / 2**32 + _ticks(picture_at - report_at) / 90_000
        await client.close()
    start = json.loads((company / "loops.jsonl").read_text().splitlines()[0])["wall_start"]
    # Key frames are a second apart, so the first picture was captured a whole second after a loop's start.
    assert (wall - start) % 1.0 == pytest.approx(0.0, abs=2e-3) or (wall - start) % 1.0 > 0.998


async def test_viewers_see_the_same_live_picture(company: Path) -> None:
    async with running(company) as port:
        first, second = await Client.playing(port), await Client.playing(port)
        assert {await first.next_key_timestamp()} & {await second.next_key_timestamp()}
        await first.close()
        await second.close()


@pytest.mark.parametrize("fault", ["mute", "hang"])
async def test_a_silent_camera_sends_no_picture(company: Path, fault: str) -> None:
    (company / "faults.json").write_text(json.dumps({"CAM_A": fault}))
    async with running(company) as port:
        client = await Client.playing(port)
        assert await client.channels(seconds=1.5) == ({1} if fault == "mute" else set())
        await client.close()


async def test_a_fault_that_needs_a_new_session_ends_the_old_one(company: Path) -> None:
    async with running(company) as port:
        client = await Client.playing(port)
        (company / "faults.json").write_text('{"CAM_A": "unauthorised"}')
        await asyncio.wait_for(client.until_closed(), 5)
        with pytest.raises(av.error.HTTPUnauthorizedError):
            await asyncio.to_thread(play, port, 1)
        assert await asyncio.to_thread(play, port, 1, camera="CAM_B")


async def test_an_h265_camera_says_and_sends_h265(company: Path) -> None:
    def codec(port: int) -> str:
        url = f"rtsp://gate:h0use@127.0.0.1:{port}/CAM_A"
        with av.open(url, options={"rtsp_transport": "tcp"}) as container:
            next(container.decode(video=0))
            return container.streams.video[0].codec_context.name

    (company / "faults.json").write_text('{"CAM_A": "h265"}')
    async with running(company) as port:
        assert await asyncio.to_thread(codec, port) == "hevc"


async def test_a_frozen_camera_repeats_one_second(company: Path) -> None:
    (company / "faults.json").write_text('{"CAM_A": "frozen"}')
    async with running(company) as port:
        seen = await asyncio.to_thread(play, port, 30)
    sizes = [size for _, _, size in seen]
    assert sizes[0:10] == sizes[10:20] == sizes[20:30]


def _ticks(difference: int) -> int:
    """Read a difference of 32-bit timestamps as signed."""
    return (difference + (1 << 31)) % (1 << 32) - (1 << 31)


class Client:
    """Speak just enough RTSP to look at packets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str) -> None:
        self._reader, self._writer, self._url, self._cseq = reader, writer, url, 0

    @classmethod
    async def connect(cls, port: int) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        return cls(reader, writer, f"rtsp://127.0.0.1:{port}/CAM_A")

    @classmethod
    async def playing(cls, port: int) -> Client:
        client = await cls.connect(port)
        login = f"Authorization: Basic {base64.b64encode(b'gate:h0use').decode()}\r\n"
        assert "200" in await client.ask(
            "SETUP", login + "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        )
        assert "200" in await client.ask("PLAY", login)
        return client

    async def ask(self, method: str, headers: str = "") -> str:
        self._cseq += 1
        self._writer.write(f"{method} {self._url} RTSP/1.0\r\nCSeq: {self._cseq}\r\n{headers}\r\n".encode())
        return (await self._reader.readuntil(b"\r\n\r\n")).decode()

    async def body(self, answer: str) -> str:
        length = int(answer.split("Content-Length: ")[1].split("\r\n")[0])
        return (await self._reader.readexactly(length)).decode()

    async def packet(self) -> tuple[int, bytes]:
        _, channel, length = struct.unpack(">cBH", await self._reader.readexactly(4))
        return channel, await self._reader.readexactly(length)

    async def next_key_timestamp(self) -> int:
        """Return the timestamp of the next picture that starts with parameter sets (STAP-A)."""
        while True:
            channel, data = await self.packet()
            if channel == 0 and data[12] & 0x1F == 24:
                return int(struct.unpack_from(">I", data, 4)[0])

    async def channels(self, seconds: float) -> set[int]:
        seen = set()
        try:
            async with asyncio.timeout(seconds):
                while True:
                    seen.add((await self.packet())[0])
        except TimeoutError:
            return seen

    async def until_closed(self) -> None:
        while await self._reader.read(65536):
            pass

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def test_a_camera_that_ends_is_named(company: Path, caplog: pytest.LogCaptureFixture) -> None:
    loops = company / "loops.jsonl"
    loops.mkdir()  # a journal that can't be written
    async with serving(load_cameras(company, loops), "127.0.0.1", 0):
        async with asyncio.timeout(5):
            while "CAM_A ended" not in caplog.text:  # noqa: ASYNC110 - the other side is a log
                await asyncio.sleep(0.01)
