"""Stream processors: refusals as AWS words them, and real faces found in real, live video."""

from __future__ import annotations

import functools
import io
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from botocore.exceptions import ClientError
from PIL import Image

NAME = "StreamProcessor"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "rekognition.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@dataclass
class Place:
    """Everything a processor needs, under one name."""

    aws: Callable[..., Any]
    name: str
    video: str = ""
    data: str = ""
    role: str = ""

    def make(self) -> Place:
        video = self.aws("kinesisvideo")
        self.video = video.create_stream(StreamName=self.name, DataRetentionInHours=1)["StreamARN"]
        data = self.aws("kinesis")
        data.create_stream(StreamName=self.name, ShardCount=1)
        eventually(lambda: self._active(video), pause=0.4)  # DescribeStream is 5 a second and stream
        data.get_waiter("stream_exists").wait(StreamName=self.name, WaiterConfig={"Delay": 1})
        self.data = data.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"][
            "StreamARN"
        ]
        self.aws("rekognition").create_collection(CollectionId=self.name)
        iam = self.aws("iam")
        self.role = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"][
            "Arn"
        ]
        self.allow()
        return self

    def _active(self, video: Any) -> bool:
        status: str = video.describe_stream(StreamName=self.name)["StreamInfo"]["Status"]
        return status == "ACTIVE"

    def allow(self, *, video: bool = True, data: bool = True) -> None:
        statements = [
            {"Effect": "Allow", "Action": actions, "Resource": arn}
            for wanted, actions, arn in (
                (video, ["kinesisvideo:GetDataEndpoint", "kinesisvideo:GetMedia"], self.video),
                (data, ["kinesis:PutRecord", "kinesis:PutRecords"], self.data),
            )
            if wanted
        ]
        policy = {"Version": "2012-10-17", "Statement": statements}
        self.aws("iam").put_role_policy(
            RoleName=self.name, PolicyName="streams", PolicyDocument=json.dumps(policy)
        )

    def create(self, name: str = "", **changes: Any) -> str:
        request = {
            "Name": name or self.name,
            "Input": {"KinesisVideoStream": {"Arn": self.video}},
            "Output": {"KinesisDataStream": {"Arn": self.data}},
            "RoleArn": self.role,
            "Settings": {"FaceSearch": {"CollectionId": self.name, "FaceMatchThreshold": 85.0}},
            **changes,
        }
        arn: str = self.rekognition.create_stream_processor(**request)["StreamProcessorArn"]
        return arn

    def status(self) -> str:
        status: str = self.describe()["Status"]
        return status

    def describe(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.rekognition.describe_stream_processor(Name=self.name)
        return answer

    def start(self) -> None:
        self.rekognition.start_stream_processor(Name=self.name)

    def failed(self) -> str:
        """Start, wait for FAILED and return why."""
        self.start()
        eventually(lambda: self.status() == "FAILED")
        message: str = self.describe()["StatusMessage"]
        return message

    def records(self) -> list[dict[str, Any]]:
        kinesis = self.aws("kinesis")
        iterator = kinesis.get_shard_iterator(
            StreamName=self.name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        time.sleep(0.25)  # GetRecords is 5 a second and shard
        return [json.loads(one["Data"]) for one in kinesis.get_records(ShardIterator=iterator)["Records"]]

    @property
    def rekognition(self) -> Any:
        return self.aws("rekognition")

    def remove(self) -> None:
        iam = self.aws("iam")
        for one in self.rekognition.list_stream_processors()["StreamProcessors"]:
            if one["Name"].startswith(self.name):
                if one["Status"] in ("STARTING", "RUNNING"):
                    eventually(lambda name=one["Name"]: self._stop(name))
                eventually(lambda name=one["Name"]: self._delete(name))
        self.rekognition.delete_collection(CollectionId=self.name)
        self.aws("kinesisvideo").delete_stream(StreamARN=self.video)
        self.aws("kinesis").delete_stream(StreamName=self.name)
        for policy in iam.list_role_policies(RoleName=self.name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=self.name, PolicyName=policy)
        iam.delete_role(RoleName=self.name)

    def _stop(self, name: str) -> bool:
        return succeeds(lambda: self.rekognition.stop_stream_processor(Name=name))

    def _delete(self, name: str) -> bool:
        return succeeds(lambda: self.rekognition.delete_stream_processor(Name=name))


@pytest.fixture
def place(aws: Callable[..., Any], unique: Callable[[str], str]) -> Iterator[Place]:
    made = Place(functools.cache(aws), unique("processor")).make()
    yield made
    made.remove()


@pytest.mark.asserts("rekognition", "CreateStreamProcessor")
@pytest.mark.asserts("rekognition", "DescribeStreamProcessor")
@pytest.mark.asserts("rekognition", "ListStreamProcessors")
@pytest.mark.asserts("rekognition", "DeleteStreamProcessor")
def test_a_created_processor_is_stopped_described_listed_and_deleted(place: Place) -> None:
    arn = place.create(Tags={"gatehouse:office": "berlin"})
    described = place.describe()
    assert arn.endswith(f":streamprocessor/{place.name}")
    assert described["Status"] == "STOPPED"
    assert described["Input"]["KinesisVideoStream"]["Arn"] == place.video
    assert described["Output"]["KinesisDataStream"]["Arn"] == place.data
    assert described["Settings"]["FaceSearch"]["CollectionId"] == place.name
    listed = place.rekognition.list_stream_processors()["StreamProcessors"]
    assert {"Name": place.name, "Status": "STOPPED"} in listed
    assert place.rekognition.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"gatehouse:office": "berlin"}
    place.rekognition.delete_stream_processor(Name=place.name)
    assert code(place.describe) == "ResourceNotFoundException"


def test_a_threshold_below_80_becomes_80(place: Place) -> None:
    place.create(Settings={"FaceSearch": {"CollectionId": place.name, "FaceMatchThreshold": 12.5}})
    assert place.describe()["Settings"]["FaceSearch"]["FaceMatchThreshold"] == 80


def test_names_and_streams_are_not_shared(place: Place) -> None:
    place.create()
    assert code(place.create) == "ResourceInUseException"
    assert code(lambda: place.create(f"{place.name}-b")) == "ResourceInUseException"


@pytest.mark.asserts("rekognition", "StartStreamProcessor")
@pytest.mark.asserts("rekognition", "StopStreamProcessor")
@pytest.mark.asserts("rekognition", "UpdateStreamProcessor")
@pytest.mark.parametrize("operation", ["start", "stop", "update", "delete", "describe"])
def test_an_unknown_name_is_not_found(aws: Callable[..., Any], operation: str) -> None:
    call = getattr(aws("rekognition"), f"{operation}_stream_processor")
    assert code(lambda: call(Name="gatehouse-nobody")) == "ResourceNotFoundException"


def test_a_region_without_face_search_denies_access(aws: Callable[..., Any]) -> None:
    other = aws("rekognition", region="eu-west-2")
    assert code(other.list_stream_processors) == "AccessDeniedException"


def test_stopping_needs_a_running_processor(place: Place) -> None:
    place.create()
    with pytest.raises(ClientError, match="not available for stopping") as refused:
        place.rekognition.stop_stream_processor(Name=place.name)
    assert refused.value.response["Error"]["Code"] == "ResourceInUseException"


def test_face_search_can_not_be_updated(place: Place) -> None:
    place.create()
    change = {"Name": place.name, "DataSharingPreferenceForUpdate": {"OptIn": False}}
    call = place.rekognition.update_stream_processor
    assert code(lambda: call(**change)) == "InvalidParameterException"


@pytest.mark.parametrize(
    "change",
    [
        {"Settings": {}},
        {"Settings": {"FaceSearch": {}}},
        {"Output": {}},
        {"StartSelector": {}},
    ],
    ids=["no settings", "no collection", "no output", "unknown member"],
)
def test_parameters_that_do_not_make_a_face_search_are_refused(place: Place, change: dict[str, Any]) -> None:
    if "StartSelector" in change:
        place.create()
        selector = {"KVSStreamStartSelector": {"ProducerTimestamp": 1}}
        call = place.rekognition.start_stream_processor
        assert code(lambda: call(Name=place.name, StartSelector=selector)) == "InvalidParameterException"
    else:
        assert code(lambda: place.create(**change)) == "InvalidParameterException"


def test_a_start_that_can_not_work_fails_with_awss_status_message(place: Place) -> None:
    place.create()
    place.allow(video=False)
    assert place.failed() == "Access denied to Kinesis Video"
    place.allow(data=False)
    wait_for_policies()
    assert place.failed() == "Access denied to Kinesis Data"
    place.allow()
    place.rekognition.delete_collection(CollectionId=place.name)
    wait_for_policies()
    assert place.failed() == "Collection not found"
    place.rekognition.create_collection(CollectionId=place.name)
    place.start()
    eventually(lambda: place.status() == "RUNNING")


def test_a_role_that_rekognition_may_not_assume_fails_the_start(place: Place) -> None:
    statement = {**TRUST["Statement"][0], "Principal": {"Service": "lambda.amazonaws.com"}}
    document = json.dumps({**TRUST, "Statement": [statement]})
    place.aws("iam").update_assume_role_policy(RoleName=place.name, PolicyDocument=document)
    place.create()
    assert place.failed() == "Access denied to Role"


def test_states_take_time_and_end_where_they_should(place: Place) -> None:
    place.create()
    place.start()
    assert place.status() == "STARTING"
    assert code(place.start) == "ResourceInUseException"
    assert (
        code(lambda: place.rekognition.delete_stream_processor(Name=place.name)) == "ResourceInUseException"
    )
    eventually(lambda: place.status() == "RUNNING")
    place.rekognition.stop_stream_processor(Name=place.name)
    assert place.status() == "STOPPING"
    eventually(lambda: place.status() == "STOPPED")


def test_no_more_than_the_quota_run_at_once(place: Place, control: Any, aws: Callable[..., Any]) -> None:
    # botocore's standard mode takes LimitExceededException for throttling and would retry it for long.
    once = functools.partial(aws, retries={"total_max_attempts": 1})
    second = Place(functools.cache(once), f"{place.name}-2").make()
    quota = {"service": "rekognition", "name": "FaceSearchProcessorsRunning"}
    try:
        assert control.post("/quotas", json={**quota, "limit": 1}).is_success
        place.create()
        place.start()
        second.create()
        with pytest.raises(ClientError, match=r"limit exceeded for account, limit - 1") as refused:
            second.start()
        assert refused.value.response["Error"]["Code"] == "LimitExceededException"
    finally:
        control.post("/quotas", json={**quota, "limit": 10})
        second.aws = place.aws
        second.remove()


def test_faults_close_the_account_and_fail_a_running_processor(place: Place, control: Any) -> None:
    place.create()
    control.post("/faults", json={"name": "streaming_video_closed"})
    assert code(place.start) == "AccessDeniedException"
    control.delete("/faults")
    place.start()
    eventually(lambda: place.status() == "RUNNING")
    control.post("/faults", json={"name": "processor_failed", "resource": place.name, "message": "Broken"})
    eventually(lambda: place.status() == "FAILED")
    assert place.describe()["StatusMessage"] == "Broken"


def test_a_policy_taken_away_fails_a_running_processor(place: Place) -> None:
    place.create()
    place.start()
    eventually(lambda: place.status() == "RUNNING")
    place.allow(video=False)
    eventually(lambda: place.status() == "FAILED")
    assert place.describe()["StatusMessage"] == "Access denied to Kinesis Video"


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


def code(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    found: str = refused.value.response["Error"]["Code"]
    return found


def succeeds(call: Callable[[], object]) -> bool:
    try:
        call()
    except ClientError:
        return False
    return True


def wait_for_policies() -> None:
    """Wait as long as IAM's answers may be kept."""
    time.sleep(3.5)


def eventually(check: Callable[[], Any], seconds: float = 30.0, pause: float = 0.1) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(pause)
    return found
