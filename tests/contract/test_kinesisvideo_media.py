"""Media as any client meets it: put with a SigV4-signed PutMedia, read back by boto3."""

from __future__ import annotations

import base64
import http.client
import io
import json
import time
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import av
import numpy as np
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from PIL import Image

from gatehouse_local.kinesisvideo.media import Fragment, FragmentReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FPS, SECONDS = 10, 3


class Put:
    """A stream that media was put into, and what came back."""

    def __init__(self, aws: Callable[..., Any], name: str) -> None:
        self.aws = aws
        self.name = name
        self.video = aws("kinesisvideo")
        self.start_ms = int(time.time() * 1000) - SECONDS * 1000

    def client(self, service: str, operation: str) -> Any:
        """Make a client of the stream's own endpoint for an operation, as AWS wants it."""
        endpoint = self.video.get_data_endpoint(StreamName=self.name, APIName=operation)["DataEndpoint"]
        client = self.aws(service)
        client._endpoint.host = endpoint
        return client

    def send(self, media: bytes) -> list[dict[str, Any]]:
        """Put media over one connection and return every acknowledgement."""
        endpoint = self.video.get_data_endpoint(StreamName=self.name, APIName="PUT_MEDIA")["DataEndpoint"]
        headers = {"x-amzn-stream-name": self.name, "x-amzn-fragment-timecode-type": "ABSOLUTE"}
        request = AWSRequest("POST", f"{endpoint}/putMedia", headers)
        signer: Any = SigV4Auth
        region = self.video.meta.region_name
        signer(self.video._request_signer._credentials, "kinesisvideo", region).add_auth(request)
        place = urlsplit(endpoint)
        kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        connection = kind(place.netloc, timeout=60)
        try:
            signed = {**dict(request.headers.items()), "Transfer-Encoding": "chunked"}
            connection.request("POST", "/putMedia", iter([media]), signed, encode_chunked=True)
            answer = connection.getresponse().read()
        finally:
            connection.close()
        return [json.loads(line) for line in answer.splitlines() if line.strip()]

    def fragments(self, **selector: Any) -> Iterator[Fragment]:
        """Read live media from a start selector."""
        client = self.client("kinesis-video-media", "GET_MEDIA")
        return iter(FragmentReader(client.get_media(StreamName=self.name, StartSelector=selector)["Payload"]))


def brightness(number: int) -> int:
    """Say how bright a frame is drawn."""
    return 40 + 6 * number


def h264(start_ms: int) -> bytes:
    """Encode SECONDS of video in fragments of a second; a frame's number is its brightness."""
    out = io.BytesIO()
    options = {"live": "1", "cluster_time_limit": "30000", "cluster_size_limit": str(40 << 20)}
    container = av.open(out, "w", format="matroska", options=options)
    x264 = f"keyint={FPS}:min-keyint={FPS}:scenecut=0"
    stream = container.add_stream("libx264", rate=FPS, options={"tune": "zerolatency", "x264-params": x264})
    stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000)
    random = np.random.default_rng(1)
    for number in range(FPS * SECONDS):
        # A little noise: in a still picture FFmpeg's muxer starts no cluster at a key frame.
        pixels = random.integers(-3, 4, (120, 160, 3)) + brightness(number)
        frame = av.VideoFrame.from_ndarray(pixels.astype(np.uint8), format="rgb24")
        frame.pts, frame.time_base = start_ms + number * 1000 // FPS, Fraction(1, 1000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
    container.close()
    return out.getvalue()


@pytest.fixture
def stream(aws: Callable[..., Any], unique: Callable[[str], str]) -> Iterator[Put]:
    """Return an ACTIVE stream that retains an hour and is gone after the test."""
    put = Put(aws, unique("media"))
    arn = put.video.create_stream(StreamName=put.name, DataRetentionInHours=1)["StreamARN"]
    deadline = time.monotonic() + 60
    while put.video.describe_stream(StreamName=put.name)["StreamInfo"]["Status"] != "ACTIVE":
        assert time.monotonic() < deadline
        time.sleep(0.25)
    yield put
    put.video.delete_stream(StreamARN=arn)


@pytest.fixture
def filled(stream: Put) -> Put:
    """Return a stream with SECONDS fragments."""
    acks = stream.send(h264(stream.start_ms))
    assert [ack["EventType"] for ack in acks].count("PERSISTED") == SECONDS, acks
    return stream


