"""Video streams as any boto3 client meets them: made, found, changed, tagged, deleted."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ACTIVE_SECONDS = 60


@pytest.fixture
def video(aws: Callable[..., Any]) -> Any:
    """Return a Kinesis Video client."""
    return aws("kinesisvideo")


@pytest.fixture
def stream(video: Any, unique: Callable[[str], str]) -> Iterator[str]:
    """Return the name of an ACTIVE stream that retains an hour and is gone after the test."""
    name = unique("stream")
    video.create_stream(
        StreamName=name,
        MediaType="video/h264",
        DataRetentionInHours=1,
        Tags={"gatehouse:office": "berlin"},
    )
    active(video, name)
    yield name
    delete(video, name)


def info(video: Any, name: str) -> dict[str, Any]:
    """Describe a stream."""
    described: dict[str, Any] = video.describe_stream(StreamName=name)["StreamInfo"]
    return described


def active(video: Any, name: str) -> dict[str, Any]:
    """Wait until a stream is ACTIVE and describe it."""
    deadline = time.monotonic() + _ACTIVE_SECONDS
    while (described := info(video, name))["Status"] != "ACTIVE":
        assert time.monotonic() < deadline, described
        time.sleep(0.25)
    return described


def delete(video: Any, name: str) -> None:
    """Delete a stream; one that is gone already is as it should be."""
    try:
        video.delete_stream(StreamARN=active(video, name)["StreamARN"])
    except video.exceptions.ResourceNotFoundException:
        return


def wait_until_gone(video: Any, name: str) -> None:
    """Wait until a stream that is DELETING isn't found."""
    deadline = time.monotonic() + _ACTIVE_SECONDS
    while time.monotonic() < deadline:
        try:
            assert info(video, name)["Status"] == "DELETING"
        except video.exceptions.ResourceNotFoundException:
            return
        time.sleep(0.25)
    pytest.fail(f"{name} is still there")


