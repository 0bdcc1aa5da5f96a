"""Receive webhooks as a company's alerting system would, and remember every one.

POST /alerts keeps the body and its Idempotency-Key as one line of a JSON Lines file, flushed before
the answer; GET /alerts lists all of them. POST /fail {"times": n} makes the next n posts answer 503.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


class Received:
    """Keep what was posted, in order; survives a restart."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lock = threading.Lock()
        self.failures_left = 0

    def append(self, key: str, body: object) -> None:
        """Write one delivery through to the disk."""
        line = json.dumps({"key": key, "at": time.time(), "alert": body}, separators=(",", ":"))
        with self.lock, self.file.open("a") as out:
            out.write(line + "\n")
            out.flush()
            os.fsync(out.fileno())

    def all(self) -> list[dict[str, object]]:
        """Return every delivery, oldest first."""
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text().splitlines()]


def application(received: Received) -> Starlette:
    """Build the sink's application."""

    async def post(request: Request) -> JSONResponse:
        if received.failures_left > 0:
            received.failures_left -= 1
            return JSONResponse({"error": "told to fail"}, status_code=503)
        received.append(request.headers.get("idempotency-key", ""), await request.json())
        return JSONResponse({"received": True})

    async def fetch(_: Request) -> JSONResponse:
        return JSONResponse(received.all())

    async def fail(request: Request) -> JSONResponse:
        received.failures_left = int((await request.json())["times"])
        return JSONResponse({"failures_left": received.failures_left})

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/alerts", post, methods=["POST"]),
            Route("/alerts", fetch, methods=["GET"]),
            Route("/fail", fail, methods=["POST"]),
            Route("/healthz", health),
        ]
    )


def main() -> None:
    """Serve the sink on loopback."""
    parser = argparse.ArgumentParser(prog="python -m gatehouse_stack.sink", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--file", type=Path, required=True, help="where deliveries are kept, JSON Lines")
    options = parser.parse_args()
    uvicorn.run(
        application(Received(options.file)), host=options.host, port=options.port, log_level="warning"
    )


if __name__ == "__main__":
    main()
