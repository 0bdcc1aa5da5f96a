"""Tell Prometheus what the worker does; figures are read from the cameras' state when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gatehouse.office.frames import FramesPhase
from gatehouse_frames.analysis.calls import Gauge
from gatehouse_frames.office.status import CameraStatus

_PREFIX = "gatehouse_frames_"
_COUNTERS = {
    "sampled": "Frames taken from the video.",
    "gated_motion": "Frames in which nothing had moved: recorded without a call.",
    "gated_face": "Frames in which DetectFaces found nobody.",
    "searches": "Faces searched in the collection.",
    "unsearchable": "Faces that Rekognition didn't find again in their crop.",
    "misaimed": "Searches that looked for another face than the one cut out.",
    "records": "Records in the data stream.",
}
_CALLS: tuple[tuple[str, str, Callable[[Gauge], int]], ...] = (
    ("calls", "Attempts to call Rekognition.", lambda gauge: gauge.made),
    ("throttled", "Attempts that Rekognition throttled.", lambda gauge: gauge.throttled),
)


class FramesCollector(Collector):
    """Turn the worker's state into metric families."""

    def __init__(
        self, cameras: Callable[[], Iterable[CameraStatus]], gauges: Callable[[], Mapping[str, Gauge]]
    ) -> None:
        self._cameras = cameras
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """Yield every family (prometheus_client)."""
        cameras = list(self._cameras())
        for name, text in _COUNTERS.items():
            counter = CounterMetricFamily(_PREFIX + name, text, labels=["camera"])
            for camera in cameras:
                counter.add_metric([camera.camera_id], camera.value(name))
            yield counter
        yield _drops(cameras)
        yield _phases(cameras)
        behind = GaugeMetricFamily(_PREFIX + "behind_seconds", "Age of the last fragment.", labels=["camera"])
        for camera in cameras:
            behind.add_metric([camera.camera_id], camera.behind_s)
        yield behind
        yield from self._calls()

    def _calls(self) -> Iterator[Metric]:
        for name, text, read in _CALLS:
            counter = CounterMetricFamily(_PREFIX + name, text, labels=["operation"])
            for operation, gauge in self._gauges().items():
                counter.add_metric([operation], read(gauge))
            yield counter


def render(collector: FramesCollector) -> bytes:
    """Return everything as Prometheus reads it."""
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry)


def _drops(cameras: list[CameraStatus]) -> Metric:
    text = "Sampled frames without a record, and fragments that can't be decoded."
    family = CounterMetricFamily(_PREFIX + "drops", text, labels=["camera", "reason"])
    for camera in cameras:
        for reason, count in camera.drops.items():
            family.add_metric([camera.camera_id, reason], count)
    return family


def _phases(cameras: list[CameraStatus]) -> Metric:
    family = GaugeMetricFamily(_PREFIX + "phase", "1 for the current phase.", labels=["camera", "phase"])
    for camera in cameras:
        for phase in get_args(FramesPhase):
            family.add_metric([camera.camera_id, phase], float(camera.phase == phase))
    return family
