"""Film drawn people, put the film into Kinesis Video, and run the frame-search worker on it."""

from __future__ import annotations

import http.client
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import httpx
import numpy as np
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from numpy.typing import NDArray
from PIL import Image

from gatehouse.office import naming

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "sample" / "gatehouse_sample" / "people" / "pictures"
FPS = 10
Scene = NDArray[np.int16]


def photos(person: str) -> list[Path]:
    """Return what HR would have of an employee."""
    return sorted((PICTURES / "employee" / person).glob("photo-*.jpg"))


def scene(faces: Sequence[tuple[str, str, int]] = (), width: int = 640, height: int = 480) -> Scene:
    """Paint people, each `(kind, name, picture)` of the sample, side by side and in rows."""
    canvas = Image.new("RGB", (width, height), (120, 120, 110))
    columns = min(4, max(1, len(faces)))
    rows = -(-len(faces) // columns) if faces else 1
    side = min(width // columns, height // rows) - 20
    for index, (kind, name, number) in enumerate(faces):
        picture = Image.open(PICTURES / kind / name / f"video-{number}.webp").convert("RGB")
        picture.thumbnail((side, side))
        canvas.paste(
            picture, (index % columns * (width // columns) + 10, index // columns * (side + 20) + 10)
        )
    return np.asarray(canvas).astype(np.int16)


def film(start_ms: int, scenes: Sequence[Scene]) -> list[bytes]:
    """Encode scenes of a second each, as one Matroska document in pieces: one a second."""
    pieces: list[bytes] = []
    out = io.BytesIO()
    options = {"live": "1", "cluster_time_limit": "30000", "cluster_size_limit": str(40 << 20)}
    container = av.open(out, "w", format="matroska", options={**options, "flush_packets": "1"})
    x264 = f"keyint={FPS}:min-keyint={FPS}:scenecut=0"
    stream = container.add_stream(
        "libx264", rate=FPS, options={"preset": "ultrafast", "tune": "zerolatency", "x264-params": x264}
    )
    stream.height, stream.width = scenes[0].shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000)
    noise = np.random.default_rng(5)
    for number in range(FPS * len(scenes)):
        pixels = scenes[number // FPS]
        # A little noise keeps the bitrate up: FFmpeg starts no cluster while one is only a few KiB.
        lively = np.clip(pixels + noise.integers(-3, 4, pixels.shape), 0, 255).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(lively, format="rgb24")
        frame.pts, frame.time_base = start_ms + number * 1000 // FPS, Fraction(1, 1000)
        container.mux(stream.encode(frame))
        if number % FPS == FPS - 1:
            pieces.append(out.getvalue())
            out.seek(0)
            out.truncate()
    container.mux(stream.encode(None))
    container.close()
    return [*pieces, out.getvalue()]


@dataclass
class Studio:
    """One office in a local cloud: streams, collection, bucket, desired document and worker."""

    cloud: Any
    folder: Path
    office: str = "berlin"
    region: str = "us-west-2"
    cameras: list[dict[str, str]] = field(default_factory=list)
    arns: dict[str, str] = field(default_factory=dict)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        return f"gatehouse-{self.office}"

    @property
    def collection(self) -> str:
        return naming.collection_id(self.office)

    @property
    def records_stream(self) -> str:
        return naming.office_record_stream(self.office)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.cloud.client(service, region=self.region)
        return self._clients[service]

    def build(self, people: Sequence[str] = ()) -> Studio:
        """Make what the office needs; people are enrolled with all their photos."""
        where = {"LocationConstraint": self.region}
        self.client("s3").create_bucket(Bucket=self.bucket, CreateBucketConfiguration=where)
        kinesis = self.client("kinesis")
        kinesis.create_stream(StreamName=self.records_stream, ShardCount=1)
        kinesis.get_waiter("stream_exists").wait(StreamName=self.records_stream, WaiterConfig={"Delay": 1})
        rekognition = self.client("rekognition")
        rekognition.create_collection(CollectionId=self.collection)
        for person in people:
            for photo in photos(person):
                rekognition.index_faces(
                    CollectionId=self.collection, Image={"Bytes": photo.read_bytes()}, ExternalImageId=person
                )
        return self

    def camera(self, camera_id: str, start_ms: int, *, stream: bool = True) -> str:
        """Add a camera to the desired document, with its video stream; returns the stream's name."""
        name = naming.video_stream(camera_id)
        if stream:
            video = self.client("kinesisvideo")
            self.arns[name] = video.create_stream(StreamName=name, DataRetentionInHours=1)["StreamARN"]
            eventually(lambda: video.describe_stream(StreamName=name)["StreamInfo"]["Status"] == "ACTIVE")
        at = datetime.fromtimestamp(start_ms / 1000, UTC).isoformat()
        self.cameras.append({"camera_id": camera_id, "stream_name": name, "start_at": at})
        return name

    def tell(self) -> None:
        """Write the desired document."""
        self.version += 1
        document = {
            "office": self.office,
            "region": self.region,
            "version": self.version,
            "fps": 1,
            "collection": self.collection,
            "threshold": 85,
            "record_stream": self.records_stream,
            "most_behind_s": 600,
            "rates": {"detect_faces": 50, "search_faces_by_image": 50},
            "cameras": self.cameras,
            **self.options,
        }
        key = naming.frames_desired_key(self.office)
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=json.dumps(document))

    def start(self) -> subprocess.Popen[bytes]:
        """Start a worker process; its log is in the folder."""
        paths = os.pathsep.join(str(ROOT / part) for part in ("include", "workers"))
        keys = {"AWS_ACCESS_KEY_ID": "123456789012", "AWS_SECRET_ACCESS_KEY": "secret"}
        environment = {**os.environ, **keys, "AWS_ENDPOINT_URL": self.cloud.endpoint, "PYTHONPATH": paths}
        place = ["--office", self.office, "--bucket", self.bucket, "--region", self.region]
        with (self.folder / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "gatehouse_frames", *place, "--health-port", "0"],
                env=environment,
                stdout=log,
                stderr=log,
            )
        self.workers.append(worker)
        return worker

    def stop(self) -> None:
        """End the workers that still run."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.terminate()
                worker.wait(timeout=40)

    def log(self) -> str:
        return (self.folder / "worker.log").read_text(encoding="utf-8")

    def put(self, stream: str, pieces: Sequence[bytes], *, pace_s: float = 0.0) -> list[dict[str, Any]]:
        """Put a film into a stream, a piece every `pace_s` seconds; returns the acknowledgements."""

        def body() -> Any:
            began = time.monotonic()
            for number, piece in enumerate(pieces):
                time.sleep(max(0.0, began + number * pace_s - time.monotonic()))
                yield piece

        video = self.client("kinesisvideo")
        endpoint = video.get_data_endpoint(StreamName=stream, APIName="PUT_MEDIA")["DataEndpoint"]
        headers = {"x-amzn-stream-name": stream, "x-amzn-fragment-timecode-type": "ABSOLUTE"}
        request = AWSRequest("POST", f"{endpoint}/putMedia", headers)
        signer: Any = SigV4Auth
        signer(video._request_signer._credentials, "kinesisvideo", self.region).add_auth(request)
        connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
        try:
            signed = {**dict(request.headers.items()), "Transfer-Encoding": "chunked"}
            connection.request("POST", "/putMedia", body(), signed, encode_chunked=True)
            answer = connection.getresponse().read()
        finally:
            connection.close()
        return [json.loads(line) for line in answer.splitlines() if line.strip()]

    def records(self, stream: str = "") -> list[dict[str, Any]]:
        """Return what is in a data stream, the office's own if none is named."""
        kinesis = self.client("kinesis")
        iterator = kinesis.get_shard_iterator(
            StreamName=stream or self.records_stream,
            ShardId="shardId-000000000000",
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
        time.sleep(0.25)  # GetRecords is 5 a second and shard
        return [json.loads(one["Data"]) for one in kinesis.get_records(ShardIterator=iterator)["Records"]]

    def calls(self, operation: str, outcome: str = "ok") -> int:
        """Count the calls of Rekognition that ended so."""
        where = {"service": "rekognition", "operation": operation, "limit": "0"}
        page = httpx.get(f"{self.cloud.endpoint}/_gatehouse/calls", params={**where, "summary": "1"}).json()
        return sum(int(row["calls"]) for row in page["summary"] if row["outcome"].startswith(outcome))

    def document(self, name: str) -> dict[str, Any]:
        """Return observed.json or checkpoints.json; empty before it is written."""
        key = f"frames/{self.office}/{name}.json"
        found = self.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=key)
        if not found.get("Contents"):
            return {}
        body: dict[str, Any] = json.loads(
            self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        )
        return body

    def observed(self, camera_id: str) -> dict[str, Any]:
        """Return a camera's part of observed.json; empty before it has one."""
        cameras = self.document("observed").get("cameras", ())
        return next((one for one in cameras if one["camera_id"] == camera_id), {})


def at_ms(record: dict[str, Any]) -> int:
    """Return the frame time of a record."""
    origin = record["InputInformation"]["KinesisVideo"]
    return round(float(origin["ProducerTimestamp"] + origin["FrameOffsetInSeconds"]) * 1000)


def identity(record: dict[str, Any]) -> tuple[str, str, int]:
    """Return what ingest knows a frame by."""
    origin = record["InputInformation"]["KinesisVideo"]
    return origin["StreamArn"], origin["FragmentNumber"], round(origin["FrameOffsetInSeconds"] * 1000)


def people(record: dict[str, Any]) -> list[str]:
    """Return who was seen in a frame; `?` for a stranger."""
    return sorted(
        face["MatchedFaces"][0]["Face"]["ExternalImageId"] if face["MatchedFaces"] else "?"
        for face in record["FaceSearchResponse"]
    )


def eventually(check: Callable[[], Any], seconds: float = 60.0, pause: float = 0.25) -> Any:
    """Return what `check` finds once it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(pause)
    return found
