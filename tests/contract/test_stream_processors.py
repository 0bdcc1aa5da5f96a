"""Stream processors: what is refused, which states they go through, and why they fail."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from processor_place import TRUST, Place, code, eventually


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


def test_the_control_plane_alone_runs_processors_without_their_video(
    own_cloud: Any, unique: Callable[[str], str], tmp_path: Path
) -> None:
    config = tmp_path / "cloud.yaml"
    config.write_text("control_plane_only: true\nprocessors: {check_seconds: 0.2}\n")
    own_cloud.arguments = ["--config", str(config)]
    own_cloud.start()
    assert own_cloud.health()["control_plane_only"] is True
    place = Place(functools.cache(own_cloud.client), unique("control")).make()
    place.create()
    place.start()
    assert place.status() == "STARTING"
    eventually(lambda: place.status() == "RUNNING")
    image = {"Bytes": b"x"}
    index = place.rekognition.index_faces
    assert code(lambda: index(CollectionId=place.name, Image=image)) == "NotImplementedException"
    place.rekognition.stop_stream_processor(Name=place.name)
    eventually(lambda: place.status() == "STOPPED")
    place.allow(video=False)
    wait_for_policies()
    assert place.failed() == "Access denied to Kinesis Video"


def wait_for_policies() -> None:
    """Wait as long as IAM's answers may be kept."""
    time.sleep(3.5)
