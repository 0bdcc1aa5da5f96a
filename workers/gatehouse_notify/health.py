"""Answer health checks and Prometheus over HTTP on loopback."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def health_server(
    port: int, metrics: Callable[[], str], trouble: Callable[[], dict[str, str]], host: str = "127.0.0.1"
) -> ThreadingHTTPServer:
    """Make the server for `/healthz` and `/metrics`; the caller runs it.

    `/healthz` answers 503 while a part fails, and names it.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                broken = trouble()
                body = json.dumps({"status": "failing" if broken else "ok", "parts": broken})
                self._answer(503 if broken else 200, "application/json", body)
            elif self.path == "/metrics":
                self._answer(200, "text/plain; version=0.0.4", metrics())
            else:
                self._answer(404, "text/plain", "There is /healthz and /metrics.\n")

        def _answer(self, status: int, kind: str, body: str) -> None:
            content = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a health check every few seconds is no news."""

    return ThreadingHTTPServer((host, port), Handler)
