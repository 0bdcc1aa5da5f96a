"""An office changes its engine while it is watched: every second is analysed once, by one engine."""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
import pytest

from gatehouse_stack import company, parts
from gatehouse_stack.graph import Service
from record_tap import Face, RecordTap, Written, in_order
from running_stack import Demo, RunningStack, wait_until

pytestmark = [pytest.mark.stack, pytest.mark.full, pytest.mark.timeout(1800)]

OFFICE, REGION, BUCKET = "tokyo", "ap-northeast-1", "gatehouse-123456789012-ap-northeast-1"
OTHER = {"stream_processor": "frame_search", "frame_search": "stream_processor"}
AROUND_S = 60
# Of a second, in milliseconds: with so much of it in the stream, both engines find a frame in it.
HALF_MS = 500


@dataclass(slots=True)
class Office:
    """The office whose engine changes; `tap` sees what either engine writes, whatever becomes of it."""

    stack: RunningStack
    tap: RecordTap
    cameras: tuple[str, ...]
    worker: subprocess.Popen[bytes] | None = field(default=None)

    def change_engine(self, engine: str) -> str:
        """Say another engine in the manifest and roll it out; return the rollout's id."""
        manifest = self.stack.layout.config / "offices" / f"{OFFICE}.yaml"
        text, changed = re.subn(r"(?m)^engine: \w+$", f"engine: {engine}", manifest.read_text())
        assert changed == 1
        manifest.write_text(text)
        if engine == "frame_search" and self.worker is None:
            self._start_worker()
        done = self.stack.run("run", "office_rollout", "--conf", json.dumps({"offices": [OFFICE]}))
        assert done.returncode == 0, done.stdout
        found = re.search(r"manual__\S+", done.stdout)
        assert found, done.stdout
        return found.group()

    def _start_worker(self) -> None:
        """Do what an office's technician does: the stack starts workers only as the manifests were then."""
        layout = self.stack.layout
        service = parts.build(layout).nodes[f"frames-{OFFICE}"]
        assert isinstance(service, Service)
        with (layout.logs / f"frames-{OFFICE}.log").open("ab") as log:
            self.worker = subprocess.Popen(
                service.command(),
                env=parts.environment(layout) | dict(service.environment()),
                cwd=layout.run,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop_worker(self) -> None:
        """End the worker; it drains first."""
        if self.worker is not None:
            self.worker.terminate()
            self.worker.wait(timeout=60)

    def streams(self) -> dict[str, dict[str, Any]]:
        """Return what the ingest snapshot knows of each camera's present stream."""
        body = self.stack.client("s3", REGION).get_object(Bucket=BUCKET, Key="snapshot/ingest.json")["Body"]
        known = json.loads(body.read())["streams"]
        present = self.stack.client("kinesisvideo", REGION).list_streams()["StreamInfoList"]
        found = [known[stream["StreamARN"]] for stream in present if stream["StreamARN"] in known]
        return {stream["camera_id"]: stream for stream in found if stream["office"] == OFFICE}

    def switches(self) -> dict[str, int]:
        """Return from which producer time (ms) on each camera's last engine is in force."""
        return {camera: stream["engines"][-1]["from_ms"] for camera, stream in self.streams().items()}

    def recorded(self, rollout: str) -> dict[str, int]:
        """Return the times that the ledger has of the switches this rollout carried out."""
        query = (
            "SELECT camera_id, changed_at FROM camera_state JOIN camera_call USING (rollout_id, camera_id) "
            "WHERE rollout_id = %s AND action = 'switch_engine' AND state = 'done'"
        )
        with psycopg.connect(self.stack.layout.database_url.replace("+psycopg", "")) as ledger:
            rows = ledger.execute(query, (rollout,)).fetchall()
        return {camera: round(at.timestamp() * 1000) for camera, at in rows}

    def counted(self, camera: str, start_ms: int, end_ms: int) -> set[int]:
        """Return the times of the frames that ingest counted, a probe's among them."""
        hits = self._hits("gatehouse-camera-minutes*", camera, start_ms - 60_000, end_ms)
        times = {
            _ms(minute["@timestamp"]) + offset
            for minute in hits
            for offset in [*minute["frames"], *minute.get("probe_frames", [])]
        }
        return {at_ms for at_ms in times if start_ms <= at_ms < end_ms}

    def faces(self, camera: str, start_ms: int, end_ms: int) -> dict[tuple[str, int], list[Face]]:
        """Return the faces of the documents, by the engine that they name and their frame."""
        found = defaultdict[tuple[str, int], list[Face]](list)
        for one in self._hits("gatehouse-detections", camera, start_ms, end_ms):
            face = one["box"]["left"], one["box"]["top"], one.get("similarity")
            found[one["engine"], _ms(one["@timestamp"])].append(face)
        return {key: sorted(faces, key=in_order) for key, faces in found.items()}

    def _hits(self, index: str, camera: str, start_ms: int, end_ms: int) -> list[dict[str, Any]]:
        span = {"range": {"@timestamp": {"gte": start_ms, "lt": end_ms, "format": "epoch_millis"}}}
        query = {"bool": {"filter": [{"term": {"camera_id": camera}}, span]}}
        body = {"query": query, "size": 5000}
        found = self.stack.search.search(index=index, body=body, params={"ignore_unavailable": "true"})
        return [hit["_source"] for hit in found["hits"]["hits"]]

    def seconds_with_video(self, camera: str, start_ms: int, end_ms: int) -> set[int]:
        """Return the seconds of producer time of which the stream holds at least half."""
        name = f"gatehouse-{camera}"
        control = self.stack.client("kinesisvideo", REGION)
        endpoint = control.get_data_endpoint(StreamName=name, APIName="LIST_FRAGMENTS")["DataEndpoint"]
        media = self.stack.client("kinesis-video-archived-media", REGION, endpoint)
        # A fragment that began earlier may reach into the span.
        span = {"StartTimestamp": start_ms / 1000 - 20, "EndTimestamp": end_ms / 1000}
        selector = {"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": span}
        pages = media.get_paginator("list_fragments").paginate(StreamName=name, FragmentSelector=selector)
        held = defaultdict[int, int](int)
        for fragment in (fragment for page in pages for fragment in page["Fragments"]):
            begin = round(fragment["ProducerTimestamp"].timestamp() * 1000)
            end = begin + fragment["FragmentLengthInMilliseconds"]
            for second in range(begin // 1000, end // 1000 + 1):
                held[second] += min(end, second * 1000 + 1000) - max(begin, second * 1000)
        wanted = range(start_ms // 1000, end_ms // 1000)
        return {second for second in wanted if held[second] >= HALF_MS}


@pytest.fixture(scope="module")
def tokyo(stack: RunningStack, demo: Demo) -> Iterator[Office]:
    """Watch Tokyo, and leave it as it was."""
    found = next(one for one in company.offices(stack.layout.config) if one.name == OFFICE)
    assert found.engine == "stream_processor"
    streams = {f"gatehouse-records-{camera}": "stream_processor" for camera in found.cameras}
    streams[f"gatehouse-records-{OFFICE}"] = "frame_search"
    office = Office(stack, RecordTap(stack.client("kinesis", REGION), streams), found.cameras)
    try:
        with office.tap.reading():
            yield office
            if {one["engine"] for one in office.streams().values()} != {"stream_processor"}:
                office.change_engine("stream_processor")
    finally:
        manifest = stack.layout.config / "offices" / f"{OFFICE}.yaml"
        manifest.write_text(manifest.read_text().replace("engine: frame_search", "engine: stream_processor"))
        office.stop_worker()


@pytest.mark.parametrize("engine", ["frame_search", "stream_processor"])
def test_around_a_change_of_engine_every_second_counts_once(tokyo: Office, engine: str) -> None:
    rollout = tokyo.change_engine(engine)

    assert {camera: stream["engine"] for camera, stream in tokyo.streams().items()} == dict.fromkeys(
        tokyo.cameras, engine
    )
    switches = tokyo.switches()
    assert all(at_ms % 1000 == 0 for at_ms in switches.values())
    assert tokyo.recorded(rollout) == switches
    for camera, at_ms in switches.items():
        _wait_until_seen(tokyo, camera, at_ms + AROUND_S * 1000)
        _check(tokyo, camera, engine, at_ms)


def _wait_until_seen(office: Office, camera: str, at_ms: int) -> None:
    """Wait until frames well behind this time are counted: a shard is ingested in order, batch by batch."""
    at_ms += 5_000
    wait_until(
        lambda: bool(office.counted(camera, at_ms, at_ms + 600_000)),
        AROUND_S + 120,
        f"{camera} is counted past {at_ms}",
    )
    wait_until(lambda: office.tap.of(camera)[-1].at_ms >= at_ms, 30, f"the tap reads {camera} past {at_ms}")
    office.stack.search.indices.refresh(index="gatehouse-detections,gatehouse-camera-minutes*")


def _check(office: Office, camera: str, engine: str, at_ms: int) -> None:
    span = at_ms - AROUND_S * 1000, at_ms + AROUND_S * 1000
    written = [record for record in office.tap.of(camera) if span[0] <= record.at_ms < span[1]]
    in_force = [record for record in written if record.engine == _engine_at(record, engine, at_ms)]
    dropped = [record for record in written if record not in in_force]

    # Both engines were at work on either side of the switch, so that something was to be dropped.
    assert {record.engine for record in dropped} == set(OTHER), camera

    # No second is missing, and none has frames of both engines.
    seconds = office.seconds_with_video(camera, *span)
    assert len(seconds) >= 2 * AROUND_S - 5, f"{camera}: the stream itself has gaps"
    engines = defaultdict[int, set[str]](set)
    for record in in_force:
        engines[record.at_ms // 1000].add(record.engine)
    wrong = {
        second - at_ms // 1000: (sorted(engines[second]), [r.engine for r in written if _is_in(r, second)])
        for second in sorted(seconds)
        if len(engines[second]) != 1
    }
    assert wrong == {}, f"{camera}, seconds from the switch: (in force, written)"

    # What is searchable is exactly that: no frame more, no face of a dropped record.
    assert office.counted(camera, *span) == {record.at_ms for record in in_force}
    faces = {(record.engine, record.at_ms): list(record.faces) for record in in_force if record.faces}
    assert office.faces(camera, *span) == faces


def _engine_at(record: Written, engine: str, at_ms: int) -> str:
    return engine if record.at_ms >= at_ms else OTHER[engine]


def _is_in(record: Written, second: int) -> bool:
    return record.at_ms // 1000 == second


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
