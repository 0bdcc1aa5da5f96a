"""The frame-search worker on a local cloud: real video in, the stream processor's record out."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from frame_search_rig import Studio, at_ms, eventually, film, identity, people, scene

# Two clouds and a worker a test: minutes on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NOBODY: tuple[tuple[str, str, int], ...] = ()
ANN, BEN, STRANGER = "E1001", "E1038", "S01"
TWELVE = [
    *(("employee", name, 1) for name in ("E1001", "E1038", "E1075", "E1112", "E1149", "E1186")),
    *(("employee", name, 1) for name in ("E1223", "E1260", "E1297", "E1334")),
    *(("stranger", name, 1) for name in ("S01", "S02")),
]


@pytest.fixture
def studio(own_cloud: Any, tmp_path: Path) -> Iterator[Studio]:
    config = tmp_path / "local.yaml"
    # A busy machine would make the processor skip frames.
    config.write_text("similarity_scale: drawn-people\nprocessors: {max_lag_seconds: 600}\n")
    own_cloud.arguments = ["--config", str(config)]
    own_cloud.start()
    made = Studio(own_cloud, tmp_path)
    try:
        yield made
    finally:
        made.stop()


def whole_second(ago_s: int) -> int:
    """Return a whole second of the recent past, in milliseconds."""
    return (int(time.time()) - ago_s) * 1000


def records(studio: Studio, count: int, seconds: float = 150) -> list[dict[str, Any]]:
    """Wait for so many different frames; returns the records by frame time."""

    def found() -> list[dict[str, Any]]:
        every = studio.records()
        return every if len({identity(one) for one in every}) >= count else []

    return sorted(eventually(found, seconds), key=at_ms)


def test_a_frame_with_12_faces_means_12_searches_and_one_without_means_none(studio: Studio) -> None:
    studio.build()
    start = whole_second(20)
    stream = studio.camera("CAM_LOBBY", start)
    empty, crowd = scene(NOBODY, 1280, 960), scene(TWELVE, 1280, 960)
    studio.put(stream, film(start, [empty, empty, crowd, empty, empty]))
    studio.tell()
    worker = studio.start()
    found = records(studio, 5)
    assert [len(record["FaceSearchResponse"]) for record in found] == [0, 0, 12, 0, 0]
    assert [at_ms(record) for record in found] == [start + second * 1000 for second in range(5)]
    assert studio.calls("SearchFacesByImage") == 12
    # The first frame, the crowd, and the one that shows that the crowd has left; nothing moved in the rest.
    assert studio.calls("DetectFaces") == 3
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=40) == 0
    observed = studio.observed("CAM_LOBBY")
    counted = {name: observed[name] for name in ("frames_sampled", "records", "searches")}
    assert counted == {"frames_sampled": 5, "records": 5, "searches": 12}
    assert (observed["frames_gated_motion"], observed["frames_gated_face"]) == (2, 2)
    assert (observed["phase"], observed["drops"]) == ("stopped", {})


def test_the_record_is_the_stream_processors_field_for_field(studio: Studio) -> None:
    studio.build([ANN])
    start = whole_second(20)
    stream = studio.camera("CAM_LOBBY", start)
    acks = studio.put(stream, film(start, [scene([("employee", ANN, 2), ("stranger", STRANGER, 1)])]))
    studio.tell()
    studio.start()
    (record,) = records(studio, 1)
    assert list(record) == ["InputInformation", "StreamProcessorInformation", "FaceSearchResponse"]
    origin = record["InputInformation"]["KinesisVideo"]
    assert origin["StreamArn"] == studio.arns[stream]
    assert origin["FragmentNumber"] in {ack.get("FragmentNumber") for ack in acks}
    assert (origin["ProducerTimestamp"], origin["FrameOffsetInSeconds"]) == (start / 1000, 0.0)
    assert record["StreamProcessorInformation"] == {"Status": "RUNNING"}
    assert people(record) == ["?", ANN]
    for face in record["FaceSearchResponse"]:
        assert set(face) == {"DetectedFace", "MatchedFaces"}
        assert set(face["DetectedFace"]) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    match = next(face["MatchedFaces"][0] for face in record["FaceSearchResponse"] if face["MatchedFaces"])
    assert match["Similarity"] >= 85
    assert set(match["Face"]) == {"BoundingBox", "Confidence", "ExternalImageId", "FaceId", "ImageId"}


@pytest.mark.full
def test_the_analysis_starts_with_the_second_it_is_told(studio: Studio) -> None:
    studio.build()
    start = whole_second(20)
    stream = studio.camera("CAM_LOBBY", start + 2000)
    studio.put(stream, film(start + 400, [scene()] * 5))
    studio.tell()
    studio.start()
    found = records(studio, 4)
    # The film's frames lie at .0 to .9 of a second, its fragments begin at .4.
    assert [at_ms(record) for record in found] == [start + second * 1000 for second in (2, 3, 4, 5)]


def test_a_killed_worker_leaves_no_gap_and_repeats_only_the_same_frames(studio: Studio) -> None:
    studio.build([ANN])
    seconds = 16
    start = whole_second(20)
    stream = studio.camera("CAM_LOBBY", start)
    cast = [
        scene([("employee", ANN, 1 + second % 8)]) if second % 4 else scene() for second in range(seconds)
    ]
    studio.put(stream, film(start, cast))
    studio.tell()
    for wanted in (3, 8):
        worker = studio.start()
        records(studio, wanted)
        worker.kill()
        worker.wait(timeout=10)
    studio.start()
    found = records(studio, seconds)
    assert sorted({at_ms(one) for one in found}) == [start + second * 1000 for second in range(seconds)]
    assert len({identity(one) for one in found}) == seconds
    assert len(found) < 2 * seconds, "a restart repeats what the last checkpoint lacks, not everything"
    seen = {at_ms(one): people(one) for one in found}
    assert seen == {start + n * 1000: [ANN] if n % 4 else [] for n in range(seconds)}


@pytest.mark.full
def test_a_missing_and_an_undecodable_stream_are_named_while_the_rest_goes_on(studio: Studio) -> None:
    studio.build()
    start = whole_second(20)
    good = studio.camera("CAM_GOOD", start)
    bad = studio.camera("CAM_BAD", start)
    studio.camera("CAM_NONE", start, stream=False)
    whole = film(start, [scene()] * 3)
    studio.put(good, whole)
    studio.put(bad, [whole[0].replace(b"V_MPEG4/ISO/AVC", b"V_KNOWN/TO/NONE"), *whole[1:]])
    studio.tell()
    studio.start()
    assert len({at_ms(record) for record in records(studio, 3)}) == 3
    eventually(lambda: studio.observed("CAM_BAD").get("drops"))
    missing, broken = studio.observed("CAM_NONE"), studio.observed("CAM_BAD")
    assert missing["phase"] == broken["phase"] == "retrying"
    assert "gatehouse-CAM_NONE doesn't exist" in missing["reason"]
    assert "fragment" in broken["reason"]
    # Made later, the stream is found without anybody's help.
    studio.cameras = [one for one in studio.cameras if one["camera_id"] != "CAM_NONE"]
    late = studio.camera("CAM_NONE", start)
    studio.put(late, whole)
    records(studio, 6)
    eventually(lambda: studio.observed("CAM_NONE")["phase"] != "retrying")


@pytest.mark.full
def test_throttling_slows_the_search_and_fails_nothing(studio: Studio) -> None:
    studio.build([ANN])
    studio.options = {"rates": {"detect_faces": 20, "search_faces_by_image": 20}}
    start = whole_second(20)
    stream = studio.camera("CAM_LOBBY", start)
    studio.put(stream, film(start, [scene([("employee", ANN, 1 + n % 8)]) for n in range(6)]))
    faults = [
        {"service": "rekognition", "operation": "SearchFacesByImage", "kind": "throttling", "rate": 0.5},
        {"service": "rekognition", "operation": "DetectFaces", "kind": "error", "rate": 0.3, "status": 500},
        {"service": "kinesis", "operation": "PutRecords", "kind": "throttling", "times": 2},
    ]
    for fault in faults:
        assert httpx.post(f"{studio.cloud.endpoint}/_gatehouse/faults", json=fault).is_success
    studio.tell()
    studio.start()
    found = records(studio, 6)
    assert [people(record) for record in found] == [[ANN]] * 6
    assert studio.calls("SearchFacesByImage") == 6
    assert not studio.observed("CAM_LOBBY").get("drops")


@pytest.mark.full
def test_both_engines_see_the_same_people_second_by_second(studio: Studio) -> None:
    studio.build([ANN, BEN])
    start = whole_second(20)
    stream = studio.camera("CAM_LOBBY", start)
    processor = start_processor(studio, stream)
    turns = [
        [],
        [("employee", ANN, 1)],
        [("employee", ANN, 1), ("stranger", STRANGER, 1)],
        [("stranger", STRANGER, 1)],
        [("employee", BEN, 2)],
        [],
    ]
    cast = [scene(turns[second // 3]) for second in range(3 * len(turns))]
    studio.put(stream, film(start, cast), pace_s=0.3)
    last = start + (len(cast) - 1) * 1000
    by_processor = eventually(lambda: _through(studio.records(processor), last), 150)
    studio.tell()
    studio.start()
    by_worker = {at_ms(one): people(one) for one in records(studio, len(cast))}
    assert list(by_worker) == [start + second * 1000 for second in range(len(cast))]
    # A processor starts with the fragment that comes next, so it may have missed the first.
    assert len(by_processor) > len(cast) // 2
    assert {at: by_worker[at] for at in by_processor} == by_processor
    assert {"?", ANN, BEN} == {one for seen in by_processor.values() for one in seen}


def _through(found: list[dict[str, Any]], last: int) -> dict[int, list[str]]:
    """Return who was seen when, once the last frame is among it."""
    seen = {at_ms(one): people(one) for one in found}
    return seen if last in seen else {}


def start_processor(studio: Studio, stream: str) -> str:
    """Run a stream processor on the same video; returns its data stream."""
    iam, kinesis, rekognition = (studio.client(name) for name in ("iam", "kinesis", "rekognition"))
    trust = {"Effect": "Allow", "Principal": {"Service": "rekognition.amazonaws.com"}}
    document = {"Version": "2012-10-17", "Statement": [{**trust, "Action": "sts:AssumeRole"}]}
    name = "processor"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": ["kinesisvideo:*", "kinesis:*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=name, PolicyName="streams", PolicyDocument=policy)
    kinesis.create_stream(StreamName=name, ShardCount=1)
    described = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    rekognition.create_stream_processor(
        Name=name,
        Input={"KinesisVideoStream": {"Arn": studio.arns[stream]}},
        Output={"KinesisDataStream": {"Arn": described["StreamARN"]}},
        RoleArn=role,
        Settings={"FaceSearch": {"CollectionId": studio.collection, "FaceMatchThreshold": 85.0}},
    )
    rekognition.start_stream_processor(Name=name)
    eventually(lambda: rekognition.describe_stream_processor(Name=name)["Status"] == "RUNNING")
    return name
