from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Thread

import httpx
import pytest

from gatehouse_frames.analysis.calls import Rekognition
from gatehouse_frames.health import health_server
from gatehouse_frames.metrics import FramesCollector, render
from gatehouse_frames.office.status import CameraStatus


@pytest.fixture
def status() -> CameraStatus:
    made = CameraStatus("CAM_A")
    made.count("searches", 12)
    made.drop("overload")
    made.turn("retrying", "stream gatehouse-CAM_A doesn't exist")
    return made


@pytest.fixture
def address(status: CameraStatus, rekognition: Rekognition) -> Iterator[str]:
    collector = FramesCollector(lambda: [status], lambda: rekognition.gauges)
    server = health_server(("127.0.0.1", 0), lambda: {"status": "degraded"}, lambda: render(collector))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def get(url: str) -> str:
    return httpx.get(url, timeout=10).raise_for_status().text


def test_prometheus_reads_what_a_camera_costs_and_lacks(address: str) -> None:
    page = get(f"{address}/metrics")
    assert 'gatehouse_frames_searches_total{camera="CAM_A"} 12.0' in page
    assert 'gatehouse_frames_drops_total{camera="CAM_A",reason="overload"} 1.0' in page
    assert 'gatehouse_frames_phase{camera="CAM_A",phase="retrying"} 1.0' in page
    assert 'gatehouse_frames_calls_total{operation="DetectFaces"} 0.0' in page


def test_health_answers_whatever_the_cameras_do(address: str) -> None:
    assert json.loads(get(f"{address}/healthz")) == {"status": "degraded"}
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        get(f"{address}/elsewhere")