def code(call: Callable[..., Any], **params: Any) -> str:
    """Return the error code with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**params)
    return str(refused.value.response["Error"]["Code"])


@pytest.mark.asserts("kinesisvideo", "PutMedia")
def test_every_fragment_is_buffered_received_and_persisted(stream: Put) -> None:
    acks = stream.send(h264(stream.start_ms))
    for second in range(SECONDS):
        own = [ack for ack in acks if ack["FragmentTimecode"] == stream.start_ms + second * 1000]
        assert [ack["EventType"] for ack in own] == ["BUFFERING", "RECEIVED", "PERSISTED"]
        assert len({ack["FragmentNumber"] for ack in own}) == 1


@pytest.mark.asserts("kinesisvideo", "PutMedia")
def test_what_is_not_matroska_is_4006(stream: Put) -> None:
    last = stream.send(b"this is no Matroska at all")[-1]
    assert (last["EventType"], last["ErrorId"]) == ("ERROR", 4006)


@pytest.mark.asserts("kinesis-video-media", "GetMedia")
def test_media_comes_back_as_it_went_in_with_its_times(filled: Put) -> None:
    fragments = list(islice(filled.fragments(StartSelectorType="EARLIEST"), SECONDS))
    starts = [round(one.producer_timestamp * 1000) for one in fragments]
    assert starts == [filled.start_ms + second * 1000 for second in range(SECONDS)]
    assert [one.number for one in fragments] == sorted(one.number for one in fragments)
    with av.open(io.BytesIO(fragments[1].mkv), mode="r", format="matroska") as container:
        levels = [frame.to_ndarray(format="gray").mean() for frame in container.decode(video=0)]
    assert len(levels) == FPS


@pytest.mark.asserts("kinesis-video-media", "GetMedia")
def test_a_continuation_token_goes_on_after_its_fragment(filled: Put) -> None:
    first, second = islice(filled.fragments(StartSelectorType="EARLIEST"), 2)
    token = first.tags["AWS_KINESISVIDEO_CONTINUATION_TOKEN"]
    further = next(filled.fragments(StartSelectorType="CONTINUATION_TOKEN", ContinuationToken=token))
    assert further.number == second.number


@pytest.mark.asserts("kinesis-video-media", "GetMedia")
def test_media_of_an_unknown_stream_is_not_found(filled: Put) -> None:
    client = filled.client("kinesis-video-media", "GET_MEDIA")
    selector = {"StartSelectorType": "NOW"}
    assert (
        code(client.get_media, StreamName=filled.name + "-none", StartSelector=selector)
        == "ResourceNotFoundException"
    )


@pytest.mark.asserts("kinesis-video-archived-media", "ListFragments")
def test_fragments_are_listed_by_the_time_they_start(filled: Put) -> None:
    archived = filled.client("kinesis-video-archived-media", "LIST_FRAGMENTS")
    span = {
        "StartTimestamp": (filled.start_ms + 500) / 1000,
        "EndTimestamp": (filled.start_ms + 2000) / 1000,
    }
    selector = {"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": span}
    pages = archived.get_paginator("list_fragments").paginate(
        StreamName=filled.name, FragmentSelector=selector, PaginationConfig={"PageSize": 1}
    )
    listed = [one for page in pages for one in page["Fragments"]]
    starts = sorted(round(one["ProducerTimestamp"].timestamp() * 1000) for one in listed)
    assert starts == [filled.start_ms + 1000, filled.start_ms + 2000]
    assert {one["FragmentLengthInMilliseconds"] for one in listed} <= {1000, 900}
    missing = filled.name + "-none"
    assert code(archived.list_fragments, StreamName=missing) == "ResourceNotFoundException"


@pytest.mark.asserts("kinesis-video-archived-media", "GetMediaForFragmentList")
def test_fragments_are_handed_out_by_number(filled: Put) -> None:
    listing = filled.client("kinesis-video-archived-media", "LIST_FRAGMENTS")
    numbers = [one["FragmentNumber"] for one in listing.list_fragments(StreamName=filled.name)["Fragments"]]
    archived = filled.client("kinesis-video-archived-media", "GET_MEDIA_FOR_FRAGMENT_LIST")
    answer = archived.get_media_for_fragment_list(StreamName=filled.name, Fragments=numbers[:2])
    assert [one.number for one in FragmentReader(answer["Payload"])] == numbers[:2]
    missing = filled.name + "-none"
    assert (
        code(archived.get_media_for_fragment_list, StreamName=missing, Fragments=numbers)
        == "ResourceNotFoundException"
    )


@pytest.mark.asserts("kinesis-video-archived-media", "GetImages")
def test_images_show_the_frames_of_their_instants(filled: Put) -> None:
    archived = filled.client("kinesis-video-archived-media", "GET_IMAGES")
    answer = archived.get_images(
        StreamName=filled.name,
        ImageSelectorType="PRODUCER_TIMESTAMP",
        StartTimestamp=filled.start_ms / 1000,
        EndTimestamp=filled.start_ms / 1000 + 4,
        SamplingInterval=1000,
        Format="JPEG",
    )
    shown = [image for image in answer["Images"] if "ImageContent" in image]
    for image in shown[:SECONDS]:
        offset = image["TimeStamp"].timestamp() - filled.start_ms / 1000
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(image["ImageContent"]))).convert("L"))
        assert abs(pixels.mean() - brightness(round(offset * FPS))) < 5
    assert len(shown) >= SECONDS
    assert answer["Images"][-1]["Error"] == "NO_MEDIA"


@pytest.mark.asserts("kinesis-video-archived-media", "GetImages")
def test_images_over_more_than_300_seconds_are_refused(filled: Put) -> None:
    archived = filled.client("kinesis-video-archived-media", "GET_IMAGES")
    refusal = code(
        archived.get_images,
        StreamName=filled.name,
        ImageSelectorType="PRODUCER_TIMESTAMP",
        StartTimestamp=1_700_000_000,
        EndTimestamp=1_700_000_301,
        Format="JPEG",
    )
    assert refusal == "InvalidArgumentException"
