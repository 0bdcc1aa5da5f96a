"""Operators of single resources take what exists as it is, and wait here or in the triggerer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from botocore.exceptions import ClientError

from gatehouse_provider.hooks.rekognition import RekognitionHook
from gatehouse_provider.operators.kinesis_video import (
    KinesisVideoCreateStreamOperator,
    KinesisVideoDeleteStreamOperator,
)
from gatehouse_provider.operators.rekognition import (
    RekognitionCreateStreamProcessorOperator,
    RekognitionDeleteStreamProcessorOperator,
    RekognitionStartStreamProcessorOperator,
    RekognitionStopStreamProcessorOperator,
)
from gatehouse_provider.operators.rekognition_collection import (
    RekognitionCreateCollectionOperator,
    RekognitionDeleteCollectionOperator,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("foundation")
REGION = "us-west-2"
ROLE = "arn:aws:iam::123456789012:role/gatehouse-stream-processor"


def create_stream(name: str, **arguments: Any) -> str:
    operator = KinesisVideoCreateStreamOperator(
        task_id="t", stream_name=name, region_name=REGION, **arguments
    )
    return operator.execute({})


def create_processor(name: str, video_arn: str, **arguments: Any) -> str:
    return RekognitionCreateStreamProcessorOperator(
        task_id="t",
        processor_name=name,
        video_stream_arn=video_arn,
        record_stream_arn="arn:aws:kinesis:us-west-2:123456789012:stream/missing-" + name,
        collection_id="missing",
        role_arn=ROLE,
        region_name=REGION,
        **arguments,
    ).execute({})


def fire(deferred: TaskDeferred) -> dict[str, Any]:
    """Run a deferred task's trigger and return its event."""

    async def first() -> Any:
        return await anext(aiter(deferred.trigger.run()))

    event: dict[str, Any] = asyncio.run(first()).payload
    return event


def test_a_stream_is_created_once_and_waited_for() -> None:
    arn = create_stream("once")
    assert create_stream("once") == arn


def test_the_triggerer_waits_for_a_stream_to_become_active(foundation: Callable[..., Any]) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        create_stream("later", deferrable=True)
    assert fire(deferred.value) == {"status": "success", "stream_name": "later"}
    info = foundation("kinesisvideo", REGION).describe_stream(StreamName="later")["StreamInfo"]
    assert info["Status"] == "ACTIVE"


def test_a_processor_that_fails_fails_the_task_with_the_words_of_aws() -> None:
    create_processor("doomed", create_stream("doomed"))
    operator = RekognitionStartStreamProcessorOperator(
        task_id="t", processor_name="doomed", region_name=REGION, deferrable=True, waiter_delay=1
    )
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute({})
    event = fire(deferred.value)
    assert event["status"] == "error"
    assert "FAILED" in event["message"]
    with pytest.raises(AirflowFailException, match="Stream processor doomed doesn't run"):
        operator.execute_complete({}, event)


def test_an_existing_processor_is_taken_as_it_is() -> None:
    video = create_stream("twice")
    assert create_processor("twice", video) == create_processor("twice", video) == "twice"


def test_deleting_what_is_gone_is_fine(foundation: Callable[..., Any]) -> None:
    create_processor("gone", create_stream("gone"))
    for _ in range(2):
        RekognitionDeleteStreamProcessorOperator(
            task_id="t", processor_name="gone", region_name=REGION
        ).execute({})
    with pytest.raises(ClientError) as caught:
        foundation("rekognition", REGION).describe_stream_processor(Name="gone")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_stopping_what_is_at_rest_or_gone_is_fine(foundation: Callable[..., Any]) -> None:
    create_processor("rests", create_stream("rests"))
    for name in ("rests", "never-was"):
        operator = RekognitionStopStreamProcessorOperator(
            task_id="t", processor_name=name, region_name=REGION
        )
        assert operator.execute({}) == name
    found = foundation("rekognition", REGION).describe_stream_processor(Name="rests")
    assert found["Status"] == "STOPPED"


def test_a_deleted_stream_is_gone_and_deleting_it_again_is_fine(foundation: Callable[..., Any]) -> None:
    create_stream("ends")
    for _ in range(2):
        KinesisVideoDeleteStreamOperator(task_id="t", stream_name="ends", region_name=REGION).execute({})
    with pytest.raises(ClientError) as caught:
        foundation("kinesisvideo", REGION).describe_stream(StreamName="ends")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def delete_collection(**arguments: Any) -> None:
    operator = RekognitionDeleteCollectionOperator(
        task_id="t", collection_id="guests", region_name=REGION, **arguments
    )
    operator.execute({})


def test_a_collection_is_created_once_and_deleting_it_again_is_fine(foundation: Callable[..., Any]) -> None:
    client = foundation("rekognition", REGION)
    for _ in range(2):
        operator = RekognitionCreateCollectionOperator(
            task_id="t", collection_id="guests", tags={"made-by": "test"}, region_name=REGION
        )
        assert operator.execute({}) == "guests"
    assert "guests" in client.list_collections()["CollectionIds"]
    for _ in range(2):
        delete_collection()
    assert "guests" not in client.list_collections()["CollectionIds"]


def test_a_collection_with_faces_is_kept_unless_they_shall_go(monkeypatch: pytest.MonkeyPatch) -> None:
    deleted: list[str] = []
    monkeypatch.setattr(RekognitionHook, "faces", lambda *_: {"face-1": "person-1"})
    monkeypatch.setattr(RekognitionHook, "delete_collection", lambda _, name: deleted.append(name))
    with pytest.raises(AirflowFailException, match="guests holds 1 faces; nothing was deleted"):
        delete_collection()
    assert deleted == []
    delete_collection(with_faces=True)
    assert deleted == ["guests"]


def test_a_client_error_keeps_its_code() -> None:
    with pytest.raises(ClientError) as caught:
        create_stream("no spaces allowed")
    assert caught.value.response["Error"]["Code"]
