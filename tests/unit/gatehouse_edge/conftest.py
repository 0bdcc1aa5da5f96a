"""Fake what is outside the proxy: a film, an RTSP camera, a PutMedia endpoint, an office's AWS."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np
import pytest
from aiohttp import web

from gatehouse.office.edge import EdgeDesired, EdgeObserved
from gatehouse_edge.errors import CameraRefusedError, EdgeError
from gatehouse_edge.media.h264 import ParameterSets

CLOCK_RATE = 90_000
_NTP = 2_208_988_800


@dataclass(frozen=True, slots=True)
class Film:
    """H.264 pictures as NAL units without parameter sets; 10 a second."""

    sets: ParameterSets
    units: list[tuple[bool, list[bytes]]]
    fps: int


def make_film(seconds: int = 3, fps: int = 10, gop: int = 10, *, still: bool = False) -> Film:
    """Encode a small moving (or still) picture."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 176, 128, "yuv420p"
        stream.options = {"g": str(gop), "bf": "0", "sc_threshold": "0", "preset": "ultrafast"}
        noise = np.random.default_rng(7)
        for index in range(seconds * fps):
            pixels = np.full((128, 176, 3), 90, np.uint8)
            if not still:
                pixels[:, :] = noise.integers(0, 40, (128, 176, 1), np.uint8)
                pixels[20:60, (index * 7) % 120 : (index * 7) % 120 + 40] = 220
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    sink.seek(0)
    with av.open(sink) as source:
        video = source.streams.video[0]
        extra = bytes(video.codec_context.extradata or b"")
        length = int.from_bytes(extra[6:8], "big")
        sps, rest = extra[8 : 8 + length], extra[8 + length :]
        pps = rest[3 : 3 + int.from_bytes(rest[1:3], "big")]
        units = [
            (packet.is_keyframe, list(_nals(bytes(packet)))) for packet in source.demux(video) if packet.size
        ]
    return Film(ParameterSets(sps, pps), units, fps)


