"""Hold the frame store to S3's conditional writes (moto) and to what GetImages answers (a stand-in)."""

from __future__ import annotations

import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from gatehouse.ingest.frame import Frame
from gatehouse.ingest.instant import moment
from gatehouse.ingest.snapshot import SnapshotStream
from gatehouse_ingest.evidence import FrameStore, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

AT = 1_795_442_056_217
ARN = "arn:aws:kinesisvideo:eu-central-1:123456789012:stream/gatehouse-CAM_A/1763900000000"
STREAM = SnapshotStream(
    camera_id="CAM_A", office="o", floor="0", zone="z", time_zone="UTC", engine="frame_search", rules=()
)
KEY = "2026/11/23/CAM_A_135416.jpg"


class Video:
    """Be Kinesis Video's endpoint lookup and GetImages at once."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.looked_up = 0
        self.answer: dict[str, Any] | Exception = {}
        self.late_ms = 0

    def get_data_endpoint(self, *, StreamARN: str, APIName: str) -> dict[str, str]:  # noqa: N803
        assert (StreamARN, APIName) == (ARN, "GET_IMAGES")
        self.looked_up += 1
        return {"DataEndpoint": "http://media"}

    def get_images(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        at = request["StartTimestamp"] + timedelta(milliseconds=self.late_ms)
        content = b64encode(at.isoformat().encode()).decode()
        return self.answer or {"Images": [{"TimeStamp": at, "ImageContent": content}]}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="bucket")
        yield client


@pytest.fixture
def video() -> Video:
    return Video()


@pytest.fixture
def store(s3: S3Client, video: Video) -> FrameStore:
    return FrameStore(s3, video, lambda endpoint: video, "bucket")  # type: ignore[arg-type, return-value]


def _frame(at_ms: int = AT, fragment: str = "91343852333289682796718532614445757584843717598") -> Frame:
    return Frame(ARN, STREAM, fragment, at_ms, ())


def test_frame_is_asked_for_at_its_own_millisecond(store: FrameStore, video: Video) -> None:
    store.store(_frame())
    (request,) = video.asked
    assert request["StartTimestamp"] == moment(AT)
    assert request["ImageSelectorType"] == "PRODUCER_TIMESTAMP"
    assert request["EndTimestamp"] - request["StartTimestamp"] < timedelta(milliseconds=200)


def test_stored_frame_says_when_and_where_it_is_from(store: FrameStore, s3: S3Client) -> None:
    assert store.store(_frame()) == Stored(f"s3://bucket/{KEY}", exact=True)
    found = s3.get_object(Bucket="bucket", Key=KEY)
    assert found["Body"].read() == moment(AT).isoformat().encode()
    assert found["ContentType"] == "image/jpeg"
    assert found["Metadata"] == {
        "frame-time-ms": str(AT),
        "stream-arn": ARN,
        "fragment-number": _frame().fragment_number,
        "camera-id": "CAM_A",
    }


def test_first_frame_of_a_camera_second_stays(store: FrameStore, s3: S3Client, video: Video) -> None:
    store.store(_frame())
    assert store.store(_frame(AT + 400)) == Stored(f"s3://bucket/{KEY}", exact=False)
    assert s3.head_object(Bucket="bucket", Key=KEY)["Metadata"]["frame-time-ms"] == str(AT)
    assert len(video.asked) == 1


def test_replay_finds_its_own_frame(store: FrameStore, video: Video) -> None:
    store.store(_frame())
    assert store.store(_frame()) == Stored(f"s3://bucket/{KEY}", exact=True)
    assert len(video.asked) == 1


def test_writer_that_loses_the_race_takes_the_winner_s_frame(
    store: FrameStore, s3: S3Client, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking and writing, another batch stored the second."""
    look = video.get_images

    def lose(**request: Any) -> dict[str, Any]:
        s3.put_object(Bucket="bucket", Key=KEY, Body=b"winner", Metadata={"frame-time-ms": "1"})
        return look(**request)

    monkeypatch.setattr(video, "get_images", lose)
    assert store.store(_frame()) == Stored(f"s3://bucket/{KEY}", exact=False)
    assert s3.get_object(Bucket="bucket", Key=KEY)["Body"].read() == b"winner"


def test_role_that_may_not_list_stores_frames_all_the_same(
    store: FrameStore, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without s3:ListBucket, S3 answers 403 for an object that isn't there."""
    refusal = {"Error": {"Code": "403"}, "ResponseMetadata": {"HTTPStatusCode": 403}}

    def refuse(**_: Any) -> None:
        raise ClientError(refusal, "HeadObject")  # type: ignore[arg-type]

    monkeypatch.setattr(s3, "head_object", refuse)
    assert store.store(_frame()) == Stored(f"s3://bucket/{KEY}", exact=True)


def test_picture_of_another_moment_is_refused(store: FrameStore, s3: S3Client, video: Video) -> None:
    video.late_ms = 201
    assert store.store(_frame()) is None
    assert s3.list_objects_v2(Bucket="bucket")["KeyCount"] == 0


@pytest.mark.parametrize(
    "answer", [{"Images": []}, {"Images": [{"TimeStamp": moment(AT), "Error": "NO_MEDIA"}]}]
)
def test_missing_media_stores_nothing(store: FrameStore, video: Video, answer: dict[str, Any]) -> None:
    video.answer = answer if answer["Images"] else {"Images": [], "NextToken": "x"}
    assert store.store(_frame()) is None


def test_data_endpoint_is_kept_until_a_call_fails(store: FrameStore, video: Video) -> None:
    store.store(_frame())
    store.store(_frame(AT + 1000))
    assert video.looked_up == 1
    refusal = {"Error": {"Code": "NoDataRetentionException"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
    video.answer = ClientError(refusal, "GetImages")  # type: ignore[arg-type]
    assert store.store(_frame(AT + 2000)) is None
    video.answer = {}
    assert store.store(_frame(AT + 2000)) is not None
    assert video.looked_up == 2


def test_threads_share_one_client_of_an_endpoint(s3: S3Client, video: Video) -> None:
    made: list[str] = []

    def make(endpoint: str) -> Video:
        made.append(endpoint)
        time.sleep(0.05)  # long enough for every thread to come by
        return video

    store = FrameStore(s3, video, make, "bucket")  # type: ignore[arg-type]
    with ThreadPoolExecutor(4) as pool:
        stored = list(pool.map(store.store, [_frame(AT + second * 1000) for second in range(4)]))
    assert made == ["http://media"]
    assert all(stored)
