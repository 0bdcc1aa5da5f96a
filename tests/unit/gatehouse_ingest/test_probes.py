"""A probe takes the normal path to its own topic, and leaves people's alerts and figures alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse_ingest.publish import TopicPublisher

EPOCH = 1_795_442_040  # a multiple of 15: a window starts here
FPS = 5
ARN = "arn:aws:kinesisvideo:eu-central-1:123456789012:stream/gatehouse-CAM_A/1763900000000"
KINESIS = "arn:aws:kinesis:eu-central-1:123456789012:stream/gatehouse-records-"


def probed(start: float, end: float, probe_id: str = "p1") -> dict[str, Any]:
    span = {
        "probe_id": probe_id,
        "start_ms": round((EPOCH + start) * 1000),
        "end_ms": round((EPOCH + end) * 1000),
    }
    return {"probes": {ARN: [span]}}


def frames(make: Any, start: float, end: float, *faces: str | None) -> list[Any]:
    return [make(EPOCH + step / FPS, *faces) for step in range(round(start * FPS), round(end * FPS))]


def test_the_probe_s_stranger_is_an_alert_of_its_own_with_the_probe_s_name(
    new_office: Any, record: Any
) -> None:
    office = new_office(**probed(3, 9))
    assert office.ingest(frames(record, 3, 6, "employee") + frames(record, 6, 9, None)) == []
    (message,) = office.published
    assert (message["probe"], message["probe_id"]) == (True, "p1")
    documents = office.search.of(".ds-gatehouse-detections")
    assert {(one["probe"], one["probe_id"]) for one in documents} == {(True, "p1")}
    assert {one["employee_match"] for one in documents} == {True, False}


def test_a_probe_s_frames_count_in_nobody_s_figures(new_office: Any, record: Any) -> None:
    office = new_office(**probed(3, 9))
    office.ingest(frames(record, 0, 3) + frames(record, 3, 9, None) + frames(record, 9, 12, "employee"))
    (minute,) = office.search.of("gatehouse-camera-minutes-")
    assert (minute["analysed"], minute["with_faces"]) == (30, 15)
    assert minute["probe_frames"] == [*range(3_000, 9_000, 200)]


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_a_real_stranger_at_both_edges_is_one_real_alert_beside_the_probe_s(
    new_office: Any, record: Any, cut: int
) -> None:
    office = new_office(**probed(3, 9))
    records = frames(record, 0, 12, None)
    for first in range(0, len(records), cut):
        office.ingest(records[first : first + cut])
    assert sorted(message["probe"] for message in office.published) == [False, True]
    real = next(
        alert for alert in office.search.of("gatehouse-alerts-") if alert["hits"] and not alert["probe"]
    )
    assert real["frames"] == 30
    assert "probe_id" not in real


def test_hits_on_both_sides_of_a_probe_make_k_of_n_together(new_office: Any, record: Any) -> None:
    office = new_office(**probed(3, 9))
    office.ingest(
        frames(record, 2.6, 3, None) + frames(record, 3, 9, "employee") + frames(record, 9, 9.2, None)
    )
    (message,) = office.published
    assert (message["probe"], message["frames"]) == (False, 3)


def test_hits_of_the_probe_and_of_a_person_don_t_add_up(new_office: Any, record: Any) -> None:
    office = new_office(**probed(3, 3.4))
    office.ingest(frames(record, 2.6, 3.4, None))
    assert office.published == []


def test_a_probe_silences_no_real_alert_and_is_silenced_by_none(new_office: Any, record: Any) -> None:
    office = new_office(**probed(16, 20))
    office.ingest(frames(record, 0, 3, None))
    office.ingest(frames(record, 16, 20, None))
    office.ingest(frames(record, 46, 49, None))
    assert [message["probe"] for message in office.published] == [False, True, False]


def test_two_probes_of_one_window_are_two_alerts(new_office: Any, record: Any) -> None:
    one, two = probed(0, 4), probed(6, 10, "p2")
    office = new_office(probes={ARN: one["probes"][ARN] + two["probes"][ARN]})
    office.ingest(frames(record, 0, 10, None))
    told = {message.get("probe_id"): message for message in office.published}
    assert {"p1", "p2"} <= told.keys()
    assert told["p1"]["alert_id"] != told["p2"]["alert_id"]


def test_a_policy_stores_no_frame_of_a_probe(new_office: Any, record: Any) -> None:
    office = new_office(evidence="all", **probed(0, 4))
    office.ingest(frames(record, 0, 4, "employee"))
    assert office.stored == []


@given(switch=st.integers(0, 40))
def test_over_a_change_of_engine_every_frame_is_written_once_by_the_one_in_force(
    new_office: Any, record: Any, switch: int
) -> None:
    engines = [
        {"engine": "stream_processor", "from_ms": 0},
        {"engine": "frame_search", "from_ms": EPOCH * 1000 + switch * 200},
    ]
    office = new_office()
    stream = office.snapshot.streams[ARN].model_dump() | {"engine": "frame_search", "engines": engines}
    office = new_office(streams={ARN: stream})
    both = [
        record(EPOCH + step / FPS, "employee", source=f"{KINESIS}{name}")
        for step in range(40)
        for name in ("CAM_A", "berlin")
    ]
    assert office.ingest(both) == []
    documents = office.search.of(".ds-gatehouse-detections")
    assert len(documents) == len({one["timestamp"] for one in documents}) == 40
    assert sum(one["engine"] == "stream_processor" for one in documents) == switch


def test_dropped_records_are_counted_as_a_metric(
    new_office: Any, record: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    office = new_office()
    assert office.ingest([record(EPOCH, "employee", source=f"{KINESIS}berlin")]) == []
    (line,) = capsys.readouterr().out.splitlines()
    metric = json.loads(line)
    assert (metric["Office"], metric["RecordsOfEngineNotInForce"]) == ("berlin", 1)
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Gatehouse/Ingest"
    assert office.search.writes == 0


class Topic:
    def __init__(self) -> None:
        self.arns: list[str] = []

    def publish(self, *, TopicArn: str, **_: Any) -> None:  # noqa: N803 - boto3's name
        self.arns.append(TopicArn)


MESSAGE = {"alert_id": "a", "channel": "security", "kind": "non_employee", "office": "berlin"}


def test_a_probe_s_alert_goes_to_the_probe_topic_alone() -> None:
    sns = Topic()
    publisher = TopicPublisher(sns, "arn:people", "arn:probes")  # type: ignore[arg-type]
    assert publisher.publish(MESSAGE | {"probe": True})
    assert publisher.publish(MESSAGE | {"probe": False})
    assert sns.arns == ["arn:probes", "arn:people"]


def test_without_a_probe_topic_a_probe_s_alert_goes_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    sns = Topic()
    publisher = TopicPublisher(sns, "arn:people")  # type: ignore[arg-type]
    assert not publisher.publish(MESSAGE | {"probe": True})
    assert sns.arns == []
    assert "GATEHOUSE_PROBE_TOPIC_ARN" in caplog.text
