"""What dies comes back, and nothing is doubled or lost but what nobody could have seen."""

from __future__ import annotations

import itertools
import signal
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from gatehouse_stack import company
from running_stack import Demo, RunningStack, wait_until

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.timeout(900)]

BERLIN = "CAM_BER_F0_LOBBY_001"
STREAM = f"gatehouse-{BERLIN}"


def test_a_proxy_killed_for_20_seconds_doubles_no_document_and_leaves_a_visible_gap(
    stack: RunningStack, demo: Demo
) -> None:
    began = time.time()
    with stack.held_down("edge-berlin"):
        died = time.time()
        time.sleep(20)  # the fault itself: twenty seconds without a proxy
    back = time.time()
    wait_until(lambda: _frames(stack, BERLIN, back + 3) >= 5, 120, "frames are analysed again")
    doubled = [key for key, times in Counter(_faces(stack, began)).items() if times > 1]
    assert doubled == []
    assert _frames(stack, BERLIN, died + 4, died + 18) == 0
    assert _largest_gap(stack, began) >= 18


@pytest.mark.full
def test_a_frame_search_worker_killed_for_20_seconds_loses_and_doubles_nothing(
    stack: RunningStack, demo: Demo
) -> None:
    office = next((one for one in company.offices(stack.layout.config) if one.searches_frames), None)
    if office is None:
        pytest.skip("no manifest in config/offices says frame_search")
    began = time.time()
    with stack.held_down(f"frames-{office.name}"):
        died = time.time()
        time.sleep(20)  # the fault itself: twenty seconds without a worker
        back = time.time()

    def caught_up() -> bool:
        # One frame a second, as config/rollout.yaml says.
        return all(_frames(stack, camera, died + 1, back - 1) >= 17 for camera in office.cameras)

    wait_until(caught_up, 120, "every frame of the outage is analysed")
    doubled = [key for key, times in Counter(_faces(stack, began)).items() if times > 1]
    assert doubled == []


def test_records_analysed_while_opensearch_is_down_are_searchable_afterwards_once(
    stack: RunningStack, demo: Demo
) -> None:
    began = time.time()
    with stack.held_down("opensearch", signal.SIGTERM):
        down = time.time()
        time.sleep(30)  # the fault itself: thirty seconds without OpenSearch
        up = time.time()
    cameras = [camera["camera_id"] for camera in demo.report["cameras"]]

    def caught_up() -> bool:
        return all(_frames(stack, camera, down + 2, up - 2) >= 10 for camera in cameras)

    wait_until(caught_up, 180, "every camera's frames of the outage are searchable")
    doubled = [key for key, times in Counter(_faces(stack, began)).items() if times > 1]
    assert doubled == []


def _frames(stack: RunningStack, camera: str, since: float, until: float | None = None) -> int:
    """Count a camera's analysed frames in a span of frame time."""
    start = datetime.fromtimestamp(since - 60, UTC).isoformat()
    query = {
        "bool": {
            "filter": [{"term": {"camera_id": camera}}, {"range": {"@timestamp": {"gte": start}}}],
        }
    }
    found = stack.search.search(
        index="gatehouse-camera-minutes*",
        body={"query": query, "size": 100},
        params={"ignore_unavailable": "true"},
    )
    times = [
        datetime.fromisoformat(hit["_source"]["@timestamp"]).timestamp() + offset / 1000
        for hit in found["hits"]["hits"]
        for offset in hit["_source"]["frames"]
    ]
    return sum(since <= at <= (until or time.time()) for at in times)


def _faces(stack: RunningStack, since: float) -> list[tuple[Any, ...]]:
    """Return where and when each document's face was: the same place twice is a doubled document."""
    found = stack.search.search(
        index="gatehouse-detections",
        body={"query": {"range": {"@timestamp": {"gte": int(since * 1000)}}}, "size": 5000},
    )
    sources = [hit["_source"] for hit in found["hits"]["hits"]]
    return [(s["camera_id"], s["@timestamp"], s["box"]["left"], s["box"]["top"]) for s in sources]


def _largest_gap(stack: RunningStack, since: float) -> float:
    """Return the longest span without a fragment since a time, in seconds."""
    control = stack.client("kinesisvideo", "eu-central-1")
    endpoint = control.get_data_endpoint(StreamName=STREAM, APIName="LIST_FRAGMENTS")["DataEndpoint"]
    media = stack.client("kinesis-video-archived-media", "eu-central-1", endpoint)
    selector = {
        "FragmentSelectorType": "PRODUCER_TIMESTAMP",
        "TimestampRange": {"StartTimestamp": since - 5, "EndTimestamp": time.time()},
    }
    pages = media.get_paginator("list_fragments").paginate(StreamName=STREAM, FragmentSelector=selector)
    spans = sorted(
        (f["ProducerTimestamp"].timestamp(), f["FragmentLengthInMilliseconds"] / 1000)
        for page in pages
        for f in page["Fragments"]
    )
    return max(
        (after[0] - (before[0] + before[1]) for before, after in itertools.pairwise(spans)),
        default=0,
    )
