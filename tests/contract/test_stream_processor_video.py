"""Stream processors: real faces found in real, live video."""

from __future__ import annotations

import functools
import io
import os
import socket
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from processor_place import Place, eventually


def test_live_video_becomes_records_with_the_person_in_it(place: Place, cloud: Any, photos: Path) -> None:
    known, stranger = person(photos, "employee"), person(photos, "non_employee")
    place.rekognition.index_faces(
        CollectionId=place.name, Image={"Bytes": known.read_bytes()}, ExternalImageId="p1"
    )
    place.create()
    place.start()
    eventually(lambda: place.status() == "RUNNING")
    began = time.time()
    with Camera(cloud.door_port, place.name, [known, stranger, None]):
        found = eventually(lambda: enough(place.records()), 60)
    assert {"InputInformation", "StreamProcessorInformation", "FaceSearchResponse"} == set(found[0])
    assert found[0]["StreamProcessorInformation"] == {"Status": "RUNNING"}
    times = []
    for record in found:
        origin = record["InputInformation"]["KinesisVideo"]
        assert origin["StreamArn"] == place.video
        assert origin["FragmentNumber"].isdecimal()
        assert len(origin["FragmentNumber"]) > 19
        assert began - 5 < origin["ServerTimestamp"] < time.time()
        times.append(origin["ProducerTimestamp"] + origin["FrameOffsetInSeconds"])
    assert times == sorted(times)
    # The first frame of a second at most, by the stream's own clock; a busy machine may skip some.
    seconds = [round(at * 1000) // 1000 for at in times]
    assert len(set(seconds)) == len(seconds)
    (face,) = next(faces for faces in responses(found) if faces and faces[0]["MatchedFaces"])
    assert set(face["DetectedFace"]) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    match = face["MatchedFaces"][0]
    assert match["Similarity"] >= 85
    assert set(match["Face"]) == {"BoundingBox", "Confidence", "ExternalImageId", "FaceId", "ImageId"}
    assert match["Face"]["ExternalImageId"] == "p1"


@pytest.mark.full
def test_a_running_processor_goes_on_after_the_front_door_was_killed(
    own_cloud: Any, unique: Callable[[str], str]
) -> None:
    own_cloud.start()
    place = Place(functools.cache(own_cloud.client), unique("resume")).make()
    place.create()
    place.start()
    eventually(lambda: place.status() == "RUNNING")
    own_cloud.kill(own_cloud.door)
    own_cloud.start_door()
    assert place.status() == "RUNNING"
    with Camera(own_cloud.door_port, place.name, [None]):
        found = eventually(place.records, 30)
    assert found[0]["FaceSearchResponse"] == []


# Pieces of these tests ------------------------------------------------------------------------------


class Camera:
    """Send live H.264 over PutMedia: each photo (None: an empty scene) for two seconds, over and over."""

    FPS = 10

    def __init__(self, port: int, stream: str, photos: list[Path | None]) -> None:
        self._address, self._stream = ("127.0.0.1", port), stream
        self._scenes = [scene(photo) for photo in photos]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self) -> Camera:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def write(self, data: bytes) -> int:
        self._socket.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        return len(data)

    def _send(self) -> None:
        with socket.create_connection(self._address) as self._socket:
            scope = "123456789012/20260101/us-west-2/kinesisvideo/aws4_request"
            lines = [
                "POST /putMedia HTTP/1.1",
                f"Host: 127.0.0.1:{self._address[1]}",
                f"Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
                "Transfer-Encoding: chunked",
                f"x-amzn-stream-name: {self._stream}",
                "x-amzn-fragment-timecode-type: ABSOLUTE",
            ]
            self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
            self._film()

    def _film(self) -> None:
        limits = {"cluster_time_limit": "30000", "cluster_size_limit": str(40 << 20)}
        options = {"live": "1", "flush_packets": "1", **limits}
        output = av.open(self, "w", format="matroska", options=options)
        x264 = f"keyint={self.FPS}:min-keyint={self.FPS}:scenecut=0"
        stream = output.add_stream(
            "libx264",
            rate=self.FPS,
            options={"preset": "ultrafast", "tune": "zerolatency", "x264-params": x264},
        )
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        began, number = time.time(), 0
        noise = np.random.default_rng(5)
        while not self._stop.wait(max(0, began + number / self.FPS - time.time())):
            pixels = self._scenes[number // (2 * self.FPS) % len(self._scenes)]
            # A little noise keeps the bitrate up: FFmpeg starts no cluster while one is only a few KiB.
            lively = np.clip(pixels + noise.integers(-3, 4, pixels.shape), 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(lively, format="rgb24")
            frame.pts, frame.time_base = int(began * 1000) + number * 1000 // self.FPS, Fraction(1, 1000)
            output.mux(stream.encode(frame))
            number += 1


def scene(photo: Path | None) -> np.ndarray[Any, Any]:
    canvas = Image.new("RGB", (640, 480), (120, 120, 110))
    if photo is not None:
        picture = Image.open(photo).convert("RGB")
        scale = min(600 / picture.width, 440 / picture.height)
        canvas.paste(picture.resize((int(picture.width * scale), int(picture.height * scale))), (20, 20))
    return np.asarray(canvas).astype(np.int16)


@pytest.fixture(scope="module")
def photos() -> Path:
    nearby = Path(__file__).parents[2].parent / "shared" / "faces"
    folder = Path(os.environ.get("GATEHOUSE_TEST_FACES", nearby))
    if not folder.is_dir():
        pytest.skip("no real faces on this machine: set GATEHOUSE_TEST_FACES to DIR/<person>/<n>.jpg")
    return folder


def person(folder: Path, role: str) -> Path:
    """Return the first photo of a person of this role."""
    rows = [line.split(",") for line in io.StringIO((folder / "manifest.csv").read_text())]
    return next(folder / row[1] for row in rows if row[2] == role)


def responses(records: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return [record["FaceSearchResponse"] for record in records]


def enough(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records once they show a match, a stranger and an empty scene."""
    shown = responses(records)
    match = any(faces and faces[0]["MatchedFaces"] for faces in shown)
    stranger = any(faces and not faces[0]["MatchedFaces"] for faces in shown)
    return records if match and stranger and [] in shown else []
