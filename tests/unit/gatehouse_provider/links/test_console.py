"""A task leads to its resource in the AWS Console, also when its DAG was read back from the database."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.amazon.aws.links import base_aws

from gatehouse_plugin import GatehousePlugin
from gatehouse_provider.links.kinesis_video import KinesisVideoStreamLink, stream_name_of
from gatehouse_provider.links.rekognition import RekognitionConsoleLink
from gatehouse_provider.operators.kinesis_video import KinesisVideoCreateStreamOperator
from gatehouse_provider.operators.rekognition import (
    RekognitionCreateStreamProcessorOperator,
    RekognitionStartStreamProcessorOperator,
    RekognitionStopStreamProcessorOperator,
)
from gatehouse_provider.operators.rekognition_collection import RekognitionCreateCollectionOperator

if TYPE_CHECKING:
    from collections.abc import Callable

REGION = "us-west-2"
VIDEO = "arn:aws:kinesisvideo:us-west-2:123456789012:stream/lobby/1700000000000"
STREAM = "https://console.aws.amazon.com/kinesisvideo/home?region=us-west-2#/streams/streamName/lobby"
CONSOLE = "https://console.aws.amazon.com/rekognition/home?region=us-west-2#/"
CREATE = {
    "processor_name": "lobby",
    "video_stream_arn": VIDEO,
    "record_stream_arn": "arn:aws:kinesis:us-west-2:123456789012:stream/lobby",
    "collection_id": "people",
    "role_arn": "arn:aws:iam::123456789012:role/gatehouse-stream-processor",
}
LINKED: list[tuple[type[Any], dict[str, Any]]] = [
    (RekognitionCreateStreamProcessorOperator, CREATE),
    (RekognitionStartStreamProcessorOperator, {"processor_name": "lobby"}),
    (RekognitionStopStreamProcessorOperator, {"processor_name": "lobby"}),
    (RekognitionCreateCollectionOperator, {"collection_id": "people"}),
    (KinesisVideoCreateStreamOperator, {"stream_name": "lobby"}),
]


class Pushed(dict[str, Any]):
    """Take what a task pushes to XCom."""

    def xcom_push(self, *, key: str, value: Any) -> None:
        self[key] = value


def running(pushed: Pushed) -> Any:
    """Return as much of a task's context as its links need."""
    return {"ti": pushed}


def links_of(operator: Any, pushed: Pushed, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return what Airflow asks for when the task has ended."""
    xcom = SimpleNamespace(get_value=lambda *, key, ti_key: pushed.get(key))
    monkeypatch.setattr(base_aws, "XCom", xcom)
    return {link.name: link.get_link(operator, ti_key=None) for link in operator.operator_extra_links}


@pytest.mark.usefixtures("foundation")
def test_a_created_stream_is_one_press_away(monkeypatch: pytest.MonkeyPatch) -> None:
    pushed = Pushed()
    operator = KinesisVideoCreateStreamOperator(task_id="t", stream_name="lobby", region_name=REGION)
    operator.execute(running(pushed))
    assert links_of(operator, pushed, monkeypatch) == {"Kinesis Video Stream": STREAM}


@pytest.mark.usefixtures("foundation")
def test_a_processor_leads_to_the_console_and_to_the_stream_it_reads(
    monkeypatch: pytest.MonkeyPatch, foundation: Callable[..., Any]
) -> None:
    video = foundation("kinesisvideo", REGION).create_stream(StreamName="yard")["StreamARN"]
    pushed = Pushed()
    operator = RekognitionCreateStreamProcessorOperator(
        task_id="t", region_name=REGION, **CREATE | {"processor_name": "yard", "video_stream_arn": video}
    )
    operator.execute(running(pushed))
    yard = STREAM.replace("lobby", "yard")
    assert links_of(operator, pushed, monkeypatch) == {
        "Amazon Rekognition": CONSOLE,
        "Kinesis Video Stream": yard,
    }


def test_without_a_run_there_is_nothing_to_lead_to(monkeypatch: pytest.MonkeyPatch) -> None:
    operator = KinesisVideoCreateStreamOperator(task_id="t", stream_name="lobby")
    assert links_of(operator, Pushed(), monkeypatch) == {"Kinesis Video Stream": ""}


def test_names_are_escaped_and_read_from_their_arn() -> None:
    link = KinesisVideoStreamLink()
    address = link.format_link(stream_name="a/b c", region_name=REGION, aws_domain="aws.amazon.com")
    assert address.endswith("/streamName/a%2Fb%20c")
    assert stream_name_of(VIDEO) == "lobby"


def test_the_plugin_knows_every_link_that_an_operator_has() -> None:
    known = {type(link) for link in GatehousePlugin.operator_extra_links}
    assert known == {type(link) for kind, _ in LINKED for link in kind.operator_extra_links}
    assert known == {KinesisVideoStreamLink, RekognitionConsoleLink}


@pytest.mark.parametrize(("kind", "arguments"), LINKED, ids=lambda found: getattr(found, "__name__", ""))
def test_links_survive_the_trip_through_the_database(kind: type[Any], arguments: dict[str, Any]) -> None:
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import DagSerialization

    with DAG("linked", schedule=None) as dag:
        kind(task_id="t", **arguments)
    back = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    names = {link.name for link in kind.operator_extra_links}
    assert {link.name for link in back.get_task("t").operator_extra_links} == names
