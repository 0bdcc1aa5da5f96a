"""Health and metrics tell what the cameras do."""

from __future__ import annotations

from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from gatehouse_edge.office.camera import Surroundings
from gatehouse_edge.office.health import health_app
from gatehouse_edge.office.proxy import OfficeProxy
from gatehouse_edge.office.status import CameraStatus


def proxy_with(fake_cloud: Any, tmp_path: Any, *statuses: CameraStatus) -> OfficeProxy:
    async def unused(*_: Any) -> Any:
        raise AssertionError("nothing is started here")

    class Told(OfficeProxy):
        cameras = property(lambda _: list(statuses))  # type: ignore[assignment]

    return Told(fake_cloud, Surroundings(unused, unused, unused, unused, tmp_path))


async def test_pages_show_phase_counters_and_no_more(fake_cloud: Any, tmp_path: Any) -> None:
    good = CameraStatus("CAM_1", "s1", source_phase="streaming", clock="camera", dropped=lambda: 2)
    good.fragment_sent(1000)
    good.fragment_persisted()
    bad = CameraStatus("CAM_2", "s2", source_phase="refused", source_reason="401: correct the secret")
    app = health_app("berlin", proxy_with(fake_cloud, tmp_path, good, bad))
    async with TestClient(TestServer(app)) as client:
        health = await (await client.get("/healthz")).json()
        metrics = await (await client.get("/metrics")).text()
    assert health["status"] == "degraded"
    assert health["cameras"]["CAM_2"] == {
        "phase": "refused",
        "reason": "401: correct the secret",
        "frozen": False,
    }
    for line in (
        'gatehouse_edge_fragments_persisted_total{camera="CAM_1"} 1.0',
        'gatehouse_edge_fragments_dropped_total{camera="CAM_1"} 2.0',
        'gatehouse_edge_camera_clock{camera="CAM_1"} 1.0',
        'gatehouse_edge_phase{camera="CAM_2",phase="refused"} 1.0',
        'gatehouse_edge_phase{camera="CAM_1",phase="refused"} 0.0',
    ):
        assert line in metrics


async def test_all_streaming_is_ok(fake_cloud: Any, tmp_path: Any) -> None:
    app = health_app(
        "berlin", proxy_with(fake_cloud, tmp_path, CameraStatus("C", "s", source_phase="streaming"))
    )
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/healthz")
        assert (await answer.json())["status"] == "ok"
