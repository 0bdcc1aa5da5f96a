"""A probe's clip in a camera's live stream: real RTSP, the real proxy, real PutMedia, read by GetMedia."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from PIL import Image

from gatehouse.office import naming
from gatehouse.office.documents import edge_with_probe
from gatehouse.office.edge import DesiredCamera, EdgeDesired, ProbeOrder
from gatehouse_local.engine.scale import load_scale
from gatehouse_local.kinesisvideo.media import Fragment, FragmentReader
from gatehouse_sample.company import film, walk
from gatehouse_sample.company.people import drawn_cast
from gatehouse_sample.company.probe import write_probe
from gatehouse_sample.company.scene import HEIGHT, Scene, background
from gatehouse_sample.people.draw import PICTURES
from gatehouse_sample.people.engine import faces

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A cloud, a camera and a proxy a test, and a clip to film.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
OFFICE, CAMERA, BUCKET, REGION = "berlin", "CAM_LOBBY", "gatehouse-probe-test", "us-west-2"
STREAM = naming.video_stream(CAMERA)
CAST = drawn_cast(PICTURES)
VISITOR = CAST.employees[0]
SAME = load_scale("drawn-people").distance(80.0)


def eventually(look: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until a look finds something, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, look
        time.sleep(0.1)
    return found


@dataclass
class Site:
    """An office with one camera, in view of which somebody stands all the time."""

    cloud: Any
    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def build(self) -> None:
        """Film the visitor and the clip, and lay what a rollout would."""
        videos = self.folder / "company" / "videos"
        videos.mkdir(parents=True)
        film.encode(videos / f"{CAMERA}.mp4", _visitor())
        secret = {"url": "", "username": "gatehouse", "password": "pw"}
        (self.folder / "company" / "secrets.json").write_text(json.dumps({CAMERA: secret}))
        assert CAST.probe
        write_probe(CAST.probe, self.folder / "probe")
        self.clip = (self.folder / "probe" / "clip.mp4").read_bytes()
        self.s3, self.video = self.cloud.client("s3"), self.cloud.client("kinesisvideo")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.s3.put_object(Bucket=BUCKET, Key=naming.PROBE_CLIP_KEY, Body=self.clip)
        self.video.create_stream(StreamName=STREAM, DataRetentionInHours=1)
        port = self._cameras()
        self.cloud.client("secretsmanager").create_secret(
            Name=naming.rtsp_secret(CAMERA),
            SecretString=json.dumps(secret | {"url": f"rtsp://127.0.0.1:{port}/{CAMERA}"}),
        )
        camera = DesiredCamera(camera_id=CAMERA, stream_name=STREAM, rtsp_secret=naming.rtsp_secret(CAMERA))
        self.desired = EdgeDesired(office=OFFICE, region=REGION, version=1, cameras=(camera,))
        self._tell()

    def order(self, lead_s: float, seconds: float) -> ProbeOrder:
        """Order a probe whose edges fall between the camera's key frames."""
        start = int(time.time() + lead_s) + 0.3
        probe = ProbeOrder(
            probe_id="p1",
            clip_key=naming.PROBE_CLIP_KEY,
            clip_sha256=hashlib.sha256(self.clip).hexdigest(),
            start=datetime.fromtimestamp(start, UTC),
            end=datetime.fromtimestamp(start + seconds, UTC),
        )
        self.desired = edge_with_probe(self.desired, CAMERA, probe)
        self._tell()
        return probe

    def proxy(self) -> subprocess.Popen[bytes]:
        """Start the office's proxy."""
        spool = str(self.folder / "spool")
        place = ["--office", OFFICE, "--bucket", BUCKET, "--region", REGION, "--health-port", "0"]
        return self._spawn("proxy", "gatehouse_edge", *place, "--spool", spool)

    def observed(self) -> dict[str, Any]:
        """Return what the proxy says of the camera; empty before it says anything."""
        try:
            body = self.s3.get_object(Bucket=BUCKET, Key=naming.edge_observed_key(OFFICE))["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return {}
        cameras = json.loads(body)["cameras"]
        return cameras[0] if cameras else {}

    def probe_is(self, state: str) -> Callable[[], bool]:
        """Ask whether the proxy says so of its probe."""
        return lambda: self.observed().get("probe_state") == state

    def fragments(self, until_ms: int) -> list[Fragment]:
        """Read the stream from its beginning until a fragment starts so late."""
        endpoint = self.video.get_data_endpoint(StreamName=STREAM, APIName="GET_MEDIA")["DataEndpoint"]
        client = self.cloud.client("kinesis-video-media")
        client._endpoint.host = endpoint
        selector = {"StartSelectorType": "EARLIEST"}
        found: list[Fragment] = []
        for one in FragmentReader(client.get_media(StreamName=STREAM, StartSelector=selector)["Payload"]):
            found.append(one)
            if one.producer_timestamp * 1000 >= until_ms:
                return found
        raise AssertionError("GetMedia ended")

    def images(self, from_s: int, to_s: int) -> list[tuple[int, NDArray[np.uint8]]]:
        """Ask GetImages for pictures, five a second: each one's time in ms and pixels."""
        endpoint = self.video.get_data_endpoint(StreamName=STREAM, APIName="GET_IMAGES")["DataEndpoint"]
        client = self.cloud.client("kinesis-video-archived-media")
        client._endpoint.host = endpoint
        answer = client.get_images(
            StreamName=STREAM,
            ImageSelectorType="PRODUCER_TIMESTAMP",
            StartTimestamp=from_s,
            EndTimestamp=to_s,
            SamplingInterval=200,
            Format="JPEG",
        )
        return [
            (
                round(one["TimeStamp"].timestamp() * 1000),
                np.asarray(Image.open(io.BytesIO(b64decode(one["ImageContent"])))),
            )
            for one in answer["Images"]
            if "ImageContent" in one
        ]

    def stop(self) -> None:
        for process in self.running:
            process.kill()
            process.wait(timeout=10)

    def _tell(self) -> None:
        body = self.desired.model_dump_json().encode()
        self.s3.put_object(Bucket=BUCKET, Key=naming.edge_desired_key(OFFICE), Body=body)

    def _cameras(self) -> int:
        place = ["--company", str(self.folder / "company"), "--loops", str(self.folder / "loops")]
        self._spawn("cameras", "gatehouse_sample.cameras", "--port", "0", *place)
        log = self.folder / "cameras.log"
        line = eventually(lambda: next((one for one in log.read_text().splitlines() if "rtsp://" in one), ""))
        return int(line.rpartition(":")[2].split("/")[0])

    def _spawn(self, name: str, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AWS_ENDPOINT_URL": self.cloud.endpoint,
            "AWS_ACCESS_KEY_ID": "123456789012",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments], stdout=log, stderr=log, env=environment
            )
        self.running.append(process)
        return process


