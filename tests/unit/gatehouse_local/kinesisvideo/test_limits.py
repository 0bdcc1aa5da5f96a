"""Readers of the archive share a stream's points and connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gatehouse_local.core.quotas import Quotas
from gatehouse_local.core.service import CallContext
from gatehouse_local.kinesisvideo.listing import Payload
from gatehouse_local.kinesisvideo.live import Connections

START = 1_700_000_000
ARCHIVE = "kinesis-video-archived-media"
CONTEXT = CallContext("123456789012", "eu-central-1", ARCHIVE, "GetMediaForFragmentList", "id", "http://door")
QUOTA = "GetMediaForFragmentListConnectionsPerStream"


@pytest.fixture
def filled(cloud: Any, h264: Callable[..., bytes]) -> Any:
    cloud.active_stream()
    cloud.put(h264(35, start_ms=START * 1000))
    client = cloud.client(ARCHIVE)
    numbers = [one["FragmentNumber"] for one in client.list_fragments(StreamName="cam")["Fragments"]]
    return SimpleNamespace(quotas=cloud.quotas, client=client, numbers=numbers)


def refused(call: Callable[..., Any], **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(StreamName="cam", **params)
    code: str = caught.value.response["Error"]["Code"]
    return code


def images(filled: Any) -> dict[str, Any]:
    return {
        "ImageSelectorType": "PRODUCER_TIMESTAMP",
        "StartTimestamp": START,
        "EndTimestamp": START + 1,
        "Format": "JPEG",
        "MaxResults": 20,
    }


def test_a_listing_costs_as_many_points_as_it_may_return(filled: Any) -> None:
    filled.quotas.set(ARCHIVE, "FragmentMetadataPoints", 99)
    assert refused(filled.client.list_fragments) == "ClientLimitExceededException"
    assert filled.client.list_fragments(StreamName="cam", MaxResults=99)["Fragments"]


def test_a_picture_costs_media_and_the_request_metadata(filled: Any) -> None:
    filled.quotas.set(ARCHIVE, "FragmentMetadataPoints", 419)
    assert refused(filled.client.get_images, **images(filled)) == "ClientLimitExceededException"
    filled.quotas.set(ARCHIVE, "FragmentMetadataPoints", 420)
    filled.quotas.set(ARCHIVE, "FragmentMediaPoints", 19)
    assert refused(filled.client.get_images, **images(filled)) == "ClientLimitExceededException"
    filled.quotas.set(ARCHIVE, "FragmentMediaPoints", 20)
    assert filled.client.get_images(StreamName="cam", **images(filled))["Images"]


def test_a_fragment_costs_a_media_point(filled: Any) -> None:
    filled.quotas.set(ARCHIVE, "FragmentMediaPoints", 1)
    read = filled.client.get_media_for_fragment_list
    assert refused(read, Fragments=filled.numbers[:2]) == "ClientLimitExceededException"
    assert read(StreamName="cam", Fragments=filled.numbers[:1])["Payload"].read()


def test_a_connection_is_free_again_when_its_answer_has_been_read(filled: Any) -> None:
    filled.quotas.set(ARCHIVE, QUOTA, 1)
    read = filled.client.get_media_for_fragment_list
    for _ in range(3):
        assert read(StreamName="cam", Fragments=filled.numbers)["Payload"].read()
    filled.quotas.set(ARCHIVE, QUOTA, 0)
    assert refused(read, Fragments=filled.numbers) == "ClientLimitExceededException"


def test_a_payload_holds_its_connection_until_it_ends_or_is_given_up() -> None:
    connections = Connections(Quotas.defaults())

    def chunks() -> Iterator[bytes]:
        yield b"one"
        yield b"two"

    open_ones = [Payload(chunks(), connections.take(CONTEXT, QUOTA, "arn")) for _ in range(5)]
    with pytest.raises(Exception, match="5 GetMediaForFragmentList connections are open"):
        connections.take(CONTEXT, QUOTA, "arn")
    assert list(open_ones[0]) == [b"one", b"two"]
    open_ones[1].close()  # never begun: the reader hung up
    begun = iter(open_ones[2])
    next(begun)
    open_ones[2].close()
    for _ in range(3):
        connections.take(CONTEXT, QUOTA, "arn")
    with pytest.raises(Exception, match="connections are open"):
        connections.take(CONTEXT, QUOTA, "arn")
