"""What the contract tests can't show of streams: passing states, limits, restarts, sweeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def code(call: Callable[..., Any], **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    found: str = caught.value.response["Error"]["Code"]
    return found


def status(cloud: Any, name: str = "cam") -> str:
    found: str = cloud.client("kinesisvideo").describe_stream(StreamName=name)["StreamInfo"]["Status"]
    return found


def test_a_stream_is_creating_for_as_long_as_configured_also_across_a_restart(
    make_cloud: Callable[..., Any],
) -> None:
    cloud = make_cloud(creating_s=60)
    cloud.client("kinesisvideo").create_stream(StreamName="cam")
    cloud.restart()
    assert status(cloud) == "CREATING"
    cloud.offset_s = 61
    assert status(cloud) == "ACTIVE"


def test_nothing_changes_a_stream_that_is_not_active(make_cloud: Callable[..., Any]) -> None:
    control = make_cloud(creating_s=60).client("kinesisvideo")
    arn = control.create_stream(StreamName="cam")["StreamARN"]
    assert code(control.delete_stream, StreamARN=arn) == "ResourceInUseException"


def test_a_deleted_name_is_free_once_the_stream_is_gone(make_cloud: Callable[..., Any]) -> None:
    cloud = make_cloud(deleting_s=60)
    control = cloud.client("kinesisvideo")
    first = cloud.active_stream()
    control.delete_stream(StreamARN=first)
    assert status(cloud) == "DELETING"
    assert code(control.create_stream, StreamName="cam") == "ResourceInUseException"
    cloud.offset_s = 61
    assert code(control.describe_stream, StreamName="cam") == "ResourceNotFoundException"
    second = control.create_stream(StreamName="cam")["StreamARN"]
    assert second != first
    assert code(control.describe_stream, StreamARN=first) == "ResourceNotFoundException"


def test_an_update_takes_a_moment_in_which_another_is_refused(make_cloud: Callable[..., Any]) -> None:
    cloud = make_cloud(updating_s=60)
    control = cloud.client("kinesisvideo")
    cloud.active_stream()
    version = control.describe_stream(StreamName="cam")["StreamInfo"]["Version"]
    change = {"StreamName": "cam", "Operation": "INCREASE_DATA_RETENTION", "DataRetentionChangeInHours": 2}
    control.update_data_retention(CurrentVersion=version, **change)
    info = control.describe_stream(StreamName="cam")["StreamInfo"]
    assert (info["Status"], info["DataRetentionInHours"]) == ("UPDATING", 3)
    assert (
        code(control.update_data_retention, CurrentVersion=info["Version"], **change)
        == "ResourceInUseException"
    )


def test_the_accounts_number_of_streams_is_limited(cloud: Any) -> None:
    cloud.quotas.set("kinesisvideo", "StreamsPerAccount", 1)
    control = cloud.client("kinesisvideo")
    control.create_stream(StreamName="one")
    assert code(control.create_stream, StreamName="two") == "AccountStreamLimitExceededException"


def test_the_data_endpoint_is_the_door_that_the_caller_came_through(cloud: Any) -> None:
    cloud.active_stream()
    endpoint = cloud.client("kinesisvideo").get_data_endpoint(StreamName="cam", APIName="PUT_MEDIA")
    assert endpoint["DataEndpoint"] == f"http://127.0.0.1:{cloud.port}"


def test_idle_streams_are_swept(make_cloud: Callable[..., Any], h264: Callable[..., bytes]) -> None:
    cloud = make_cloud(sweep_s=0.1)
    cloud.active_stream()
    cloud.put(h264(25))
    assert list(cloud.folder.glob("kinesisvideo/*/*/*/*.mkv"))
    cloud.offset_s = 3601
    deadline = time.monotonic() + 5
    while list(cloud.folder.glob("kinesisvideo/*/*/*/*.mkv")):
        assert time.monotonic() < deadline, "expired media was not swept"
        time.sleep(0.1)


def test_an_unknown_setting_is_an_error_that_names_the_known_ones(make_cloud: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"unknown \['retention'\]; known are \['buffer_bytes'"):
        make_cloud(retention=1)