def _nals(sample: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(sample):
        size = int.from_bytes(sample[at : at + 4], "big")
        yield sample[at + 4 : at + 4 + size]
        at += 4 + size


def rtp_packets(nals: list[bytes], timestamp: int, sequence: int, room: int = 1200) -> list[bytes]:
    """Packetise one picture: single NAL units and FU-A; the marker is on the last."""
    bodies: list[bytes] = []
    for nal in nals:
        if len(nal) <= room:
            bodies.append(nal)
            continue
        parts = [nal[at : at + room] for at in range(1, len(nal), room)]
        for index, part in enumerate(parts):
            flags = (0x80 if index == 0 else 0) | (0x40 if index == len(parts) - 1 else 0)
            bodies.append(bytes((nal[0] & 0xE0 | 28, flags | nal[0] & 31)) + part)
    return [
        struct.pack(
            ">BBHII",
            0x80,
            96 | (0x80 if index == len(bodies) - 1 else 0),
            (sequence + index) & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            7,
        )
        + body
        for index, body in enumerate(bodies)
    ]


def sender_report_packet(wall_s: float, timestamp: int) -> bytes:
    """Build the sender report a camera sends."""
    ntp = int((wall_s + _NTP) * 2**32)
    return struct.pack(">BBHIQIII", 0x80, 200, 6, 7, ntp, timestamp & 0xFFFFFFFF, 0, 0)


@dataclass
class FakeCamera:
    """A small RTSP server for one film; its fields may be changed while it runs."""

    film: Film
    username: str = "admin"
    password: str = "s3cret-pass"
    codec: str = "H264"
    scheme: str = "digest"
    speed: float = 1.0
    reports: bool = True
    clock_error_s: float = 0.0
    silent: bool = False
    in_band_sets: bool = False
    port: int = 0
    connections: int = 0
    requests: list[str] = field(default_factory=list)
    epoch: float = field(default_factory=time.time)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def secret(self) -> str:
        """The secret a proxy is given, with the password in the URL too."""
        url = f"rtsp://{self.username}:{self.password}@127.0.0.1:{self.port}/cam"
        return json.dumps({"url": url, "username": self.username, "password": self.password})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        self.connections += 1
        self._writers.add(writer)
        try:
            while line := (await reader.readline()).decode().strip():
                headers = {}
                while header := (await reader.readline()).decode().strip():
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                await self._answer(line.split(" ")[0], line.split(" ")[1], headers, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the proxy left, as it may
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(
        self, method: str, url: str, headers: dict[str, str], writer: asyncio.StreamWriter
    ) -> None:
        self.requests.append(method)
        lines, body = ["RTSP/1.0 200 OK"], ""
        if method != "OPTIONS" and not self._admits(method, headers.get("authorization", "")):
            lines = ["RTSP/1.0 401 Unauthorized"]
            digest = 'WWW-Authenticate: Digest realm="cam", nonce="abc", qop="auth"'
            lines.append(digest if self.scheme == "digest" else 'WWW-Authenticate: Basic realm="cam"')
        elif method == "DESCRIBE":
            body = self._sdp()
            lines.append(f"Content-Base: {url}/")
        elif method == "SETUP":
            lines += ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 42;timeout=60"]
        elif method == "OPTIONS":
            lines.append("Public: DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN")
        lines += [f"CSeq: {headers['cseq']}", f"Content-Length: {len(body)}"]
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        await writer.drain()
        if method == "PLAY":
            task = asyncio.create_task(self._play(writer))
            self._tasks.add(task)

    def _admits(self, method: str, given: str) -> bool:
        if self.scheme == "basic":
            return given == "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        fields = dict(
            part.strip().split("=", 1) for part in given.removeprefix("Digest ").split(",") if "=" in part
        )
        values = {key: value.strip('"') for key, value in fields.items()}
        secret = _md5(f"{self.username}:cam:{self.password}")
        asked = _md5(f"{method}:{values.get('uri')}")
        proof = f"{secret}:abc:{values.get('nc')}:{values.get('cnonce')}:auth:{asked}"
        return values.get("response") == _md5(proof)

    def _sdp(self) -> str:
        sprop = ""
        if not self.in_band_sets:
            pair = (base64.b64encode(nal).decode() for nal in (self.film.sets.sps, self.film.sets.pps))
            sprop = ";sprop-parameter-sets=" + ",".join(pair)
        if self.codec == "none":
            return "v=0\r\nm=audio 0 RTP/AVP 0\r\na=control:a\r\n"
        return (
            "v=0\r\nm=audio 0 RTP/AVP 0\r\na=control:audio\r\n"
            f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 {self.codec}/90000\r\n"
            f"a=fmtp:96 packetization-mode=1{sprop}\r\na=control:trackID=1\r\n"
        )

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        """Send the film again and again, in real time × speed; times belong to the camera's epoch."""
        started, sequence, index = time.time(), 65_530, 0
        first = int((started - self.epoch) * self.film.fps)
        if self.reports:
            at = first * CLOCK_RATE // self.film.fps
            wall = self.epoch + first / self.film.fps + self.clock_error_s
            writer.write(_framed(1, sender_report_packet(wall, at)))
        while not writer.is_closing():
            key, nals = self.film.units[index % len(self.film.units)]
            if self.in_band_sets and key:
                nals = [self.film.sets.sps, self.film.sets.pps, *nals]
            packets = rtp_packets(nals, (first + index) * CLOCK_RATE // self.film.fps, sequence)
            sequence += len(packets)
            if not self.silent:
                writer.write(b"".join(_framed(0, packet) for packet in packets))
            index += 1
            due = started + index / self.film.fps / self.speed
            await asyncio.sleep(max(0.0, due - time.time()))

    def hang_up(self) -> None:
        """Drop everyone who is connected."""
        for writer in self._writers:
            writer.transport.abort()

    def end(self) -> None:
        """Stop playing."""
        self.hang_up()
        for task in self._tasks:
            task.cancel()


def _framed(channel: int, packet: bytes) -> bytes:
    return struct.pack(">cBH", b"$", channel, len(packet)) + packet


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass
class FakePutMedia:
    """Acknowledge what is uploaded, as AWS does; its fields may be changed while it runs."""

    url: str = ""
    status: int = 200
    persists: bool = True
    refuse: dict[int, int] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytearray] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    persisted: list[int] = field(default_factory=list)
    ended_in_order: int = 0
    on_fragment: Callable[[int], None] = lambda _: None
    _open: set[web.StreamResponse] = field(default_factory=set)
    _transports: set[Any] = field(default_factory=set)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one upload: read and acknowledge at once."""
        self.headers.append(dict(request.headers))
        if self.status != 200:
            return web.json_response({"message": "no"}, status=self.status)
        answer = web.StreamResponse()
        await answer.prepare(request)
        body = bytearray()
        self.bodies.append(body)
        self._transports.add(request.transport)
        try:
            await self._read(request, answer, body)
        finally:
            self._transports.discard(request.transport)
        return answer

    async def _read(self, request: web.Request, answer: web.StreamResponse, body: bytearray) -> None:
        at = 0
        async for data in request.content.iter_any():
            body += data
            while (found := body.find(b"\x1fC\xb6u", at)) >= 0 and found + 12 <= len(body):
                size = int.from_bytes(body[found + 5 : found + 12], "big")
                if found + 12 + size > len(body):
                    break
                at = found + 12 + size
                timecode = _timecode(bytes(body[found + 12 : at]))
                if not await self._acknowledge(answer, timecode):
                    return
        self.ended_in_order += 1

    async def _acknowledge(self, answer: web.StreamResponse, timecode: int) -> bool:
        if error := self.refuse.get(timecode):
            await answer.write(_ack("ERROR", timecode, ErrorId=error, ErrorCode="PLANTED"))
            return False
        self.received.append(timecode)
        await answer.write(_ack("BUFFERING", timecode) + _ack("RECEIVED", timecode))
        if self.persists:
            self.persisted.append(timecode)
            await answer.write(_ack("PERSISTED", timecode))
        self.on_fragment(timecode)
        return True

    def hang_up(self) -> None:
        """Break every upload in the middle."""
        for transport in self._transports:
            if transport is not None:
                transport.abort()


def _timecode(cluster: bytes) -> int:
    size = int.from_bytes(cluster[1:9], "big") & ((1 << 56) - 1)
    return int.from_bytes(cluster[9 : 9 + size], "big")


def _ack(kind: str, timecode: int, **more: Any) -> bytes:
    return json.dumps(
        {"EventType": kind, "FragmentTimecode": timecode, "FragmentNumber": "1"} | more
    ).encode()


@dataclass
class FakeCloud:
    """An office's AWS in memory: documents, secrets; `down` refuses all of it."""

    office: str = "berlin"
    region: str = "eu-central-1"
    desired: EdgeDesired | None = None
    observed: list[EdgeObserved] = field(default_factory=list)
    secret_texts: dict[str, str] = field(default_factory=dict)
    clips: dict[str, bytes] = field(default_factory=dict)
    down: bool = False

    def read_desired(self, etag: str) -> tuple[EdgeDesired, str] | None:
        """Answer like S3 with a condition."""
        if self.down:
            raise EdgeError("can't reach S3: check the uplink")
        if self.desired is None or etag == f"v{self.desired.version}":
            return None
        return self.desired, f"v{self.desired.version}"

    def write_observed(self, document: EdgeObserved) -> None:
        """Keep what was written."""
        if self.down:
            raise EdgeError("can't reach S3: check the uplink")
        self.observed.append(document)

    def clip(self, key: str) -> bytes:
        """Answer like S3 with a probe's clip."""
        if key not in self.clips:
            raise EdgeError(f"can't read {key} (NoSuchKey): upload the clip")
        return self.clips[key]

    def secret(self, name: str) -> str:
        """Answer like Secrets Manager."""
        if name not in self.secret_texts:
            raise CameraRefusedError(f"secret {name} can't be had: create it")
        return self.secret_texts[name]


@pytest.fixture(scope="session")
def film() -> Film:
    """Three seconds with a key frame each second."""
    return make_film()


@pytest.fixture
async def start_camera(film: Film) -> AsyncIterator[Callable[..., Any]]:
    """Return a function that starts a FakeCamera on a free port."""
    running: list[tuple[asyncio.Server, FakeCamera]] = []

    async def start(**fields: Any) -> FakeCamera:
        camera = FakeCamera(**({"film": film} | fields))
        server = await asyncio.start_server(camera.serve, "127.0.0.1", 0)
        camera.port = server.sockets[0].getsockname()[1]
        running.append((server, camera))
        return camera

    yield start
    for server, camera in running:
        camera.end()
        server.close()


@pytest.fixture
def fake_cloud() -> FakeCloud:
    """Return an office's AWS with nothing in it."""
    return FakeCloud()


@pytest.fixture
async def put_media() -> AsyncIterator[FakePutMedia]:
    """Serve a FakePutMedia on a free port."""
    fake = FakePutMedia()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_post("/putMedia", fake.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    fake.url = f"http://{host}:{port}"
    yield fake
    fake.hang_up()
    await runner.cleanup()


async def until(condition: Callable[[], Any], time_limit_s: float = 15.0) -> None:
    """Wait for a state; fails naming nothing but the line that waited."""
    async with asyncio.timeout(time_limit_s):
        while not condition():  # noqa: ASYNC110 (any state at all)
            await asyncio.sleep(0.02)


@pytest.fixture(name="until")
def _until() -> Callable[..., Any]:
    return until