def _visitor(seconds: int = 4) -> Iterator[NDArray[np.uint8]]:
    room, (look, *_) = Scene(CAMERA, "lobby"), walk.load_looks(VISITOR.looks[3:4])
    for index in range(seconds * film.FPS):
        yield room.frame(look, 200 + index % 12, HEIGHT - look.shape[0] + 6)


@pytest.fixture
def site(own_cloud: Any, tmp_path: Path) -> Iterator[Site]:
    own_cloud.start()
    made = Site(own_cloud, tmp_path)
    try:
        made.build()
        yield made
    finally:
        made.stop()


def pictures(fragments: list[Fragment]) -> list[tuple[int, NDArray[np.uint8]]]:
    """Decode every fragment by itself, as whoever reads GetMedia does: time in ms and picture."""
    found = []
    for one in fragments:
        with av.open(io.BytesIO(one.mkv), mode="r", format="matroska") as container:
            for frame in container.decode(video=0):
                found.append((round(frame.pts * frame.time_base * 1000), frame.to_ndarray(format="rgb24")))
    return found


_ROOMS = {
    name: background(name, zone).astype(int)[60:130, :]
    for name, zone in ((CAMERA, "lobby"), ("PROBE", "not a camera's picture"))
}


def room_of(picture: NDArray[np.uint8]) -> str:
    """Tell from the wall behind whether a picture is the camera's or the clip's."""
    strip = picture.astype(int)[60:130, :]
    return min(_ROOMS, key=lambda name: float(np.abs(strip - _ROOMS[name]).mean()))


