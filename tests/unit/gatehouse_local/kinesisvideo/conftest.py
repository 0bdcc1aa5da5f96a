"""Give the tests real H.264, a front door on a free port and a producer that reads its ACKs."""

from __future__ import annotations

import contextlib
import io
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import boto3
import numpy as np
import pytest
import uvicorn
from PIL import Image

from gatehouse_local import kinesisvideo
from gatehouse_local.core.calls import CallLog
from gatehouse_local.core.door import Door
from gatehouse_local.core.exchange import Rules
from gatehouse_local.core.faults import Faults
from gatehouse_local.core.quotas import Quotas
from gatehouse_local.core.runtime import Runtime
from gatehouse_local.core.store import Store

REGION = "eu-central-1"
ACCOUNT = "123456789012"
FAST = {"creating_s": 0.05, "updating_s": 0.0, "deleting_s": 0.05}


class Sink:
    """Collect what a muxer writes; without seek, so the muxer streams."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


def encode(frames: int, *, fps: int = 25, gop: int = 25, start_ms: int = 0) -> bytes:
    """Encode a live MKV as FFmpeg's muxer writes it; a frame's number, up to 34, is its brightness."""
    sink, random = Sink(), np.random.default_rng(7)
    options = {"live": "1", "cluster_time_limit": "30000", "cluster_size_limit": str(40 << 20)}
    output = av.open(sink, "w", format="matroska", options={**options, "flush_packets": "1"})
    x264 = f"keyint={gop}:min-keyint={gop}:scenecut=0"
    stream = output.add_stream(
        "libx264", rate=fps, options={"preset": "ultrafast", "tune": "zerolatency", "x264-params": x264}
    )
    stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000)
    for number in range(frames):
        pixels = random.integers(-3, 4, (120, 160, 3)) + 40 + number % 35 * 6
        frame = av.VideoFrame.from_ndarray(pixels.astype(np.uint8), format="rgb24")
        frame.pts, frame.time_base = start_ms + number * 1000 // fps, Fraction(1, 1000)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
    output.close()
    return bytes(sink.data)


def frame_number(image: Image.Image) -> int:
    """Read the number, up to 34, off a frame or a picture of it."""
    return round((float(np.asarray(image.convert("L")).mean()) - 40) / 6)


def image_of(frame: Any) -> Image.Image:
    image: Image.Image = frame.to_image()
    return image


def decode(mkv: bytes) -> list[int]:
    """Answer the numbers of the frames of a document."""
    with av.open(io.BytesIO(mkv), mode="r", format="matroska") as container:
        return [frame_number(image_of(frame)) for frame in container.decode(video=0)]


@dataclass
class Producer:
    """Send media over one PutMedia connection while a thread reads what comes back."""

    port: int
    headers: dict[str, str]
    status: int = 0
    acks: queue.Queue[dict[str, Any] | None] = field(default_factory=queue.Queue)

    def __enter__(self) -> Producer:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        scope = f"{ACCOUNT}/20260101/{REGION}/kinesisvideo/aws4_request"
        sent = {
            "Host": f"127.0.0.1:{self.port}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            "Transfer-Encoding": "chunked",
            **self.headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        self.socket.sendall(f"POST /putMedia HTTP/1.1\r\n{lines}\r\n".encode())
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        # The reader's file keeps the socket open, so closing alone would tell the server nothing.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.reader.join(timeout=10)

    def send(self, data: bytes) -> None:
        self.socket.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def finish(self) -> None:
        self.socket.sendall(b"0\r\n\r\n")

    def next_ack(self, timeout: float = 10) -> dict[str, Any] | None:
        """Answer the next acknowledgement, or None where the server ended the answer."""
        return self.acks.get(timeout=timeout)

    def rest(self) -> list[dict[str, Any]]:
        """Answer every acknowledgement until the server ends the answer."""
        return list(iter(self.next_ack, None))

    def until(self, event: str) -> dict[str, Any]:
        """Answer the next acknowledgement of a kind."""
        while (ack := self.next_ack()) is not None:
            if ack["EventType"] == event:
                return ack
        raise AssertionError(f"the connection ended before {event}")

    def _read(self) -> None:
        try:
            with self.socket.makefile("rb") as answer:
                self.status = int(answer.readline().split()[1])
                length, chunked = 0, False
                while line := answer.readline().strip().lower():
                    chunked |= line == b"transfer-encoding: chunked"
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                if not chunked:
                    self.acks.put(json.loads(answer.read(length)))
                while chunked and (size := int(answer.readline(), 16)):
                    for one in answer.read(size).splitlines():
                        self.acks.put(json.loads(one))
                    answer.readline()
        except (OSError, ValueError):
            pass  # the test closed the socket, or the server broke it off: either way there is no more
        finally:
            self.acks.put(None)


class Cloud:
    """Run the front door with Kinesis Video alone, on a state folder that survives `restart`."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder, self.settings = folder, settings
        self.faults = Faults()
        self.quotas = Quotas.defaults()
        self.offset_s = 0.0
        self.clients: dict[tuple[str, int], Any] = {}

    def start(self) -> Cloud:
        self.store = Store(self.folder / "state.sqlite")
        runtime = Runtime(
            store=self.store,
            state_dir=self.folder,
            endpoint="http://127.0.0.1:1",
            clock=lambda: time.time() + self.offset_s,
            config={"kinesisvideo": self.settings},
            faults=self.faults,
            quotas=self.quotas,
        )
        self.services = kinesisvideo.build(runtime)
        rules = Rules(self.quotas, self.faults, CallLog(self.folder))
        door = Door(self.services, rules, proxy=None, control=None)  # type: ignore[arg-type]
        config = uvicorn.Config(door, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
        config.timeout_graceful_shutdown = 3
        self.server = uvicorn.Server(config)
        for service in self.services:
            service.start()
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive(), "the front door did not come up"
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        for service in self.services:
            service.stop()
        self.server.should_exit = True
        self.thread.join(timeout=15)
        self.store.close()

    def restart(self) -> None:
        self.stop()
        self.start()

    def client(self, service: str) -> Any:
        if (service, self.port) not in self.clients:
            session: Any = boto3.Session()
            self.clients[service, self.port] = session.client(
                service,
                endpoint_url=f"http://127.0.0.1:{self.port}",
                region_name=REGION,
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key="x",
            )
        return self.clients[service, self.port]

    def active_stream(self, name: str = "cam", hours: int = 1) -> str:
        control = self.client("kinesisvideo")
        arn: str = control.create_stream(StreamName=name, DataRetentionInHours=hours)["StreamARN"]
        while control.describe_stream(StreamName=name)["StreamInfo"]["Status"] != "ACTIVE":
            time.sleep(0.05)
        return arn

    def producer(self, name: str = "cam", *, relative_to: float | None = None) -> Producer:
        headers = {"x-amzn-stream-name": name, "x-amzn-fragment-timecode-type": "ABSOLUTE"}
        if relative_to is not None:
            headers |= {
                "x-amzn-fragment-timecode-type": "RELATIVE",
                "x-amzn-producer-start-timestamp": f"{relative_to:.3f}",
            }
        return Producer(self.port, headers)

    def put(self, media: bytes, name: str = "cam") -> list[dict[str, Any]]:
        """Send whole media over one connection and answer every acknowledgement."""
        with self.producer(name) as producer:
            producer.send(media)
            producer.finish()
            return producer.rest()


@pytest.fixture(scope="session")
def h264() -> Callable[..., bytes]:
    """Encode video whose frames tell their number."""
    return cache(encode)


@pytest.fixture(scope="session")
def frames_of() -> Callable[[bytes], list[int]]:
    """Read the frame numbers out of a document."""
    return decode


@pytest.fixture(scope="session")
def number_on() -> Callable[[Image.Image], int]:
    """Read the frame number off a picture."""
    return frame_number


@pytest.fixture
def make_cloud(tmp_path: Path) -> Iterator[Callable[..., Cloud]]:
    """Start clouds with changed settings; all end with the test."""
    clouds: list[Cloud] = []

    def make(**settings: Any) -> Cloud:
        clouds.append(Cloud(tmp_path / f"cloud-{len(clouds)}", {**FAST, **settings}).start())
        return clouds[-1]

    yield make
    for cloud in clouds:
        cloud.stop()


@pytest.fixture
def cloud(make_cloud: Callable[..., Cloud]) -> Cloud:
    """Start a cloud with quick states."""
    return make_cloud()
