"""Answer health checks and Prometheus over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from gatehouse_frames.analysis.complaints import Complaints
from gatehouse_frames.office.worker import OfficeWorker


def health_server(
    address: tuple[str, int], health: Callable[[], dict[str, Any]], metrics: Callable[[], bytes]
) -> ThreadingHTTPServer:
    """Make the server for `/healthz` and `/metrics`; the caller runs it.

    `/healthz` is 200 while the process serves, whatever its cameras do.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(200, "application/json", json.dumps(health()).encode())
            elif self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, metrics())
            else:
                self._answer(404, "text/plain", b"There is /healthz and /metrics.\n")

        def _answer(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a health check every few seconds is no news."""

    return ThreadingHTTPServer(address, Handler)


def health_page(office: str, worker: OfficeWorker, complaints: Complaints) -> dict[str, Any]:
    """Say how the worker and its cameras are."""
    cameras = {
        camera.camera_id: {"phase": camera.phase, "reason": camera.reason} for camera in worker.cameras
    }
    wrong = complaints.all()
    well = not wrong and all(camera["phase"] != "retrying" for camera in cameras.values())
    return {
        "status": "ok" if well else "degraded",
        "office": office,
        "version": worker.version,
        "complaints": wrong,
        "cameras": cameras,
    }
