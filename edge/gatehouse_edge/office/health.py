"""Answer /healthz and /metrics; metrics are read from the cameras' state when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_args

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gatehouse.office.edge import CameraPhase
from gatehouse_edge.office.proxy import OfficeProxy
from gatehouse_edge.office.status import CameraStatus

Reading = tuple[str, str, Callable[[CameraStatus], float]]

_COUNTERS: tuple[Reading, ...] = (
    ("fragments_sent", "Fragments handed to Kinesis Video.", lambda s: s.fragments_sent),
    ("fragments_persisted", "Fragments Kinesis Video stored.", lambda s: s.fragments_persisted),
    ("sent_bytes", "Bytes handed to Kinesis Video.", lambda s: s.bytes_sent),
    ("ack_errors", "ERROR acknowledgements.", lambda s: s.ack_errors),
    ("reconnects", "Times the camera was connected again.", lambda s: s.reconnects),
    ("packets_lost", "RTP packets the camera left out.", lambda s: s.packets_lost),
    ("frames_dropped", "Pictures that became part of no fragment.", lambda s: s.dropped_frames),
    ("fragments_dropped", "Fragments lost for good: gaps.", lambda s: s.dropped()),
)
_GAUGES: tuple[Reading, ...] = (
    ("spooled_fragments", "Fragments on disk.", lambda s: s.spooled()),
    ("frozen", "1 while the picture stands still.", lambda s: s.frozen),
    ("camera_clock", "1 while producer time is the camera's own.", lambda s: s.clock == "camera"),
    ("gop_seconds", "Distance of the last two key frames.", lambda s: s.gop_ms / 1000),
    (
        "last_persisted_timestamp_seconds",
        "When Kinesis Video last stored a fragment.",
        lambda s: s.last_persisted_at.timestamp() if s.last_persisted_at else 0,
    ),
)


class CameraCollector(Collector):
    """Turn the cameras' state into metric families."""

    def __init__(self, cameras: Callable[[], Iterable[CameraStatus]]) -> None:
        self._cameras = cameras

    def collect(self) -> Iterator[Metric]:
        """Yield every family (prometheus_client)."""
        cameras = list(self._cameras())
        for name, text, read in _COUNTERS:
            counter = CounterMetricFamily(f"gatehouse_edge_{name}", text, labels=["camera"])
            for camera in cameras:
                counter.add_metric([camera.camera_id], read(camera))
            yield counter
        for name, text, read in _GAUGES:
            gauge = GaugeMetricFamily(f"gatehouse_edge_{name}", text, labels=["camera"])
            for camera in cameras:
                gauge.add_metric([camera.camera_id], read(camera))
            yield gauge
        yield _phases(cameras)


def _phases(cameras: list[CameraStatus]) -> Metric:
    family = GaugeMetricFamily("gatehouse_edge_phase", "1 for the current phase.", labels=["camera", "phase"])
    for camera in cameras:
        for phase in get_args(CameraPhase):
            family.add_metric([camera.camera_id, phase], float(camera.phase == phase))
    return family


def health_app(office: str, proxy: OfficeProxy) -> web.Application:
    """Build the two pages; /healthz is 200 while the process serves, whatever its cameras do."""
    registry = CollectorRegistry()
    registry.register(CameraCollector(lambda: proxy.cameras))

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response(_health(office, proxy))

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics)])
    return app


def _health(office: str, proxy: OfficeProxy) -> dict[str, Any]:
    cameras = {
        camera.camera_id: {"phase": camera.phase, "reason": camera.reason, "frozen": camera.frozen}
        for camera in proxy.cameras
    }
    well = not proxy.complaints and all(
        camera.phase in ("streaming", "stopped") and not camera.frozen for camera in proxy.cameras
    )
    return {
        "status": "ok" if well else "degraded",
        "office": office,
        "version": proxy.version,
        "complaints": proxy.complaints,
        "cameras": cameras,
    }