def shows(picture: NDArray[np.uint8], person: Any) -> bool:
    """Tell whether the only face of a picture is a person's, as the local engine judges."""
    (face,) = faces(picture)
    photos = [faces(np.asarray(Image.open(path).convert("RGB")))[0].vector for path in person.photos]
    return min(float(np.linalg.norm(face.vector - photo)) for photo in photos) <= SAME


@pytest.mark.asserts("kinesisvideo", "PutMedia")
def test_the_clip_is_in_the_stream_for_exactly_its_interval_with_a_visitor_at_both_edges(site: Site) -> None:
    site.proxy()
    eventually(lambda: site.observed().get("fragments_persisted", 0) >= 2)
    before = site.observed()
    probe = site.order(8, 4)
    eventually(site.probe_is("played"))
    fragments = site.fragments(probe.end_ms + 1_000)
    shown = pictures(fragments)
    times = [at for at, _ in shown]
    assert times == sorted(set(times))
    for at, picture in shown:
        assert room_of(picture) == ("PROBE" if probe.start_ms <= at < probe.end_ms else CAMERA), at
    assert CAST.probe
    inside = [one for one in shown if probe.start_ms <= one[0] < probe.end_ms]
    assert [at - probe.start_ms for at, _ in inside] == [round(step * 1000 / film.FPS) for step in range(48)]
    last_before = [picture for at, picture in shown if at < probe.start_ms][-1]
    first_after = next(picture for at, picture in shown if at >= probe.end_ms)
    assert shows(last_before, VISITOR)
    assert shows(inside[0][1], CAST.probe.enrolled)
    assert shows(inside[-1][1], CAST.probe.enrolled)
    assert shows(first_after, VISITOR)
    edge_s = probe.start_ms // 1000
    evidence = [(at >= probe.start_ms, room_of(one)) for at, one in site.images(edge_s - 1, edge_s + 1)]
    assert set(evidence) == {(False, CAMERA), (True, "PROBE")}
    # Nothing is missing before the clip, and after it only what precedes a key frame, which is counted.
    gaps = [(later - earlier, earlier) for earlier, later in pairwise(times)]
    assert max(gap for gap, at in gaps if at < probe.end_ms - 200) <= 170
    gap_after = max(gap for gap, at in gaps if at >= probe.end_ms - 200)
    assert gap_after <= 1_200
    # The clip may end with a key frame of the camera: then nothing is dropped.
    after = eventually(lambda: ((now := site.observed())["dropped_frames"] > 0) == (gap_after > 170) and now)
    assert after["dropped_frames"] <= film.FPS
    assert (after["reconnects"], after["ack_errors"]) == (before["reconnects"], 0)


@pytest.mark.full
def test_a_proxy_killed_in_the_interval_plays_no_more_of_it(site: Site) -> None:
    killed = site.proxy()
    eventually(lambda: site.observed().get("fragments_persisted", 0) >= 2)
    probe = site.order(8, 12)
    eventually(site.probe_is("playing"))
    eventually(lambda: datetime.fromisoformat(site.observed()["last_fragment_at"]) > probe.start)
    killed.send_signal(signal.SIGKILL)
    killed.wait(timeout=10)
    site.proxy()
    eventually(site.probe_is("failed"))
    assert "restarted" in site.observed()["probe_reason"]
    shown = pictures(site.fragments(probe.end_ms + 1_000))
    for at, picture in shown:
        assert room_of(picture) == ("PROBE" if probe.start_ms <= at < probe.end_ms else CAMERA), at
    played = [at for at, _ in shown if probe.start_ms <= at < probe.end_ms]
    assert len(played) == len(set(played)) < 12 * film.FPS
