"""Stand around the edge proxy for bench/edge.py: cameras and an AWS that take next to no CPU.

`python bench/edge_rig.py cameras|cloud --cameras N …` each serves until stopped and prints its port.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import struct
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import av
import numpy as np
from aiohttp import web

CLOCK_RATE, FPS, SECONDS, ROOM = 90_000, 25, 8, 1400
_NTP = 2_208_988_800


def film(bit_rate: int) -> list[tuple[bool, list[bytes]]]:
    """Encode 720p noise and movement at the bit rate of an office camera; a key frame each second."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        stream.bit_rate = bit_rate
        stream.options = {
            "g": str(FPS), "bf": "0", "sc_threshold": "0", "preset": "ultrafast",
            "tune": "zerolatency", "maxrate": str(bit_rate), "bufsize": str(bit_rate),
        }  # fmt: skip
        noise = np.random.default_rng(3).integers(80, 110, (760, 1320, 3), np.uint8)
        for index in range(FPS * SECONDS):
            pixels = np.ascontiguousarray(
                noise[index % 40 : index % 40 + 720, index % 36 : index % 36 + 1280]
            )
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    sink.seek(0)
    with av.open(sink) as source:
        video = source.streams.video[0]
        extra = bytes(video.codec_context.extradata or b"")
        length = int.from_bytes(extra[6:8], "big")
        sets = [extra[8 : 8 + length], extra[8 + length + 3 :]]
        return [
            (packet.is_keyframe, (sets if packet.is_keyframe else []) + _nals(bytes(packet)))
            for packet in source.demux(video)
            if packet.size
        ]