def code(call: Callable[..., Any], **params: Any) -> str:
    """Return the error code with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**params)
    return str(refused.value.response["Error"]["Code"])


@pytest.mark.asserts("kinesisvideo", "CreateStream")
def test_a_new_stream_is_creating_before_it_is_active(video: Any, unique: Callable[[str], str]) -> None:
    name = unique("new")
    arn = video.create_stream(StreamName=name)["StreamARN"]
    try:
        assert re.fullmatch(rf"arn:aws:kinesisvideo:[a-z0-9-]+:\d{{12}}:stream/{name}/\d{{13}}", arn)
        assert info(video, name)["Status"] == "CREATING"
        assert active(video, name)["StreamARN"] == arn
    finally:
        delete(video, name)


@pytest.mark.asserts("kinesisvideo", "CreateStream")
def test_a_taken_name_is_refused(video: Any, stream: str) -> None:
    assert code(video.create_stream, StreamName=stream) == "ResourceInUseException"


@pytest.mark.asserts("kinesisvideo", "DescribeStream")
def test_a_stream_is_described_by_name_and_by_arn(video: Any, stream: str) -> None:
    described = info(video, stream)
    assert described["MediaType"] == "video/h264"
    assert described["DataRetentionInHours"] == 1
    assert described["KmsKeyId"].endswith("alias/aws/kinesisvideo")
    assert (
        abs(described["CreationTime"].timestamp() - int(described["StreamARN"].rsplit("/", 1)[1]) / 1000) < 5
    )
    assert video.describe_stream(StreamARN=described["StreamARN"])["StreamInfo"] == described


@pytest.mark.asserts("kinesisvideo", "DescribeStream")
def test_an_unknown_stream_is_not_found(video: Any, stream: str, unique: Callable[[str], str]) -> None:
    assert code(video.describe_stream, StreamName=unique("none")) == "ResourceNotFoundException"
    other = info(video, stream)["StreamARN"][:-13] + "1111111111111"
    assert code(video.describe_stream, StreamARN=other) == "ResourceNotFoundException"
    assert code(video.describe_stream) == "InvalidArgumentException"


@pytest.mark.asserts("kinesisvideo", "ListStreams")
def test_streams_are_listed_by_prefix_page_by_page(video: Any, unique: Callable[[str], str]) -> None:
    prefix = unique("list")
    names = [f"{prefix}-{number}" for number in range(3)]
    for name in names:
        video.create_stream(StreamName=name)
    try:
        condition = {"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": prefix}
        pages = video.get_paginator("list_streams").paginate(
            StreamNameCondition=condition, PaginationConfig={"PageSize": 2}
        )
        listed = [[one["StreamName"] for one in page["StreamInfoList"]] for page in pages]
        assert sorted(name for page in listed for name in page) == names
        assert max(map(len, listed)) <= 2
    finally:
        for name in names:
            delete(video, name)


@pytest.mark.asserts("kinesisvideo", "UpdateDataRetention")
def test_retention_changes_by_a_difference_under_the_current_version(video: Any, stream: str) -> None:
    before = info(video, stream)
    change = {"StreamName": stream, "Operation": "INCREASE_DATA_RETENTION", "DataRetentionChangeInHours": 23}
    assert code(video.update_data_retention, CurrentVersion="stale", **change) == "VersionMismatchException"
    video.update_data_retention(CurrentVersion=before["Version"], **change)
    after = active(video, stream)
    assert after["DataRetentionInHours"] == 24
    assert after["Version"] != before["Version"]
    less = {**change, "Operation": "DECREASE_DATA_RETENTION", "DataRetentionChangeInHours": 25}
    assert (
        code(video.update_data_retention, CurrentVersion=after["Version"], **less)
        == "InvalidArgumentException"
    )


@pytest.mark.asserts("kinesisvideo", "UpdateStream")
def test_device_and_media_type_change_under_the_current_version(video: Any, stream: str) -> None:
    before = info(video, stream)
    assert (
        code(video.update_stream, StreamName=stream, CurrentVersion="stale", DeviceName="d")
        == "VersionMismatchException"
    )
    video.update_stream(StreamName=stream, CurrentVersion=before["Version"], DeviceName="CAM_FL3_LOBBY_001")
    after = active(video, stream)
    assert (after["DeviceName"], after["MediaType"]) == ("CAM_FL3_LOBBY_001", "video/h264")


@pytest.mark.asserts("kinesisvideo", "DescribeStreamStorageConfiguration")
@pytest.mark.asserts("kinesisvideo", "UpdateStreamStorageConfiguration")
def test_the_storage_tier_changes_under_the_current_version(video: Any, stream: str) -> None:
    described = video.describe_stream_storage_configuration(StreamName=stream)
    assert described["StreamStorageConfiguration"] == {"DefaultStorageTier": "HOT"}
    warm = {"StreamName": stream, "StreamStorageConfiguration": {"DefaultStorageTier": "WARM"}}
    assert (
        code(video.update_stream_storage_configuration, CurrentVersion="stale", **warm)
        == "VersionMismatchException"
    )
    video.update_stream_storage_configuration(CurrentVersion=info(video, stream)["Version"], **warm)
    described = video.describe_stream_storage_configuration(StreamName=stream)
    assert described["StreamStorageConfiguration"] == {"DefaultStorageTier": "WARM"}


@pytest.mark.asserts("kinesisvideo", "TagStream")
@pytest.mark.asserts("kinesisvideo", "UntagStream")
@pytest.mark.asserts("kinesisvideo", "ListTagsForStream")
def test_tags_of_a_stream_are_added_replaced_and_removed(video: Any, stream: str) -> None:
    video.tag_stream(StreamName=stream, Tags={"gatehouse:office": "tokyo", "gatehouse:camera": "c1"})
    video.untag_stream(StreamName=stream, TagKeyList=["gatehouse:camera", "never-there"])
    assert video.list_tags_for_stream(StreamName=stream)["Tags"] == {"gatehouse:office": "tokyo"}
    many = {f"k{number}": "v" for number in range(50)}
    assert code(video.tag_stream, StreamName=stream, Tags=many) == "TagsPerResourceExceededLimitException"


@pytest.mark.asserts("kinesisvideo", "TagResource")
@pytest.mark.asserts("kinesisvideo", "UntagResource")
@pytest.mark.asserts("kinesisvideo", "ListTagsForResource")
def test_tags_of_a_resource_are_those_of_the_stream(video: Any, stream: str) -> None:
    arn = info(video, stream)["StreamARN"]
    video.tag_resource(ResourceARN=arn, Tags=[{"Key": "gatehouse:camera", "Value": "c2"}])
    video.untag_resource(ResourceARN=arn, TagKeyList=["gatehouse:office"])
    assert video.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"gatehouse:camera": "c2"}
    assert video.list_tags_for_stream(StreamName=stream)["Tags"] == {"gatehouse:camera": "c2"}
    missing = arn[:-13] + "1111111111111"
    assert code(video.list_tags_for_resource, ResourceARN=missing) == "ResourceNotFoundException"


@pytest.mark.asserts("kinesisvideo", "GetDataEndpoint")
def test_every_data_operation_has_an_endpoint(video: Any, stream: str, unique: Callable[[str], str]) -> None:
    for name in ("PUT_MEDIA", "GET_MEDIA", "LIST_FRAGMENTS", "GET_MEDIA_FOR_FRAGMENT_LIST", "GET_IMAGES"):
        endpoint = video.get_data_endpoint(StreamName=stream, APIName=name)["DataEndpoint"]
        assert endpoint.startswith("http")
    missing = unique("none")
    assert (
        code(video.get_data_endpoint, StreamName=missing, APIName="PUT_MEDIA") == "ResourceNotFoundException"
    )


@pytest.mark.asserts("kinesisvideo", "DeleteStream")
def test_a_stream_is_deleted_under_its_version_and_then_gone(
    video: Any, unique: Callable[[str], str]
) -> None:
    name = unique("gone")
    video.create_stream(StreamName=name)
    arn = active(video, name)["StreamARN"]
    assert code(video.delete_stream, StreamARN=arn, CurrentVersion="stale") == "VersionMismatchException"
    video.delete_stream(StreamARN=arn, CurrentVersion=info(video, name)["Version"])
    wait_until_gone(video, name)
    assert code(video.delete_stream, StreamARN=arn) == "ResourceNotFoundException"