def _nals(sample: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(sample):
        size = int.from_bytes(sample[at : at + 4], "big")
        found.append(sample[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def bodies(nals: list[bytes]) -> list[bytes]:
    """Cut NAL units into RTP payloads."""
    found: list[bytes] = []
    for nal in nals:
        if len(nal) <= ROOM:
            found.append(nal)
            continue
        parts = [nal[at : at + ROOM] for at in range(1, len(nal), ROOM)]
        for index, part in enumerate(parts):
            flags = (0x80 if index == 0 else 0) | (0x40 if index == len(parts) - 1 else 0)
            found.append(bytes((nal[0] & 0xE0 | 28, flags | nal[0] & 31)) + part)
    return found


class Cameras:
    """Serve the film to whoever asks, one write a picture, as cameras do."""

    def __init__(self, units: list[tuple[bool, list[bytes]]]) -> None:
        self._units = [bodies(nals) for _, nals in units]
        self._playing: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer RTSP without asking for credentials."""
        try:
            while line := (await reader.readline()).decode().strip():
                sequence = ""
                while header := (await reader.readline()).decode().strip():
                    if header.lower().startswith("cseq"):
                        sequence = header
                await self._answer(line.split(" ")[0], line.split(" ")[1], sequence, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the reader left: the benchmark is over
        finally:
            writer.close()

    async def _answer(self, method: str, url: str, sequence: str, writer: asyncio.StreamWriter) -> None:
        more, body = "", ""
        if method == "DESCRIBE":
            more = f"Content-Base: {url}/\r\nContent-Type: application/sdp\r\n"
            body = (
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=bench\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
                "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
                "a=fmtp:96 packetization-mode=1\r\na=control:trackID=0\r\n"
            )
        elif method == "SETUP":
            more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        writer.write(
            f"RTSP/1.0 200 OK\r\n{sequence}\r\nSession: 1;timeout=60\r\n{more}"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        await writer.drain()
        if method == "PLAY":
            task = asyncio.create_task(self._play(writer))
            self._playing.add(task)

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        started, sequence, index = time.time(), 0, 0
        while not writer.is_closing():
            if index % (5 * FPS) == 0:
                wall = int((started + index / FPS + _NTP) * 2**32)
                report = struct.pack(">BBHIQIII", 0x80, 200, 6, 7, wall, index * CLOCK_RATE // FPS, 0, 0)
                writer.write(struct.pack(">cBH", b"$", 1, len(report)) + report)
            payloads = self._units[index % len(self._units)]
            frames = []
            for number, payload in enumerate(payloads):
                marker = 0x80 if number == len(payloads) - 1 else 0
                timestamp = index * CLOCK_RATE // FPS & 0xFFFFFFFF
                frames.append(
                    struct.pack(
                        ">cBHBBHII",
                        b"$",
                        0,
                        12 + len(payload),
                        0x80,
                        96 | marker,
                        sequence & 0xFFFF,
                        timestamp,
                        7,
                    )
                )
                frames.append(payload)
                sequence += 1
            writer.write(b"".join(frames))
            index += 1
            await asyncio.sleep(max(0.0, started + index / FPS - time.time()))


class Cloud:
    """Be the few AWS answers that the proxy needs, and a sink for whoever posts Matroska."""

    def __init__(self, cameras: int, rtsp_port: int) -> None:
        self.persisted = 0
        self._rtsp_port = rtsp_port
        self._desired = json.dumps({
            "office": "bench", "region": "eu-central-1", "version": 1,
            "cameras": [
                {"camera_id": f"CAM_{n}", "stream_name": f"gatehouse-CAM_{n}", "rtsp_secret": f"{n}"}
                for n in range(cameras)
            ],
        })  # fmt: skip

    def app(self) -> web.Application:
        """Build the routes."""
        app = web.Application(client_max_size=1 << 40)
        app.router.add_post("/", self._secret)
        app.router.add_post("/getDataEndpoint", self._endpoint)
        app.router.add_post("/putMedia", self._put_media)
        app.router.add_post("/sink", self._sink)
        app.router.add_get("/count", self._count)
        app.router.add_get("/{bucket}/edge/bench/desired.json", self._get)
        app.router.add_put("/{bucket}/edge/bench/observed.json", self._put)
        return app

    async def _secret(self, request: web.Request) -> web.Response:
        name = json.loads(await request.text())["SecretId"]
        secret = {"url": f"rtsp://127.0.0.1:{self._rtsp_port}/{name}"}
        return web.json_response({"Name": name, "ARN": name, "SecretString": json.dumps(secret)})

    async def _endpoint(self, request: web.Request) -> web.Response:
        return web.json_response({"DataEndpoint": f"http://{request.host}"})

    async def _get(self, request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match"):
            return web.Response(status=304)
        return web.Response(text=self._desired, headers={"ETag": '"1"'})

    async def _put(self, request: web.Request) -> web.Response:
        await request.read()
        return web.Response(headers={"ETag": '"2"'})

    async def _count(self, _: web.Request) -> web.Response:
        return web.json_response({"persisted": self.persisted})

    async def _sink(self, request: web.Request) -> web.Response:
        with contextlib.suppress(ConnectionError):  # the peer is terminated, not asked to finish
            async for _ in request.content.iter_any():
                pass
        return web.Response()

    async def _put_media(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        async for timecode in _clusters(request):
            for kind in ("BUFFERING", "RECEIVED", "PERSISTED"):
                ack = {"EventType": kind, "FragmentTimecode": timecode, "FragmentNumber": "1"}
                await answer.write(json.dumps(ack).encode() + b"\n")
            self.persisted += 1
        return answer


async def _clusters(request: web.Request) -> AsyncIterator[int]:
    """Yield the timecode of each whole Cluster; Clusters here have a size of eight bytes."""
    buffer = bytearray()
    async for data in request.content.iter_any():
        buffer += data
        while (at := buffer.find(b"\x1fC\xb6u")) >= 0 and len(buffer) >= at + 12:
            end = at + 12 + int.from_bytes(buffer[at + 5 : at + 12], "big")
            if end > len(buffer):
                break
            width = buffer[at + 20]
            yield int.from_bytes(buffer[at + 21 : at + 21 + width], "big")
            del buffer[:end]


async def _main(options: argparse.Namespace) -> None:
    if options.part == "cameras":
        server = await asyncio.start_server(Cameras(film(options.bit_rate)).serve, "127.0.0.1", 0)
        port: Any = server.sockets[0].getsockname()[1]
    else:
        runner = web.AppRunner(Cloud(options.cameras, options.rtsp_port).app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("cameras", "cloud"))
    parser.add_argument("--cameras", type=int, default=1)
    parser.add_argument("--rtsp-port", type=int, default=0)
    parser.add_argument("--bit-rate", type=int, default=1_500_000)
    asyncio.run(_main(parser.parse_args()))
